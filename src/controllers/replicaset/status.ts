import type { ReplicaSetCondition, ReplicaSetStatus } from '../../api/types/apps-v1.js'
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { withCondition, withoutCondition } from '../common/conditions.js'
import { isPodAvailable, isPodReady } from '../common/pods.js'

export interface StatusInput {
  readonly old: ReplicaSetStatus | undefined
  readonly generation: number | undefined
  readonly template: PodTemplateSpec | undefined
  readonly minReadySeconds: number
  /** Active pods of the owner. */
  readonly pods: readonly Pod[]
  /** Pods of the owner that are being deleted and have not finished; undefined when the kind does not report them. */
  readonly terminating?: number
  /** What went wrong when making or deleting pods, if anything. */
  readonly error?: unknown
  /** Pods wanted minus pods there: says whether the error was about creating or deleting. */
  readonly missing: number
  readonly nowMs: number
}

/** The status of a ReplicaSet (or ReplicationController) from its pods. */
export function replicaStatus(input: StatusInput): ReplicaSetStatus {
  const wanted = Object.entries(input.template?.metadata?.labels ?? {})
  let fullyLabeledReplicas = 0
  let readyReplicas = 0
  let availableReplicas = 0
  for (const pod of input.pods) {
    const labels = pod.metadata.labels ?? {}
    if (wanted.every(([key, value]) => labels[key] === value)) fullyLabeledReplicas++
    if (!isPodReady(pod)) continue
    readyReplicas++
    if (isPodAvailable(pod, input.minReadySeconds, input.nowMs)) availableReplicas++
  }
  const conditions = failureCondition(input)
  return {
    replicas: input.pods.length,
    ...(fullyLabeledReplicas ? { fullyLabeledReplicas } : {}),
    ...(readyReplicas ? { readyReplicas } : {}),
    ...(availableReplicas ? { availableReplicas } : {}),
    ...(input.terminating === undefined ? {} : { terminatingReplicas: input.terminating }),
    ...(input.generation === undefined ? {} : { observedGeneration: input.generation }),
    ...(conditions.length ? { conditions } : {}),
  }
}

function failureCondition(input: StatusInput): ReplicaSetCondition[] {
  const old = input.old?.conditions
  if (input.error === undefined) return withoutCondition(old, 'ReplicaFailure')
  const reason = input.missing > 0 ? 'FailedCreate' : 'FailedDelete'
  // The first failure's condition stays until all is well, so that its message does not flicker.
  if (old?.some((condition) => condition.type === 'ReplicaFailure')) return [...old]
  return withCondition(old, { type: 'ReplicaFailure', status: 'True', reason, message: messageOf(input.error) }, input.nowMs)
}
