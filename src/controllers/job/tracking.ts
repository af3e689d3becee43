/**
 * How ended pods get into a Job's counters exactly once (KEP-2307): their uids are listed in status.uncountedTerminatedPods,
 * then the finalizer is taken off them, then the uids move into the counters. Whoever is interrupted goes on from the status. Pure.
 */
import type { Job, JobStatus } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import type { Assessment, Verdict } from './assessment.js'
import { hasSucceeded, indexOf, isFailed, isIndexed } from './job-pods.js'
import { matchFailurePolicy } from './policies.js'

/** The status lists no more uids than this, so that it stays small. */
const uncountedMax = 500

export interface Tracking {
  /** The status with the uids listed. */
  readonly status: JobStatus
  /** Pods to take the finalizer off, once that status is written. */
  readonly release: readonly Pod[]
  /** There is more to count than fits: the Job has not ended yet. */
  readonly more: boolean
}

/** `status` is the Job's, with what else is new in it; `verdict` when the Job ends. */
export function trackingOf(job: Job, assessment: Assessment, status: JobStatus, verdict: Verdict | undefined): Tracking {
  const stillTracked = new Set(assessment.pods.filter(assessment.isCountable).map((pod) => pod.metadata.uid ?? ''))
  const settled = countReleased(status, stillTracked)
  const listed = {
    succeeded: [...(settled.uncountedTerminatedPods?.succeeded ?? [])],
    failed: [...(settled.uncountedTerminatedPods?.failed ?? [])],
  }
  const known = { succeeded: new Set(listed.succeeded), failed: new Set(listed.failed) }
  const succeededIndexes: number[] = []
  const release: Pod[] = []
  let more = false
  for (const pod of assessment.pods) {
    if (!assessment.isCountable(pod) || !mayRelease(job, pod, assessment, verdict)) continue
    release.push(pod)
    const uid = pod.metadata.uid ?? ''
    if (hasSucceeded(pod) && !known.failed.has(uid)) {
      const index = indexOf(job, pod)
      if (!isIndexed(job) && !known.succeeded.has(uid)) listed.succeeded.push(uid)
      // An index is counted once by itself; it needs no uid.
      else if (index !== undefined && !assessment.succeededBefore.has(index)) succeededIndexes.push(index)
    } else if (!known.failed.has(uid) && countsAsFailed(job, pod, verdict)) listed.failed.push(uid)
    if (succeededIndexes.length + listed.succeeded.length + listed.failed.length >= uncountedMax) {
      more = true
      break
    }
  }
  const uncountedTerminatedPods = uncountedOf(listed.succeeded, listed.failed)
  return { status: { ...settled, ...indexedCounters(job, assessment, succeededIndexes), uncountedTerminatedPods }, release, more }
}

function uncountedOf(succeeded: readonly string[], failed: readonly string[]) {
  return { ...(succeeded.length ? { succeeded: [...succeeded] } : {}), ...(failed.length ? { failed: [...failed] } : {}) }
}

function mayRelease(job: Job, pod: Pod, assessment: Assessment, verdict: Verdict | undefined): boolean {
  if (job.metadata.deletionTimestamp || verdict || hasSucceeded(pod)) return true
  if (!isFailed(job, pod)) return false
  const index = indexOf(job, pod)
  return index === undefined || assessment.kept.get(index)?.metadata.uid !== pod.metadata.uid
}

/** When the Job fails, pods that still ran have failed with it. */
function countsAsFailed(job: Job, pod: Pod, verdict: Verdict | undefined): boolean {
  if (!isFailed(job, pod) && (!verdict || verdict.success)) return false
  if (isIndexed(job) && indexOf(job, pod) === undefined) return false
  return matchFailurePolicy(job.spec?.podFailurePolicy, pod).counts
}

function indexedCounters(job: Job, { succeededBefore, failedIndexes }: Assessment, added: readonly number[]): Partial<JobStatus> {
  if (!isIndexed(job)) return {}
  const completed = succeededBefore.with(added)
  return {
    succeeded: completed.size || undefined,
    completedIndexes: completed.toString() || undefined,
    ...(failedIndexes ? { failedIndexes: failedIndexes.toString() } : {}),
  }
}

/** Moves uids whose pods no longer have the finalizer into the counters. */
export function countReleased(status: JobStatus, stillTracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {}
  const left = { succeeded: succeeded.filter((uid) => stillTracked.has(uid)), failed: failed.filter((uid) => stillTracked.has(uid)) }
  const succeededNow = (status.succeeded ?? 0) + succeeded.length - left.succeeded.length
  const failedNow = (status.failed ?? 0) + failed.length - left.failed.length
  return {
    ...status,
    succeeded: succeededNow || undefined,
    failed: failedNow || undefined,
    uncountedTerminatedPods: uncountedOf(left.succeeded, left.failed),
  }
}
