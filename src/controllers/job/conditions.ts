/** The conditions of a Job. Pure. */
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.js'
import { timestamp } from '../../base/clock.js'
import type { Verdict } from './assessment.js'
import { isSuspended } from './job-pods.js'

/** The list with this condition. One that says False is only kept where it said otherwise before. */
export function ensureCondition(
  list: readonly JobCondition[] | undefined,
  wanted: { type: string; status: string; reason: string; message: string },
  nowMs: number,
): JobCondition[] | undefined {
  const old = list?.find((each) => each.type === wanted.type)
  if (old ? old.status === wanted.status && old.reason === wanted.reason && old.message === wanted.message : wanted.status === 'False')
    return list && [...list]
  const now = timestamp(nowMs)
  const condition: JobCondition = { ...wanted, lastProbeTime: now, lastTransitionTime: now }
  return old ? list?.map((each) => (each === old ? condition : each)) : [...(list ?? []), condition]
}

/** Says that the Job will end so, before its pods are let go. */
export function withInterim(status: JobStatus, { success, reason, message }: Verdict, nowMs: number): JobStatus {
  const type = success ? 'SuccessCriteriaMet' : 'FailureTarget'
  if (status.conditions?.some((each) => each.type === type && each.status === 'True')) return status
  return { ...status, conditions: ensureCondition(status.conditions, { type, status: 'True', reason, message }, nowMs) }
}

/** Says that the Job has ended. */
export function withFinal(status: JobStatus, { success, reason, message }: Verdict, nowMs: number): JobStatus {
  const type = success ? 'Complete' : 'Failed'
  const conditions = ensureCondition(status.conditions, { type, status: 'True', reason, message }, nowMs)
  return { ...status, conditions, ...(success ? { completionTime: timestamp(nowMs) } : {}) }
}

/**
 * Says that the Job is suspended, or no longer. The clock of activeDeadlineSeconds stands still meanwhile: the start time goes
 * with the suspension and is new after it (KEP-2232, KEP-5440).
 */
export function withSuspension(job: Job, status: JobStatus, nowMs: number): { status: JobStatus; event?: 'Suspended' | 'Resumed' } {
  const suspended = isSuspended(job)
  const wanted = suspended
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' }
  const before = status.conditions?.find((each) => each.type === 'Suspended')
  const conditions = ensureCondition(status.conditions, wanted, nowMs)
  if (conditions?.find((each) => each.type === 'Suspended') === before) return { status }
  return {
    status: { ...status, conditions, startTime: suspended ? undefined : timestamp(nowMs) },
    event: suspended ? 'Suspended' : 'Resumed',
  }
}
