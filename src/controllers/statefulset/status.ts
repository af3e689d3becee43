/** The status of a StatefulSet from its pods. Pure. */
import type { StatefulSet, StatefulSetStatus } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { isPodAvailable } from '../common/pods.js'
import { ordinalOf, replicasOf, revisionOfPod } from './identity.js'
import { isRunningAndReady } from './plan.js'

export interface Revisions {
  /** The name of the revision that the pods had before the update under way. */
  readonly current: string
  readonly update: string
  readonly collisionCount: number
}

export function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], revisions: Revisions, nowMs: number): StatefulSetStatus {
  const count = { ready: 0, available: 0, current: 0, updated: 0, all: 0 }
  for (const pod of pods) {
    if (ordinalOf(set, pod) === undefined) continue
    count.all++
    if (isRunningAndReady(pod)) {
      count.ready++
      if (isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)) count.available++
    }
    if (pod.metadata.deletionTimestamp) continue
    if (revisionOfPod(pod) === revisions.current) count.current++
    if (revisionOfPod(pod) === revisions.update) count.updated++
  }
  // Every wanted pod is there, ready and of the new revision: the update is over, and the new revision is the current one.
  const complete =
    set.spec?.updateStrategy?.type !== 'OnDelete' && [count.updated, count.ready, count.all].every((each) => each === replicasOf(set))
  const current = complete ? count.updated : count.current
  return {
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    replicas: count.all,
    ...(count.ready ? { readyReplicas: count.ready } : {}),
    ...(current ? { currentReplicas: current } : {}),
    ...(count.updated ? { updatedReplicas: count.updated } : {}),
    availableReplicas: count.available,
    currentRevision: complete ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  }
}
