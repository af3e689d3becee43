import { hasReason } from '../../api/status.js'
import type { Pod } from '../../api/types/core-v1.js'
import { patchPodStatus } from '../common/pod-conditions.js'
import { podCondition } from '../common/pods.js'
import type { View } from '../controller.js'

/** Takes the Ready condition from a pod whose node is lost: nobody else would, and Services must not send it requests. */
export async function markNotReady(pod: Pod, view: View): Promise<void> {
  const ready = podCondition(pod, 'Ready')
  if (!ready || ready.status === 'False') return
  const { lastTransitionTime: _, ...rest } = ready
  try {
    await patchPodStatus(view.client, pod, { condition: { ...rest, status: 'False' } }, view.clock.now())
  } catch (error) {
    if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return
    throw error
  }
  view.events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', 'NodeNotReady', 'Node is not ready')
}
