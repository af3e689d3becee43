/**
 * A Job's pods counted, and whether the Job has thereby ended. Pure.
 *
 * A pod is counted once: while it has the tracking finalizer and its uid is not in status.uncountedTerminatedPods. Those listed
 * there are on their way into the counters; those without the finalizer are in them.
 */
import type { Job, JobCondition } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { isPodActive, isPodReady } from '../common/pods.js'
import { IndexSet } from './indexes.js'
import {
  allFailuresOf,
  failuresOf,
  finishedAtMs,
  hasLimitPerIndex,
  hasSucceeded,
  indexOf,
  isFailed,
  isIndexed,
  isSuspended,
  isTerminating,
  isTracked,
} from './job-pods.js'
import { matchFailurePolicy, matchSuccessPolicy } from './policies.js'

export interface Assessment {
  readonly pods: readonly Pod[]
  readonly active: readonly Pod[]
  readonly ready: number
  readonly terminating: number
  /** Ended and not counted yet. */
  readonly newlySucceeded: readonly Pod[]
  readonly newlyFailed: readonly Pod[]
  /** With those that are not counted yet. */
  readonly succeeded: number
  readonly failed: number
  /** Of an Indexed Job: as the status has them, and with what has newly succeeded. */
  readonly succeededBefore: IndexSet
  readonly succeededIndexes: IndexSet
  /** With backoffLimitPerIndex. */
  readonly failedIndexes?: IndexSet
  /** Failed pods that stay until the next pod of their index has taken over their count of failures. */
  readonly kept: ReadonlyMap<number, Pod>
  /** Tracked, and no removal of the finalizer was under way. */
  isCountable(pod: Pod): boolean
}

export function assess(job: Job, pods: readonly Pod[], released: ReadonlySet<string>): Assessment {
  const uncounted = job.status?.uncountedTerminatedPods
  const countable = new Set(pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid ?? '')))
  const isCountable = (pod: Pod) => countable.has(pod)
  const newly = (listed: readonly string[] = [], ended: (pod: Pod) => boolean) => {
    const known = new Set(listed)
    return pods.filter(
      (pod) => ended(pod) && isCountable(pod) && !known.has(pod.metadata.uid ?? '') && (!isIndexed(job) || indexOf(job, pod) !== undefined),
    )
  }
  const newlySucceeded = newly(uncounted?.succeeded, hasSucceeded)
  const newlyFailed = newly(uncounted?.failed, (pod) => isFailed(job, pod))
  const counted = newlyFailed.filter((pod) => matchFailurePolicy(job.spec?.podFailurePolicy, pod).counts)
  const completions = job.spec?.completions ?? 0
  const active = pods.filter(isPodActive)
  const succeededBefore = isIndexed(job) ? IndexSet.parse(job.status?.completedIndexes, completions) : IndexSet.empty
  const indexesOf = (some: readonly Pod[]) => some.map((pod) => indexOf(job, pod)).filter((index) => index !== undefined)
  const tracked = pods.filter(isTracked)
  const succeededIndexes = isIndexed(job) ? succeededBefore.with(indexesOf(tracked.filter(hasSucceeded))) : IndexSet.empty
  const failedIndexes = hasLimitPerIndex(job)
    ? IndexSet.parse(job.status?.failedIndexes, completions).with(indexesOf(tracked.filter((pod) => failsIndex(job, pod))))
    : undefined
  const plain = (job.status?.succeeded ?? 0) + newlySucceeded.length + (uncounted?.succeeded?.length ?? 0)
  return {
    ...{ pods, active, newlySucceeded, newlyFailed, succeededBefore, succeededIndexes, isCountable },
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isTerminating).length,
    succeeded: isIndexed(job) ? succeededIndexes.size : plain,
    failed: (job.status?.failed ?? 0) + counted.length + (uncounted?.failed?.length ?? 0),
    ...(failedIndexes ? { failedIndexes } : {}),
    kept: failedIndexes ? podsToKeep(job, pods.filter(isCountable), active, succeededIndexes.union(failedIndexes)) : new Map(),
  }
}

