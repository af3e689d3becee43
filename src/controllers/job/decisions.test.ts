import { describe, expect, it } from 'vitest'
import type { Job, JobSpec, JobStatus } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { assess, isComplete, verdictOf } from './assessment.js'
import { noFailures, remainingMs, withEnded } from './backoff.js'
import { ensureCondition, withSuspension } from './conditions.js'
import { IndexSet } from './indexes.js'
import { makeJobPod, trackingFinalizer } from './job-pods.js'
import { matchFailurePolicy, matchSuccessPolicy } from './policies.js'
import { scalingOf } from './scaling.js'
import { trackingOf } from './tracking.js'

const nowMs = Date.UTC(2026, 0, 1)
const jobOf = (spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job => ({
  metadata: { name: 'j', namespace: 'n', uid: 'u' },
  spec: { parallelism: 2, completions: 3, backoffLimit: 6, template: { spec: { containers: [{ name: 'c' }] } }, ...spec },
  status: { startTime: timestamp(nowMs - 10_000), ...status },
})
let made = 0
interface Made {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  index?: number
  ending?: boolean
  counted?: boolean
  failures?: number
  exitCode?: number
  conditions?: object[]
  restarts?: number
  endedAgoMs?: number
}
const pod = (of: Made = {}): Pod => ({
  metadata: {
    name: `p${++made}`,
    namespace: 'n',
    uid: `u${made}`,
    finalizers: of.counted ? [] : [trackingFinalizer],
    annotations: {
      ...(of.index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(of.index) }),
      ...(of.failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(of.failures) }),
    },
    ...(of.ending ? { deletionTimestamp: timestamp(nowMs) } : {}),
  },
  status: {
    phase: of.phase ?? 'Running',
    conditions: (of.conditions ?? []) as never,
    containerStatuses: [
      {
        ...{ name: 'c', image: '', imageID: '', ready: false, restartCount: of.restarts ?? 0 },
        state:
          of.phase === 'Failed' || of.phase === 'Succeeded'
            ? {
                terminated: {
                  exitCode: of.phase === 'Failed' ? (of.exitCode ?? 1) : 0,
                  finishedAt: timestamp(nowMs - (of.endedAgoMs ?? 60_000)),
                },
              }
            : {},
      },
    ],
  },
})
const none = new Set<string>()
const verdict = (job: Job, pods: Pod[]) => verdictOf(job, assess(job, pods, none), nowMs)?.reason
const scaling = (job: Job, pods: Pod[], failures = noFailures) => {
  const step = scalingOf(job, assess(job, pods, none), failures, nowMs)
  return step.kind === 'remove' ? { remove: step.pods.map((each) => each.metadata.name) } : step
}
const indexed = { completionMode: 'Indexed' } as const
const failed = { phase: 'Failed' } as const
const done = { phase: 'Succeeded' } as const

describe('index sets', () => {
  it('read and write the text of status.completedIndexes', () => {
    for (const text of ['', '0', '0,1', '0-2', '1,3-5,7']) expect(IndexSet.parse(text, 100).toString()).toBe(text)
    expect(IndexSet.parse('0,1', 9).with([2, 5]).toString()).toBe('0-2,5')
    expect(IndexSet.parse('0-9', 4).toString()).toBe('0-3')
    expect(IndexSet.parse('2,x,4-', 9).toString()).toBe('2')
  })
  it('find the lowest indexes that are missing', () => {
    expect(IndexSet.parse('0,2-3', 9).firstMissing(3, 9)).toEqual([1, 4, 5])
    expect(IndexSet.parse('0-3', 5).firstMissing(3, 5)).toEqual([4])
    expect(IndexSet.empty.firstMissing(9, 2)).toEqual([0, 1])
  })
  it('know their members and what they share', () => {
    const set = IndexSet.parse('1-3,7', 9)
    expect([0, 1, 3, 4, 7, 8].map((index) => set.has(index))).toEqual([false, true, true, false, true, false])
    expect(set.size).toBe(4)
    expect(set.sizeOfCommon(IndexSet.parse('0,3-8', 9))).toBe(2)
  })
})

