/** The arithmetic of a PodDisruptionBudget (policy API, KEP-85): how many pods must be healthy, are, and may be evicted. Pure. */
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.js'
import type { Condition } from '../../api/types/meta-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { scaledValue } from '../common/int-or-percent.js'
import { isPodReady } from '../common/pods.js'

/** An evicted pod that is not being deleted after so long was not evicted after all. */
const deletionTimeoutMs = 2 * 60_000

export interface Expected {
  readonly expectedPods: number
  readonly desiredHealthy: number
}

/** True when percentages (or maxUnavailable) ask for the pods that the owners want, not just for those that are there. */
export function asksForScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string'
}

/** `scale`: what the owners of the pods want together, where the budget asks for it. Percentages round up. */
export function expectedOf({ spec }: PodDisruptionBudget, pods: number, scale: number): Expected {
  const { maxUnavailable, minAvailable } = spec ?? {}
  if (maxUnavailable !== undefined)
    return { expectedPods: scale, desiredHealthy: Math.max(0, scale - scaledValue(maxUnavailable, scale, 'up')) }
  if (typeof minAvailable === 'string') return { expectedPods: scale, desiredHealthy: scaledValue(minAvailable, scale, 'up') }
  return minAvailable === undefined ? { expectedPods: 0, desiredHealthy: 0 } : { expectedPods: pods, desiredHealthy: minAvailable }
}

export interface Disrupted {
  /** Pods whose eviction was granted and that are still to go. */
  readonly pods: Readonly<Record<string, string>>
  /** Pods that should have gone by now. */
  readonly overdue: readonly Pod[]
  /** When the next of them is overdue. */
  readonly recheckMs?: number
}

/** What the eviction API noted in status.disruptedPods, without those that are being deleted or were not deleted in time. */
export function disruptedOf({ status }: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Disrupted {
  const noted = status?.disruptedPods
  const still: Record<string, string> = {}
  const overdue: Pod[] = []
  let recheckMs: number | undefined
  if (noted) {
    for (const pod of pods) {
      const name = pod.metadata.name ?? ''
      const at = noted[name]
      if (at === undefined || pod.metadata.deletionTimestamp) continue
      const left = Date.parse(at) + deletionTimeoutMs - nowMs
      if (left < 0) {
        overdue.push(pod)
        continue
      }
      still[name] = at
      recheckMs = Math.min(left, recheckMs ?? left)
    }
  }
  return { pods: still, overdue, ...(recheckMs === undefined ? {} : { recheckMs }) }
}

/** Ready, not being deleted, and no eviction under way. */
export function healthyOf(pods: readonly Pod[], disrupted: Disrupted): number {
  return pods.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp && disrupted.pods[pod.metadata.name ?? ''] === undefined)
    .length
}

export function budgetStatus(
  budget: PodDisruptionBudget,
  { expectedPods, desiredHealthy }: Expected,
  currentHealthy: number,
  disrupted: Disrupted,
  nowMs: number,
): PodDisruptionBudgetStatus {
  // Without an expected pod nothing is allowed: the first pods are safe until this has been worked out for them.
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0
  const allowed = disruptionsAllowed > 0
  return {
    ...(Object.keys(disrupted.pods).length > 0 ? { disruptedPods: { ...disrupted.pods } } : {}),
    ...{ currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed, observedGeneration: budget.metadata.generation },
    conditions: withAllowed(
      budget,
      { status: allowed ? 'True' : 'False', reason: allowed ? 'SufficientPods' : 'InsufficientPods', message: '' },
      nowMs,
    ),
  }
}

/** When the numbers cannot be had, nothing may be evicted. */
export function failSafeStatus(budget: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus {
  return {
    ...budget.status,
    disruptionsAllowed: 0,
    conditions: withAllowed(budget, { status: 'False', reason: 'SyncFailed', message }, nowMs),
  }
}

function withAllowed(budget: PodDisruptionBudget, wanted: Pick<Condition, 'status' | 'reason' | 'message'>, nowMs: number): Condition[] {
  const conditions = budget.status?.conditions ?? []
  const old = conditions.find((each) => each.type === 'DisruptionAllowed')
  const condition: Condition = {
    type: 'DisruptionAllowed',
    ...wanted,
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: old?.status === wanted.status ? old.lastTransitionTime : timestamp(nowMs),
  }
  return old ? conditions.map((each) => (each === old ? condition : each)) : [...conditions, condition]
}