/** The pod's failure is one too many for its index. */
function failsIndex(job: Job, pod: Pod): boolean {
  if (!isFailed(job, pod)) return false
  const { action, counts } = matchFailurePolicy(job.spec?.podFailurePolicy, pod)
  return action === 'FailIndex' || (counts && failuresOf(pod) >= (job.spec?.backoffLimitPerIndex ?? 0))
}

/** By index, the last failed pod of each that is neither done nor running again (KEP-3850). */
function podsToKeep(job: Job, pods: readonly Pod[], active: readonly Pod[], done: IndexSet): Map<number, Pod> {
  const running = new Set(active.map((pod) => indexOf(job, pod)))
  const kept = new Map<number, Pod>()
  for (const pod of pods) {
    const index = indexOf(job, pod)
    if (index === undefined || !isFailed(job, pod) || done.has(index) || running.has(index)) continue
    const other = kept.get(index)
    if (!other || (allFailuresOf(other) <= allFailuresOf(pod) && finishedAtMs(pod) >= finishedAtMs(other))) kept.set(index, pod)
  }
  return kept
}

/** Why a Job ends: the interim condition first, then, when its pods have gone, the final one with the same reason. */
export interface Verdict {
  readonly success: boolean
  readonly reason: string
  readonly message: string
}

export const completionsReached: Verdict = {
  success: true,
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
}

const failure = (reason: string, message: string): Verdict => ({ success: false, reason, message })

/** The verdict, said before or new; undefined while the Job goes on (or is about to complete by its count). */
export function verdictOf(job: Job, assessment: Assessment, nowMs: number): Verdict | undefined {
  return saidBefore(job) ?? failedPolicy(job, assessment) ?? beyondLimits(job, assessment, nowMs) ?? byIndexes(job, assessment)
}

export function conditionOf(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((each) => each.type === type && each.status === 'True')
}

function saidBefore(job: Job): Verdict | undefined {
  const met = conditionOf(job, 'SuccessCriteriaMet')
  const said = met ?? conditionOf(job, 'FailureTarget')
  return said && { success: said === met, reason: said.reason ?? '', message: said.message ?? '' }
}

function failedPolicy(job: Job, { pods }: Assessment): Verdict | undefined {
  const policy = job.spec?.podFailurePolicy
  if (!policy) return undefined
  for (const pod of pods) {
    const message = isFailed(job, pod) ? matchFailurePolicy(policy, pod).message : undefined
    if (message !== undefined) return failure('PodFailurePolicy', message)
  }
  return undefined
}

function beyondLimits(job: Job, assessment: Assessment, nowMs: number): Verdict | undefined {
  const limit = job.spec?.backoffLimit ?? 6
  if (assessment.failed > limit || restartsBeyond(job, assessment.pods, limit))
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  const left = deadlineMs(job, nowMs)
  return left !== undefined && left <= 0 ? failure('DeadlineExceeded', 'Job was active longer than specified deadline') : undefined
}

/** Pods that restart in place count their restarts towards the limit. */
function restartsBeyond(job: Job, pods: readonly Pod[], limit: number): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false
  let restarts = 0
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue
    for (const each of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += each.restartCount
  }
  return limit === 0 ? restarts > 0 : restarts >= limit
}

/** Until activeDeadlineSeconds is over; undefined when it does not run. */
export function deadlineMs(job: Job, nowMs: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds
  const start = job.status?.startTime
  if (seconds === undefined || start === undefined || isSuspended(job)) return undefined
  return Date.parse(start) + seconds * 1000 - nowMs
}

function byIndexes(job: Job, { failedIndexes, succeededIndexes }: Assessment): Verdict | undefined {
  if (!isIndexed(job)) return undefined
  if (failedIndexes) {
    const { maxFailedIndexes, completions = 0 } = job.spec ?? {}
    if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes)
      return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes')
    if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= completions)
      return failure('FailedIndexes', 'Job has failed indexes')
  }
  const message = matchSuccessPolicy(job, succeededIndexes)
  return message === undefined ? undefined : { success: true, reason: 'SuccessPolicy', message }
}

/** By count: enough pods have succeeded and none runs any more. Without completions one success is enough. */
export function isComplete(job: Job, succeeded: number, active: number): boolean {
  const completions = job.spec?.completions
  return active === 0 && (completions === undefined ? succeeded > 0 : succeeded >= completions)
}
