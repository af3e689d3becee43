import type { Pod, PodCondition } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { podCondition } from './pods.js'

interface StatusChange {
  readonly condition?: Omit<PodCondition, 'lastTransitionTime'>
  readonly phase?: 'Failed'
}

/** Writes a condition (and a phase) into a pod's status, unless it says so already. Only what changes is sent, for this very pod. */
export async function patchPodStatus(client: Client, pod: Pod, change: StatusChange, nowMs: number): Promise<boolean> {
  const { namespace = '', name = '', uid } = pod.metadata
  const { condition, phase } = change
  const old = condition && podCondition(pod, condition.type)
  const isNews = condition && (old?.status !== condition.status || old.reason !== condition.reason || old.message !== condition.message)
  if (!isNews && (phase === undefined || phase === pod.status?.phase)) return false
  const conditions = isNews
    ? [{ ...condition, ...(old?.status === condition.status ? {} : { lastTransitionTime: timestamp(nowMs) }) }]
    : undefined
  const body = { metadata: { uid }, status: { ...(phase ? { phase } : {}), ...(conditions ? { conditions } : {}) } }
  await client.resource<Pod>(resources.pods).patch(namespace, name, { type: 'strategic', body }, { subresource: 'status' })
  return true
}

/** Says beforehand that a pod is about to be ended by the control plane (KEP-3329: jobs do not count it as a failure). */
export function disruptionTarget(pod: Pod, reason: string, message: string): Omit<PodCondition, 'lastTransitionTime'> {
  const { generation } = pod.metadata
  return { type: 'DisruptionTarget', status: 'True', reason, message, ...(generation ? { observedGeneration: generation } : {}) }
}