describe('counting', () => {
  it('counts each end once: new ones, listed uids, and the counters', () => {
    const job = jobOf({}, { succeeded: 1, failed: 1, uncountedTerminatedPods: { succeeded: ['listed'] } })
    const listed = pod(done)
    listed.metadata.uid = 'listed'
    const released = pod(failed)
    const { succeeded, failed: failures } = assess(
      job,
      [listed, pod(done), pod({ ...done, counted: true }), pod(failed), released],
      new Set([released.metadata.uid ?? '']),
    )
    expect([succeeded, failures]).toEqual([3, 2])
  })
  it('a deleted pod has failed, unless only failed ones are replaced', () => {
    expect(assess(jobOf(), [pod({ ending: true })], none)).toMatchObject({ failed: 1, terminating: 1 })
    expect(assess(jobOf({ podReplacementPolicy: 'Failed' }), [pod({ ending: true })], none)).toMatchObject({ failed: 0, terminating: 1 })
  })
  it('lists uids, lets pods go, and moves them to the counters later', () => {
    const job = jobOf({}, { uncountedTerminatedPods: { failed: ['gone'] } })
    const pods = [pod(done), pod(failed), pod()]
    const { status, release } = trackingOf(job, assess(job, pods, none), job.status ?? {}, undefined)
    expect(status).toMatchObject({
      failed: 1,
      uncountedTerminatedPods: { succeeded: [pods[0]?.metadata.uid], failed: [pods[1]?.metadata.uid] },
    })
    expect(release).toEqual(pods.slice(0, 2))
  })
  it('at the end of a failed Job, what still ran has failed', () => {
    const job = jobOf()
    const pods = [pod()]
    const failing = { success: false, reason: 'x', message: '' }
    const listed = (how: typeof failing) => trackingOf(job, assess(job, pods, none), {}, how).status.uncountedTerminatedPods
    expect(listed(failing)).toEqual({ failed: [pods[0]?.metadata.uid] })
    expect(listed({ ...failing, success: true })).toEqual({})
  })
  it('lists no more than 500 at a time', () => {
    const job = jobOf({ completions: 600 })
    const pods = Array.from({ length: 600 }, () => pod(done))
    expect(trackingOf(job, assess(job, pods, none), {}, undefined)).toMatchObject({ more: true, release: { length: 500 } })
  })
  it('indexes are counted by themselves, those out of range not at all', () => {
    const job = jobOf({ ...indexed, completions: 3 }, { completedIndexes: '0' })
    const assessment = assess(job, [pod({ ...done, index: 2 }), pod({ ...done, index: 0 }), pod({ ...done, index: 7 })], none)
    expect(assessment.succeeded).toBe(2)
    expect(trackingOf(job, assessment, job.status ?? {}, undefined)).toMatchObject({
      status: { completedIndexes: '0,2', succeeded: 2, uncountedTerminatedPods: {} },
      release: { length: 3 },
    })
  })
})

describe('the end of a Job', () => {
  it('comes when more pods have failed than backoffLimit', () => {
    expect(verdict(jobOf({ backoffLimit: 1 }), [pod(failed)])).toBeUndefined()
    expect(verdict(jobOf({ backoffLimit: 1 }), [pod(failed), pod(failed)])).toBe('BackoffLimitExceeded')
    expect(verdict(jobOf({ backoffLimit: 0 }), [pod(failed)])).toBe('BackoffLimitExceeded')
  })
  it('counts restarts in place of pods with restartPolicy OnFailure', () => {
    const template = { spec: { containers: [], restartPolicy: 'OnFailure' as const } }
    expect(verdict(jobOf({ backoffLimit: 3, template }), [pod({ restarts: 2 })])).toBeUndefined()
    expect(verdict(jobOf({ backoffLimit: 3, template }), [pod({ restarts: 2 }), pod({ restarts: 1 })])).toBe('BackoffLimitExceeded')
  })
  it('comes with activeDeadlineSeconds, which stands still while suspended', () => {
    expect(verdict(jobOf({ activeDeadlineSeconds: 10 }), [pod()])).toBe('DeadlineExceeded')
    expect(verdict(jobOf({ activeDeadlineSeconds: 11 }), [pod()])).toBeUndefined()
    expect(verdict(jobOf({ activeDeadlineSeconds: 10, suspend: true }), [pod()])).toBeUndefined()
  })
  it('is kept once it has been said', () => {
    const conditions = [{ type: 'FailureTarget', status: 'True', reason: 'Because' }]
    expect(verdict(jobOf({}, { conditions }), [])).toBe('Because')
  })
  it('by count, waits for the last pod', () => {
    expect(isComplete(jobOf(), 3, 0)).toBe(true)
    expect(isComplete(jobOf(), 3, 1)).toBe(false)
    expect(isComplete(jobOf({ completions: undefined }), 1, 0)).toBe(true)
  })
  it('comes with failed indexes, at the last one or beyond maxFailedIndexes (KEP-3850)', () => {
    const job = (more: Partial<JobSpec> = {}) => jobOf({ ...indexed, completions: 2, backoffLimitPerIndex: 1, ...more })
    expect(verdict(job(), [pod({ ...failed, index: 0, failures: 0 })])).toBeUndefined()
    expect(verdict(job(), [pod({ ...failed, index: 0, failures: 1 })])).toBeUndefined()
    expect(verdict(job({ maxFailedIndexes: 0 }), [pod({ ...failed, index: 0, failures: 1 })])).toBe('MaxFailedIndexesExceeded')
    expect(verdict(job(), [pod({ ...failed, index: 0, failures: 1 }), pod({ ...done, index: 1 })])).toBe('FailedIndexes')
  })
  it('comes with the success policy (KEP-3998)', () => {
    const policy = (rule: object) => jobOf({ ...indexed, completions: 5, successPolicy: { rules: [rule] } })
    const met = (rule: object, text: string) => matchSuccessPolicy(policy(rule), IndexSet.parse(text, 5)) !== undefined
    expect([met({ succeededCount: 2 }, '0'), met({ succeededCount: 2 }, '0,4')]).toEqual([false, true])
    expect([met({ succeededIndexes: '0,2' }, '0,1'), met({ succeededIndexes: '0,2' }, '0-2')]).toEqual([false, true])
    expect([
      met({ succeededIndexes: '0-3', succeededCount: 2 }, '0,4'),
      met({ succeededIndexes: '0-3', succeededCount: 2 }, '0,3'),
    ]).toEqual([false, true])
  })
})

