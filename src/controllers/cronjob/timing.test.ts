import { describe, expect, it } from 'vitest'
import { parseSchedule } from '../../api/cron/parse.js'
import type { CronJob, Job } from '../../api/types/batch-v1.js'
import { jobFor, jobsBeyondHistory } from './jobs.js'
import { dueTime, msUntilNext } from './timing.js'

const at = (text: string) => Date.parse(text)
const cronJob = (schedule: string, { last, ...spec }: Partial<CronJob['spec']> & { last?: string } = {}): CronJob => ({
  metadata: { name: 'c', namespace: 'n', uid: 'u', creationTimestamp: '2026-01-01T00:00:30Z' },
  spec: { schedule, jobTemplate: {}, ...spec },
  ...(last === undefined ? {} : { status: { lastScheduleTime: last } }),
})
const due = (job: CronJob, now: string) => dueTime(job, parseSchedule(job.spec.schedule), at(now))
const wait = (job: CronJob, now: string) => msUntilNext(job, parseSchedule(job.spec.schedule), at(now))

describe('the due time of a CronJob', () => {
  it('counts from the creation, then from the last run', () => {
    expect(due(cronJob('* * * * *'), '2026-01-01T00:00:59Z')).toEqual({ kind: 'none' })
    expect(due(cronJob('* * * * *'), '2026-01-01T00:01:00Z')).toEqual({ kind: 'due', atMs: at('2026-01-01T00:01:00Z'), tooMany: false })
    expect(due(cronJob('* * * * *', { last: '2026-01-01T00:01:00Z' }), '2026-01-01T00:01:30Z')).toEqual({ kind: 'none' })
  })
  it('is the latest of several missed times', () => {
    expect(due(cronJob('0 * * * *'), '2026-01-01T05:10:00Z')).toEqual({ kind: 'due', atMs: at('2026-01-01T05:00:00Z'), tooMany: false })
    // Uneven: 1, 2 and 20 o'clock.
    expect(due(cronJob('0 1,2,20 * * *'), '2026-01-03T12:00:00Z')).toMatchObject({ atMs: at('2026-01-03T02:00:00Z') })
  })
  it('says when more than 100 were missed, and still runs the latest', () => {
    expect(due(cronJob('* * * * *'), '2026-01-01T02:00:00Z')).toEqual({ kind: 'due', atMs: at('2026-01-01T02:00:00Z'), tooMany: true })
  })
  it('does not look back beyond startingDeadlineSeconds', () => {
    const job = cronJob('0 * * * *', { startingDeadlineSeconds: 60 })
    expect(due(job, '2026-01-01T05:10:00Z')).toEqual({ kind: 'none' })
    expect(due(job, '2026-01-01T05:00:30Z')).toMatchObject({ kind: 'due', atMs: at('2026-01-01T05:00:00Z') })
    expect(due(cronJob('* * * * *', { startingDeadlineSeconds: 90 }), '2026-02-01T00:00:00Z')).toMatchObject({ tooMany: false })
  })
  it('refuses a schedule without times', () => {
    expect(due(cronJob('0 0 31 2 *'), '2026-01-01T05:10:00Z')).toEqual({ kind: 'never' })
  })
  it('looks again a moment after the next time', () => {
    expect(wait(cronJob('* * * * *'), '2026-01-01T00:00:40Z')).toBe(20_100)
    expect(wait(cronJob('0 * * * *', { startingDeadlineSeconds: 1 }), '2026-01-01T05:10:00Z')).toBe(50 * 60_000 + 100)
    expect(wait(cronJob('0 0 31 2 *'), '2026-01-01T05:10:00Z')).toBeUndefined()
  })
})

describe('the Jobs of a CronJob', () => {
  it('are named by the minute, owned, and say their time in the zone', () => {
    const job = jobFor(
      cronJob('0 9 * * *', { timeZone: 'Asia/Tokyo', jobTemplate: { metadata: { labels: { a: 'b' }, annotations: { x: 'y' } } } }),
      at('2026-01-02T00:00:00Z'),
    )
    expect(job.metadata).toEqual({
      name: 'c-29455200',
      namespace: 'n',
      labels: { a: 'b' },
      annotations: { x: 'y', 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-02T09:00:00+09:00' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'c', uid: 'u', controller: true, blockOwnerDeletion: true }],
    })
  })
  it('go beyond the history limits by age of start, successes and failures apart', () => {
    const job = (name: string, type: string, startTime?: string): Job => ({
      metadata: { name },
      status: { ...(startTime ? { startTime } : {}), conditions: [{ type, status: 'True' }] },
    })
    const jobs = [
      job('s3', 'Complete', '2026-01-03T00:00:00Z'),
      job('s1', 'Complete', '2026-01-01T00:00:00Z'),
      job('s2', 'Complete', '2026-01-02T00:00:00Z'),
      job('f1', 'Failed', '2026-01-01T00:00:00Z'),
      job('f2', 'Failed'),
      { metadata: { name: 'active' } },
    ]
    const names = (spec: Partial<CronJob['spec']>) => jobsBeyondHistory(cronJob('@daily', spec), jobs).map((each) => each.metadata.name)
    expect(names({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 })).toEqual(['s1', 's2', 'f1'])
    expect(names({ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 0 })).toEqual(['f1', 'f2'])
  })
})
