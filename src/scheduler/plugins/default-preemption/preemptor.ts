/** Takes the victims of a preemption away: marks each with the reason, deletes it, says so. */
import type { Pod, PodCondition } from '../../../api/types/core-v1.js'
import { hasReason } from '../../../api/status.js'
import { type Clock, timestamp } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Logger } from '../../../base/logger.js'
import type { Client } from '../../../client/client.js'
import type { EventRecorder } from '../../../client/event-recorder.js'
import { resources } from '../../../client/resources.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { preemptedReason } from './find.js'

export interface PreemptorDeps {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly events: EventRecorder
}

/** Gives back whether all of them are gone or going. Never throws. */
export async function evict(victims: readonly PodInfo[], preemptor: PodInfo, node: string, deps: PreemptorDeps): Promise<boolean> {
  const outcomes = await Promise.all(victims.map((victim) => evictOne(victim, preemptor, node, deps)))
  return outcomes.every(Boolean)
}

async function evictOne(
  victim: PodInfo,
  preemptor: PodInfo,
  node: string,
  { client, clock, logger, events }: PreemptorDeps,
): Promise<boolean> {
  const { namespace, name, uid, pod } = victim
  const pods = client.resource<Pod>(resources.pods)
  try {
    if (!isMarked(pod)) {
      const condition: PodCondition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: preemptedReason,
        ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
        message: `${preemptor.schedulerName}: preempting to accommodate a higher priority pod`,
        lastTransitionTime: timestamp(clock.now()),
      }
      const body = { metadata: { uid }, status: { conditions: [condition] } }
      await pods.patch(namespace, name, { type: 'strategic', body }, { subresource: 'status' })
    }
    if (!victim.isTerminating) await pods.delete(namespace, name, { preconditions: { uid } })
  } catch (error) {
    // Gone already, or another pod under its name.
    if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return true
    logger.warn('A victim could not be preempted', { pod: victim.key, preemptor: preemptor.key, error: messageOf(error) })
    return false
  }
  events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'Preempted', `Preempted by pod ${preemptor.uid} on node ${node}`)
  return true
}

function isMarked({ status }: Pod): boolean {
  return (
    status?.conditions?.some(
      ({ type, status: is, reason }) => type === 'DisruptionTarget' && is === 'True' && reason === preemptedReason,
    ) ?? false
  )
}