describe('the pod failure policy (KEP-3329)', () => {
  const policy = {
    rules: [
      { action: 'FailJob' as const, onExitCodes: { operator: 'In' as const, values: [42], containerName: 'c' } },
      { action: 'Ignore' as const, onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'Count' as const, onExitCodes: { operator: 'NotIn' as const, values: [1] } },
    ],
  }
  it('takes the first rule that matches', () => {
    expect(matchFailurePolicy(policy, pod({ ...failed, exitCode: 42 }))).toMatchObject({ action: 'FailJob', counts: true })
    const disrupted = pod({ ...failed, conditions: [{ type: 'DisruptionTarget', status: 'True' }] })
    expect(matchFailurePolicy(policy, disrupted)).toEqual({ action: 'Ignore', counts: false })
    expect(matchFailurePolicy(policy, pod({ ...failed, exitCode: 7 }))).toEqual({ action: 'Count', counts: true })
    expect(matchFailurePolicy(policy, pod(failed))).toEqual({ counts: true })
  })
  it('fails the Job, or does not count the failure', () => {
    expect(verdict(jobOf({ podFailurePolicy: policy }), [pod({ ...failed, exitCode: 42 })])).toBe('PodFailurePolicy')
    const disrupted = pod({ ...failed, conditions: [{ type: 'DisruptionTarget', status: 'True' }] })
    expect(verdict(jobOf({ podFailurePolicy: policy, backoffLimit: 0 }), [disrupted])).toBeUndefined()
  })
  it('FailIndex fails the index at once', () => {
    const rules = [{ action: 'FailIndex' as const, onExitCodes: { operator: 'In' as const, values: [3] } }]
    const job = jobOf({ ...indexed, completions: 2, backoffLimitPerIndex: 5, podFailurePolicy: { rules } })
    expect(assess(job, [pod({ ...failed, index: 1, exitCode: 3, failures: 0 })], none).failedIndexes?.toString()).toBe('1')
  })
})

