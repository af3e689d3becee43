/** A Deployment's status: counts, the Available and Progressing conditions, and when progress must have been made by. Pure. */
import { timestamp } from '../../base/clock.js'
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.js'
import { withCondition, withoutCondition } from '../common/conditions.js'
import { boundsOf } from './bounds.js'
import { totalOf, totalReplicas } from './replica-sets.js'

/** The value that stands for "no deadline" (the field is int32). */
const noDeadline = 2 ** 31 - 1

export function deploymentStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  nowMs: number,
): DeploymentStatus {
  const available = totalOf(all, 'availableReplicas')
  const { wanted, maxUnavailable } = boundsOf(deployment)
  const enough = available >= wanted - maxUnavailable
  const conditions = setCondition(
    deployment.status?.conditions,
    enough
      ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    nowMs,
  )
  const count = (field: string, value: number) => (value > 0 ? { [field]: value } : {})
  return {
    observedGeneration: deployment.metadata.generation,
    ...count('replicas', totalOf(all, 'replicas')),
    ...count('updatedReplicas', newSet?.status?.replicas ?? 0),
    ...count('readyReplicas', totalOf(all, 'readyReplicas')),
    ...count('availableReplicas', available),
    ...count('unavailableReplicas', totalReplicas(all) - available),
    ...(all.some((set) => set.status?.terminatingReplicas !== undefined)
      ? { terminatingReplicas: totalOf(all, 'terminatingReplicas') }
      : {}),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
    conditions,
  }
}

/** Everything updated, available, and nothing old left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec?.replicas ?? 1
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

/** The status with its Progressing and ReplicaFailure conditions: complete, moving, or past its deadline. */
export function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  nowMs: number,
): DeploymentStatus {
  let conditions = hasDeadline(deployment) ? status.conditions : withoutCondition(status.conditions, 'Progressing')
  const name = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const old = conditions?.find((condition) => condition.type === 'Progressing')
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && old?.reason === 'NewReplicaSetAvailable'
  if (hasDeadline(deployment) && !settled) {
    if (isComplete(deployment, status)) {
      conditions = setCondition(
        conditions,
        { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: `${name} has successfully progressed.` },
        nowMs,
      )
    } else if (hasProgressed(deployment.status, status)) {
      const condition = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${name} is progressing.` }
      // Every step of progress moves lastUpdateTime, from which the deadline counts, even when nothing else changes.
      conditions =
        old?.status === 'True'
          ? [
              ...withoutCondition(conditions, 'Progressing'),
              { ...condition, lastTransitionTime: old.lastTransitionTime, lastUpdateTime: timestamp(nowMs) },
            ]
          : setCondition(conditions, condition, nowMs)
    } else if (deadlineMs(deployment, status, nowMs) === 0) {
      conditions = setCondition(
        conditions,
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: `${name} has timed out progressing.` },
        nowMs,
      )
    }
  }
  // What the new set cannot do matters more than what an old one cannot.
  const failure = [...(newSet ? [newSet] : []), ...all]
    .flatMap((set) => set.status?.conditions ?? [])
    .find((condition) => condition.type === 'ReplicaFailure')
  conditions = failure
    ? setCondition(conditions, { type: 'ReplicaFailure', status: failure.status, reason: failure.reason, message: failure.message }, nowMs)
    : withoutCondition(conditions, 'ReplicaFailure')
  return { ...status, conditions }
}

function hasProgressed(old: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus | undefined) => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0)
  return (
    (now.updatedReplicas ?? 0) > (old?.updatedReplicas ?? 0) ||
    oldPods(now) < oldPods(old) ||
    (now.readyReplicas ?? 0) > (old?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (old?.availableReplicas ?? 0)
  )
}

export function hasDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds
  return seconds !== undefined && seconds !== noDeadline
}

/** Milliseconds until the progress deadline, 0 when it has passed; undefined when none is running. */
export function deadlineMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const condition = status.conditions?.find((each) => each.type === 'Progressing')
  if (!hasDeadline(deployment) || !condition) return undefined
  if (condition.reason === 'NewReplicaSetAvailable' || condition.reason === 'DeploymentPaused') return undefined
  if (condition.reason === 'ProgressDeadlineExceeded') return 0
  const from = Date.parse(condition.lastUpdateTime ?? condition.lastTransitionTime ?? '')
  return Math.max(0, from + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000 - nowMs)
}

/** Sets a condition with both of a Deployment's times. */
export function setCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  condition: DeploymentCondition,
  nowMs: number,
): DeploymentCondition[] {
  const old = conditions?.find((each) => each.type === condition.type)
  if (old && old.status === condition.status && old.reason === condition.reason) return [...(conditions ?? [])]
  return withCondition(conditions, { ...condition, lastUpdateTime: timestamp(nowMs) }, nowMs)
}
