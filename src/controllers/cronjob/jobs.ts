/** What a CronJob makes and keeps: the Job of a time, and which finished Jobs are too many. Pure. */
import { zonedTimestamp, zoneNamed } from '../../api/cron/zone.js'
import type { CronJob, Job } from '../../api/types/batch-v1.js'
import { finishedCondition } from '../common/jobs.js'
import { controllerReference } from '../common/owner.js'

export const cronJobKind = { group: 'batch', version: 'v1', kind: 'CronJob' } as const
/** The time a Job was meant for, on the wall clock of the CronJob's zone. */
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/** One name a time: whoever makes it twice meets AlreadyExists. Times are whole minutes. */
export function jobName(cronJob: CronJob, atMs: number): string {
  return `${cronJob.metadata.name}-${Math.floor(atMs / 60_000)}`
}

export function jobFor(cronJob: CronJob, atMs: number): Job {
  const { metadata = {}, spec } = structuredClone(cronJob.spec.jobTemplate)
  const zone = zoneNamed(cronJob.spec.timeZone ?? '')
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, atMs),
      namespace: cronJob.metadata.namespace,
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata.annotations, ...(zone ? { [scheduledAnnotation]: zonedTimestamp(atMs, zone) } : {}) },
      ownerReferences: [controllerReference(cronJob, cronJobKind)],
    },
    ...(spec ? { spec } : {}),
  }
}

/** The finished Jobs beyond successfulJobsHistoryLimit and failedJobsHistoryLimit, oldest start first. */
export function jobsBeyondHistory(cronJob: CronJob, jobs: readonly Job[]): Job[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec
  const ended = (type: string) => jobs.filter((job) => finishedCondition(job)?.type === type)
  return [...oldest(ended('Complete'), successfulJobsHistoryLimit), ...oldest(ended('Failed'), failedJobsHistoryLimit)]
}

function oldest(jobs: Job[], keep: number | undefined): Job[] {
  if (keep === undefined || jobs.length <= keep) return []
  return jobs.sort(byStart).slice(0, jobs.length - keep)
}

function byStart(a: Job, b: Job): number {
  const [left, right] = [a.status?.startTime ?? '~', b.status?.startTime ?? '~']
  if (left !== right) return left < right ? -1 : 1
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}