describe('scaling', () => {
  it('runs parallelism pods, and no more than completions are left', () => {
    expect(scaling(jobOf(), [])).toEqual({ kind: 'create', count: 2 })
    expect(scaling(jobOf({}, { succeeded: 2 }), [])).toEqual({ kind: 'create', count: 1 })
    expect(scaling(jobOf(), [pod(), pod()])).toEqual({ kind: 'none' })
    expect(scaling(jobOf({ parallelism: 0 }), [pod()])).toMatchObject({ remove: { length: 1 } })
    expect(scaling(jobOf({ parallelism: 2000, completions: 3000 }), [])).toEqual({ kind: 'create', count: 500 })
  })
  it('a work queue makes no new pods after the first success', () => {
    const queue = { completions: undefined, parallelism: 3 }
    expect(scaling(jobOf(queue), [pod()])).toEqual({ kind: 'create', count: 2 })
    expect(scaling(jobOf(queue), [pod(), pod(done)])).toEqual({ kind: 'none' })
  })
  it('makes the lowest indexes that are neither done nor running, ends doubles and those out of range', () => {
    const job = jobOf({ ...indexed, completions: 4, parallelism: 3 }, { completedIndexes: '1', succeeded: 1 })
    expect(scaling(job, [pod({ index: 2 })])).toEqual({ kind: 'create', count: 2, indexes: [0, 3] })
    const [a, b, c] = [pod({ index: 0 }), pod({ index: 0 }), pod({ index: 9 })]
    expect(scaling(job, [a, b, c, pod({ index: 2 })])).toEqual({ remove: [c.metadata.name, expect.any(String)] })
  })
  it('waits after failures: 10 s, 20 s, 40 s ... 10 min', () => {
    const job = jobOf()
    const failures = { count: 1, lastMs: nowMs - 4_000 }
    expect(scaling(job, [], failures)).toEqual({ kind: 'wait', ms: 6_000 })
    expect([1, 2, 3, 9].map((count) => remainingMs({ count, lastMs: nowMs }, nowMs))).toEqual([10_000, 20_000, 40_000, 600_000])
    expect(withEnded(noFailures, [], [pod(failed), pod(failed)]).count).toBe(2)
    expect(withEnded({ count: 5, lastMs: 1 }, [pod({ ...done, endedAgoMs: 5_000 })], [pod(failed)])).toEqual(noFailures)
    expect(withEnded({ count: 5, lastMs: 1 }, [pod(done)], [pod({ ...failed, endedAgoMs: 5_000 })]).count).toBe(1)
  })
  it('replaces a pod that is ending at once, or only when it has ended (KEP-3939)', () => {
    const pods = [pod(), pod({ ending: true, counted: true })]
    expect(scaling(jobOf(), pods)).toEqual({ kind: 'create', count: 1 })
    expect(scaling(jobOf({ podReplacementPolicy: 'Failed' }), pods)).toEqual({ kind: 'none' })
  })
  it('with backoffLimitPerIndex each index waits for itself and hands on its failures', () => {
    const job = jobOf({ ...indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 3 })
    const just = pod({ ...failed, index: 0, failures: 1, endedAgoMs: 5_000 })
    expect(scaling(job, [just])).toEqual({ kind: 'create', count: 1, indexes: [1] })
    expect(scaling(job, [just, pod({ index: 1 })])).toEqual({ kind: 'wait', ms: 15_000 })
    const assessment = assess(job, [just], none)
    expect(assessment.kept.get(0)).toBe(just)
    expect(trackingOf(job, assessment, {}, undefined).release).toEqual([])
    expect(makeJobPod(job, 0, just).metadata.annotations).toEqual({
      'batch.kubernetes.io/job-completion-index': '0',
      'batch.kubernetes.io/job-index-failure-count': '2',
    })
  })
  it('suspended ends all', () => {
    expect(scaling(jobOf({ suspend: true }), [pod(), pod()])).toMatchObject({ remove: { length: 2 } })
  })
})

describe('pods and conditions', () => {
  it('an indexed pod knows its index', () => {
    const made = makeJobPod(jobOf(indexed), 3)
    expect(made.metadata).toMatchObject({
      generateName: 'j-3-',
      labels: { 'batch.kubernetes.io/job-completion-index': '3' },
      annotations: { 'batch.kubernetes.io/job-completion-index': '3' },
      finalizers: [trackingFinalizer],
    })
    expect(made.spec?.hostname).toBe('j-3')
    expect(made.spec?.containers[0]?.env?.[0]?.name).toBe('JOB_COMPLETION_INDEX')
    const long = { ...jobOf(indexed), metadata: { name: 'x'.repeat(63) } }
    expect(makeJobPod(long, 12).metadata.generateName).toBe(`${'x'.repeat(54)}-12-`)
  })
  it('a condition that was never true is not made to say so', () => {
    const wanted = { type: 'Suspended', status: 'False', reason: 'JobResumed', message: '' }
    expect(ensureCondition([], wanted, nowMs)).toEqual([])
    expect(ensureCondition([{ type: 'Suspended', status: 'True' }], wanted, nowMs)).toMatchObject([{ status: 'False' }])
  })
  it('the start time goes with the suspension and is new after it', () => {
    const paused = withSuspension(jobOf({ suspend: true }), { startTime: timestamp(0) }, nowMs)
    expect(paused).toMatchObject({ event: 'Suspended', status: { startTime: undefined } })
    expect(withSuspension(jobOf(), paused.status, nowMs)).toMatchObject({ event: 'Resumed', status: { startTime: timestamp(nowMs) } })
    expect(withSuspension(jobOf(), {}, nowMs)).toEqual({ status: {} })
  })
})
