/** CronJobs (batch/v1). */
import type { CronJob, CronJobSpec } from '../../types/batch-v1.js'
import { parseSchedule, namesZone } from '../../cron/parse.js'
import { zoneNamed } from '../../cron/zone.js'
import { ratchetOf } from '../core/pod-template.js'
import { oddName, templateWarnings } from '../core/pod-warnings.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { jobSpecFaults } from './job-spec.js'

const concurrencyPolicies = new Set(['Allow', 'Forbid', 'Replace'])
/** Jobs are named after it, with eleven characters more. */
const nameLengthMax = 52

function cronJobFaults(faults: Faults, { spec }: CronJob, old?: CronJob): void {
  const { schedule = '', timeZone, jobTemplate, concurrencyPolicy } = spec ?? ({} as CronJobSpec)
  scheduleFaults(faults, 'spec.schedule', schedule, timeZone, old?.spec?.schedule)
  faults.nonNegative('spec.startingDeadlineSeconds', spec?.startingDeadlineSeconds)
  if (timeZone !== old?.spec?.timeZone) timeZoneFaults(faults, 'spec.timeZone', timeZone)
  faults.word('spec.concurrencyPolicy', concurrencyPolicy, concurrencyPolicies)
  const job = jobTemplate?.spec ?? { template: {} }
  jobSpecFaults(faults, 'spec.jobTemplate.spec', job, ratchetOf(old?.spec?.jobTemplate?.spec?.template?.spec))
  if (job.manualSelector === true) faults.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false'])
  if (job.selector) faults.invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated')
  faults.nonNegative('spec.successfulJobsHistoryLimit', spec?.successfulJobsHistoryLimit)
  faults.nonNegative('spec.failedJobsHistoryLimit', spec?.failedJobsHistoryLimit)
}

function scheduleFaults(faults: Faults, path: string, schedule: string, timeZone: string | undefined, old: string | undefined): void {
  if (schedule === '') return faults.required(path)
  if (!canParse(schedule)) faults.invalid(path, schedule, 'cannot be read as a cron schedule')
  // Zones in schedules are of before there was a field; an old one may stay.
  const mayNameZone = old !== undefined && namesZone(old)
  if (!namesZone(schedule)) return
  if (timeZone !== undefined) faults.invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule')
  else if (!mayNameZone) faults.invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')
}

function canParse(schedule: string): boolean {
  try {
    parseSchedule(schedule)
    return true
  } catch {
    return false
  }
}

function timeZoneFaults(faults: Faults, path: string, timeZone: string | undefined): void {
  if (timeZone === undefined) return
  if (timeZone === '') faults.invalid(path, timeZone, 'timeZone must be nil or non-empty string')
  else if (timeZone.toLowerCase() === 'local')
    faults.invalid(path, timeZone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')
  else if (!zoneNamed(timeZone)) faults.invalid(path, timeZone, 'unknown time zone')
}

export const cronJobRules: KindRules<CronJob> = {
  create(faults, job) {
    cronJobFaults(faults, job)
    if ((job.metadata.name?.length ?? 0) > nameLengthMax)
      faults.invalid('metadata.name', job.metadata.name, `must be no more than ${nameLengthMax} characters`)
  },
  update: cronJobFaults,
  warnings({ metadata, spec }, old) {
    const zone = namesZone(spec?.schedule ?? '')
      ? ['spec.schedule: TZ or CRON_TZ is not officially supported, use spec.timeZone instead']
      : []
    return [
      ...(old ? [] : oddName(metadata.name)),
      ...zone,
      ...templateWarnings('spec.jobTemplate.spec.template', spec?.jobTemplate?.spec?.template),
    ]
  },
}
