/** What the controller of a Job may report (batch/v1): how it ended is told once and whole (KEP-3998, KEP-4368). */
import type { Job, JobStatus } from '../../types/batch-v1.js'
import type { Faults } from '../faults.js'
import { countIndexes } from './indexes.js'

const terminal = ['Failed', 'Complete', 'FailureTarget', 'SuccessCriteriaMet']
const conditionStatuses = new Set(['False', 'True', 'Unknown'])

export function isTrue({ status }: Job, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
}

export function jobStatusFaults(faults: Faults, job: Job, old: Job): void {
  const status = job.status ?? {}
  const before = old.status ?? {}
  for (const name of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) faults.nonNegative(`status.${name}`, status[name])
  if (status.ready !== undefined && status.ready > (status.active ?? 0))
    faults.invalid('status.ready', status.ready, 'cannot set more ready pods than active')
  for (const [i, condition] of (status.conditions ?? []).entries())
    if (!conditionStatuses.has(condition.status)) faults.notSupported(`status.conditions[${i}].status`, condition.status, conditionStatuses)
  uncountedFaults(faults, status)
  outcomeFaults(faults, job)
  finishedFaults(faults, job)
  indexesFaults(faults, job)
  for (const type of terminal)
    if (isTrue(old, type) && !isTrue(job, type))
      faults.invalid('status.conditions', status.conditions ?? [], `cannot disable the terminal ${type}=True condition`)
  for (const name of ['succeeded', 'failed'] as const)
    if ((status[name] ?? 0) >= 0 && (status[name] ?? 0) < (before[name] ?? 0))
      faults.invalid(`status.${name}`, status[name] ?? 0, `cannot decrease the ${name} counter`)
  if (before.completionTime && isTrue(old, 'Complete') && status.completionTime !== before.completionTime)
    faults.invalid('status.completionTime', status.completionTime ?? null, 'completionTime cannot be mutated')
  if (before.startTime && status.startTime !== before.startTime && !job.spec?.suspend)
    faults.invalid('status.startTime', status.startTime ?? null, 'startTime cannot be removed or changed for unsuspended job')
}

function uncountedFaults(faults: Faults, { uncountedTerminatedPods }: JobStatus): void {
  const seen = new Set<string>()
  for (const kind of ['succeeded', 'failed'] as const)
    for (const [i, uid] of (uncountedTerminatedPods?.[kind] ?? []).entries()) {
      const path = `status.uncountedTerminatedPods.${kind}[${i}]`
      if (uid === '') faults.invalid(path, uid, 'must not be empty')
      else if (seen.has(uid)) faults.duplicate(path, uid)
      seen.add(uid)
    }
}

/** A Job ends in one way, of which it has been told before. */
function outcomeFaults(faults: Faults, job: Job): void {
  const { conditions } = job.status ?? {}
  const fault = (detail: string) => faults.invalid('status.conditions', conditions, detail)
  const [complete, failed] = [isTrue(job, 'Complete'), isTrue(job, 'Failed')]
  const [target, success] = [isTrue(job, 'FailureTarget'), isTrue(job, 'SuccessCriteriaMet')]
  if (complete && failed) fault('cannot set Complete=True and Failed=true conditions')
  if (complete && target) fault('cannot set Complete=True and FailureTarget=true conditions')
  if (failed && !target) fault('cannot set Failed=True condition without the FailureTarget=true condition')
  if (complete && !success) fault('cannot set Complete=True condition without the SuccessCriteriaMet=true condition')
  if (success && failed) fault('cannot set SuccessCriteriaMet=True and Failed=true conditions')
  if (success && target) fault('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions')
}

function finishedFaults(faults: Faults, job: Job): void {
  const { startTime, completionTime, active = 0, terminating = 0, uncountedTerminatedPods } = job.status ?? {}
  const complete = isTrue(job, 'Complete')
  if (completionTime && !complete)
    faults.invalid('status.completionTime', completionTime, 'cannot set completionTime when there is no Complete=True condition')
  if (!completionTime && complete) faults.required('status.completionTime', 'completionTime is required for Complete jobs')
  if (startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime))
    faults.invalid('status.completionTime', completionTime, 'completionTime cannot be set before startTime')
  if (!complete && !isTrue(job, 'Failed')) return
  if (active > 0) faults.invalid('status.active', active, 'active>0 is invalid for finished job')
  if (terminating > 0) faults.invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job')
  if (!startTime) faults.required('status.startTime', 'startTime is required for finished job')
  const uncounted = [...(uncountedTerminatedPods?.succeeded ?? []), ...(uncountedTerminatedPods?.failed ?? [])]
  if (uncounted.length > 0)
    faults.invalid('status.uncountedTerminatedPods', uncountedTerminatedPods, 'uncountedTerminatedPods needs to be empty for finished job')
}

function indexesFaults(faults: Faults, { spec, status }: Job): void {
  const { completedIndexes = '', failedIndexes = '' } = status ?? {}
  const completions = spec?.completions
  if (completedIndexes && spec?.completionMode !== 'Indexed')
    faults.invalid('status.completedIndexes', completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode')
  else if (completions !== undefined && countIndexes(completedIndexes, completions) === undefined)
    faults.invalid('status.completedIndexes', completedIndexes, 'error parsing completedIndexes')
  if (failedIndexes && spec?.backoffLimitPerIndex === undefined)
    faults.invalid('status.failedIndexes', failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null')
  else if (failedIndexes && completions !== undefined && countIndexes(failedIndexes, completions) === undefined)
    faults.invalid('status.failedIndexes', failedIndexes, 'error parsing failedIndexes')
}
