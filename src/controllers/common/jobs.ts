import type { Job, JobCondition } from '../../api/types/batch-v1.js'

/** The condition that says that a Job has ended (Complete or Failed), if it has. */
export function finishedCondition(job: Job): JobCondition | undefined {
  return job.status?.conditions?.find((each) => (each.type === 'Complete' || each.type === 'Failed') && each.status === 'True')
}

export function isJobFinished(job: Job): boolean {
  return finishedCondition(job) !== undefined
}

export function isJobSucceeded(job: Job): boolean {
  return finishedCondition(job)?.type === 'Complete'
}
