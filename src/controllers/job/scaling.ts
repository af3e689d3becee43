/** Which pods a Job makes or ends next. Pure. */
import type { Job } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { podsToDelete } from '../replicaset/ranking.js'
import type { Assessment } from './assessment.js'
import { type Failures, remainingMs } from './backoff.js'
import {
  allFailuresOf,
  finishedAtMs,
  hasLimitPerIndex,
  indexOf,
  isIndexed,
  isSuspended,
  isTerminating,
  replacesOnlyFailed,
} from './job-pods.js'

/** What one reconcile makes or ends at most (upstream's MaxPodCreateDeletePerSync). */
const burst = 500

export type Scaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'remove'; readonly pods: readonly Pod[] }
  /** `indexes` of an Indexed Job, as many as `count`. */
  | { readonly kind: 'create'; readonly count: number; readonly indexes?: readonly number[] }
  /** Failed pods are not replaced before that. */
  | { readonly kind: 'wait'; readonly ms: number }

const none: Scaling = { kind: 'none' }

/** Ending goes before making: a reconcile does one or the other. */
export function scalingOf(job: Job, assessment: Assessment, failures: Failures, nowMs: number): Scaling {
  const { active, terminating } = assessment
  if (isSuspended(job)) return active.length === 0 ? none : { kind: 'remove', pods: active }
  const wanted = wantedActive(job, assessment)
  const surplus = podsToRemove(job, active, Math.max(0, active.length - wanted), nowMs)
  if (surplus.length > 0) return { kind: 'remove', pods: surplus.slice(0, burst) }
  const missing = wanted - active.length - (replacesOnlyFailed(job) ? terminating : 0)
  if (missing <= 0) return none
  if (hasLimitPerIndex(job)) return createIndependent(job, assessment, missing, nowMs)
  const waitMs = remainingMs(failures, nowMs)
  if (waitMs > 0) return { kind: 'wait', ms: waitMs }
  if (!isIndexed(job)) return { kind: 'create', count: Math.min(missing, burst) }
  return create(pendingIndexes(job, assessment).slice(0, Math.min(missing, burst)))
}

function wantedActive(job: Job, { active, succeeded }: Assessment): number {
  const { completions, parallelism = 1 } = job.spec ?? {}
  // A work queue: after the first success what runs may run on, and nothing new is made.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism
  return Math.max(0, Math.min(completions - succeeded, parallelism))
}

/** At least so many; of an Indexed Job also pods without a valid index and all but one of each. */
function podsToRemove(job: Job, active: readonly Pod[], atLeast: number, nowMs: number): Pod[] {
  if (!isIndexed(job)) return atLeast === 0 ? [] : podsToDelete(active, atLeast, [], nowMs)
  const byIndex = new Map<number, Pod[]>()
  const invalid: Pod[] = []
  for (const pod of active) {
    const index = indexOf(job, pod)
    if (index === undefined) invalid.push(pod)
    else if (!byIndex.get(index)?.push(pod)) byIndex.set(index, [pod])
  }
  const single: Pod[] = []
  for (const pods of byIndex.values()) {
    const doubles = pods.length > 1 ? podsToDelete(pods, pods.length - 1, [], nowMs) : []
    invalid.push(...doubles)
    single.push(...pods.filter((pod) => !doubles.includes(pod)))
  }
  const more = atLeast - invalid.length
  return more > 0 ? [...invalid, ...podsToDelete(single, more, [], nowMs)] : invalid
}

/** The lowest indexes that neither have succeeded nor failed for good nor have a pod. */
function pendingIndexes(job: Job, { active, pods, succeededIndexes, failedIndexes }: Assessment): number[] {
  const there = replacesOnlyFailed(job) ? [...active, ...pods.filter(isTerminating)] : active
  const taken = succeededIndexes.with(there.map((pod) => indexOf(job, pod)).filter((index) => index !== undefined))
  return (failedIndexes ? taken.union(failedIndexes) : taken).firstMissing(burst, job.spec?.completions ?? 0)
}

/** With backoffLimitPerIndex each index waits for itself. */
function createIndependent(job: Job, assessment: Assessment, missing: number, nowMs: number): Scaling {
  const pending = pendingIndexes(job, assessment).slice(0, Math.min(missing, burst))
  const waits = pending.map((index) => {
    const failed = assessment.kept.get(index)
    return failed ? remainingMs({ count: allFailuresOf(failed) + 1, lastMs: finishedAtMs(failed) }, nowMs) : 0
  })
  const now = pending.filter((_, i) => waits[i] === 0)
  if (now.length > 0 || pending.length === 0) return create(now)
  return { kind: 'wait', ms: Math.min(...waits) }
}

function create(indexes: readonly number[]): Scaling {
  return indexes.length === 0 ? none : { kind: 'create', count: indexes.length, indexes }
}
