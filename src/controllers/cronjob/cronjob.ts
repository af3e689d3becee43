/**
 * Starts a Job at each time of a CronJob's schedule, as its concurrency policy and deadline allow, keeps the list of those that
 * run, and deletes finished ones beyond the history limits. Which time is due is decided in timing.ts.
 */
import { CronError, namesZone, parseSchedule } from '../../api/cron/parse.js'
import type { Schedule } from '../../api/cron/schedule.js'
import { zoneNamed } from '../../api/cron/zone.js'
import { keyOf } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { CronJob, CronJobStatus, Job } from '../../api/types/batch-v1.js'
import type { ObjectReference } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { isGoingNamespace } from '../common/refusals.js'
import { finishedCondition, isJobFinished, isJobSucceeded } from '../common/jobs.js'
import { controllerOf, isControlledBy, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { sameJson } from '../../api/same-json.js'
import type { Controller, Outcome, View } from '../controller.js'
import { jobFor, jobName, jobsBeyondHistory } from './jobs.js'
import { dueTime, msUntilNext } from './timing.js'

/** A machine that was asleep, or whose clock was set, is not later than this: waiting is by another clock than schedules are. */
const longestWaitMs = 10 * 60_000

export function cronJobController(): Controller {
  /** The schedule that each key was last seen with. */
  const schedules = new Map<string, string>()
  return {
    name: 'cronjob-controller',
    watches: [
      { resource: resources.cronJobs, toKeys: (object) => [keyOf(object)] },
      { resource: resources.jobs, toKeys: (object) => keysOfJob(object as Job) },
    ],
    start(view) {
      view.informer<Job>(resources.jobs).addIndex(ownerIndex, ownerIndexValues)
    },
    async reconcile(key, view) {
      const cronJob = view.lister<CronJob>(resources.cronJobs).get(key)
      if (!cronJob) {
        schedules.delete(key)
        return
      }
      const text = `${cronJob.spec.timeZone ?? ''} ${cronJob.spec.schedule}`
      const before = schedules.get(key)
      schedules.set(key, text)
      // A changed schedule starts with its next time: times that it would have had before were never promised.
      return new Run(cronJob, view).reconcile(before !== undefined && before !== text)
    },
  }
}

function keysOfJob(job: Job): readonly string[] {
  const controller = controllerOf(job)
  return controller?.kind === 'CronJob' ? [`${job.metadata.namespace}/${controller.name}`] : []
}

/** One reconcile of one CronJob. */
class Run {
  readonly #view: View
  readonly #cronJob: CronJob
  readonly #namespace: string
  #status: CronJobStatus

  constructor(cronJob: CronJob, view: View) {
    this.#view = view
    this.#cronJob = cronJob
    this.#namespace = cronJob.metadata.namespace ?? ''
    this.#status = { ...cronJob.status }
  }

  async reconcile(rescheduled: boolean): Promise<Outcome | void> {
    const jobs = this.#view.lister<Job>(resources.jobs).by(ownerIndex, this.#cronJob.metadata.uid ?? '')
    let outcome: Outcome | void = undefined
    let failure: unknown
    try {
      await this.#follow(jobs)
      if (!this.#cronJob.metadata.deletionTimestamp) outcome = await this.#schedule(rescheduled)
    } catch (error) {
      failure = error
    }
    // What was done is reported even when the rest failed.
    for (const job of jobsBeyondHistory(this.#cronJob, jobs)) await this.#delete(job)
    await this.#writeStatus()
    if (failure !== undefined) throw failure
    return outcome
  }

  /** Brings the list of active Jobs and the time of the last success up to date with the Jobs that are there. */
  async #follow(jobs: readonly Job[]): Promise<void> {
    const children = new Set(jobs.map((job) => job.metadata.uid))
    for (const job of jobs) {
      const listed = this.#status.active?.some((each) => each.uid === job.metadata.uid) ?? false
      if (!isJobFinished(job)) {
        if (!listed) await this.#noteUnexpected(job)
        continue
      }
      if (listed) {
        this.#drop(job.metadata.uid)
        this.#say('Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${finishedCondition(job)?.type}`)
      }
      const completed = job.status?.completionTime
      if (isJobSucceeded(job) && completed && Date.parse(completed) > Date.parse(this.#status.lastSuccessfulTime ?? timestamp(0)))
        this.#status = { ...this.#status, lastSuccessfulTime: completed }
    }
    for (const active of this.#status.active ?? []) {
      // The cache may not have shown a new Job yet: only one that is not there when read live is missing.
      if (children.has(active.uid ?? '') || (await this.#read(active))) continue
      this.#say('Normal', 'MissingJob', `Active job went missing: ${active.name}`)
      this.#drop(active.uid)
    }
  }

  async #noteUnexpected(job: Job): Promise<void> {
    const fresh = await this.#cronJobs().get(this.#namespace, this.#cronJob.metadata.name ?? '')
    if (fresh.status?.active?.some((each) => each.uid === job.metadata.uid)) return
    this.#say('Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`)
  }

  async #schedule(rescheduled: boolean): Promise<Outcome | void> {
    const { spec } = this.#cronJob
    if (spec.timeZone !== undefined && !zoneNamed(spec.timeZone)) {
      return this.#say('Warning', 'UnknownTimeZone', `invalid timeZone: "${spec.timeZone}": unknown time zone ${spec.timeZone}`)
    }
    if (spec.suspend) return
    const schedule = this.#parse()
    if (!schedule) return
    const now = this.#view.clock.now()
    const due = dueTime({ ...this.#cronJob, status: this.#status }, schedule, now)
    if (due.kind === 'never') {
      return this.#say('Warning', 'InvalidSchedule', `invalid schedule: ${spec.schedule} : it has no two different times`)
    }
    if (due.kind === 'due') {
      if (due.tooMany)
        this.#say(
          'Warning',
          'TooManyMissedTimes',
          'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
        )
      if (!rescheduled && this.#mayStart(due.atMs, now)) await this.#start(due.atMs)
    }
    const wait = msUntilNext({ ...this.#cronJob, status: this.#status }, schedule, this.#view.clock.now())
    return wait === undefined ? undefined : { requeueAfterMs: Math.min(wait, longestWaitMs) }
  }

  #parse(): Schedule | undefined {
    const { schedule, timeZone } = this.#cronJob.spec
    if (namesZone(schedule))
      this.#say('Warning', 'UnsupportedSchedule', 'CRON_TZ or TZ used in schedule is not officially supported, see the timeZone field')
    try {
      return parseSchedule(schedule, timeZone)
    } catch (error) {
      if (!(error instanceof CronError)) throw error
      this.#say('Warning', 'UnparseableSchedule', `unparseable schedule: "${schedule}" : ${error.message}`)
      return undefined
    }
  }

  #mayStart(atMs: number, now: number): boolean {
    const { startingDeadlineSeconds, concurrencyPolicy } = this.#cronJob.spec
    if (startingDeadlineSeconds !== undefined && atMs + startingDeadlineSeconds * 1000 < now) {
      this.#say('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(atMs).toUTCString()}`)
      return false
    }
    const active = this.#status.active ?? []
    const name = jobName(this.#cronJob, atMs)
    if (active.some((each) => each.name === name)) return false
    if (this.#status.lastScheduleTime !== undefined && Date.parse(this.#status.lastScheduleTime) === atMs) return false
    if (concurrencyPolicy === 'Forbid' && active.length > 0) {
      this.#say('Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid')
      return false
    }
    return true
  }

  async #start(atMs: number): Promise<void> {
    if (this.#cronJob.spec.concurrencyPolicy === 'Replace') await this.#replaceActive()
    const job = await this.#create(atMs)
    if (!job) return
    const { name, namespace, uid, resourceVersion } = job.metadata
    const reference: ObjectReference = { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion }
    this.#status = { ...this.#status, active: [...(this.#status.active ?? []), reference], lastScheduleTime: timestamp(atMs) }
  }

  async #replaceActive(): Promise<void> {
    for (const active of this.#status.active ?? []) {
      const job = await this.#read(active)
      if (!job) {
        this.#say('Warning', 'FailedGet', `Get job: ${active.name} not found`)
        throw new Error(`could not replace job ${this.#namespace}/${active.name}: it is gone`)
      }
      if (!(await this.#delete(job))) throw new Error(`could not replace job ${this.#namespace}/${active.name}`)
    }
  }

  /** The Job of this time: made now, or before by us without being noted. Undefined when it is somebody else's or already noted. */
  async #create(atMs: number): Promise<Job | undefined> {
    const wanted = jobFor(this.#cronJob, atMs)
    try {
      const job = await this.#jobs().create(wanted)
      this.#say('Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`)
      return job
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) {
        if (!isGoingNamespace(error)) this.#say('Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`)
        throw error
      }
    }
    const existing = await this.#jobs().get(this.#namespace, wanted.metadata.name ?? '')
    if (!isControlledBy(existing, this.#cronJob)) return undefined
    return this.#status.active?.some((each) => each.uid === existing.metadata.uid) ? undefined : existing
  }

  /** With its pods, in the background. False when it did not work. */
  async #delete(job: Job): Promise<boolean> {
    const { name = '' } = job.metadata
    try {
      await this.#jobs().delete(this.#namespace, name, { propagationPolicy: 'Background' })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) {
        this.#say('Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`)
        return false
      }
    }
    this.#drop(job.metadata.uid)
    this.#say('Normal', 'SuccessfulDelete', `Deleted job ${name}`)
    return true
  }

  async #read({ name = '' }: ObjectReference): Promise<Job | undefined> {
    try {
      return await this.#jobs().get(this.#namespace, name)
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #drop(uid: string | undefined): void {
    const active = (this.#status.active ?? []).filter((each) => each.uid !== uid)
    this.#status = { ...this.#status, active: active.length > 0 ? active : undefined }
  }

  async #writeStatus(): Promise<void> {
    if (sameJson(this.#status, this.#cronJob.status ?? {})) return
    await this.#cronJobs().updateStatus({ ...this.#cronJob, status: this.#status })
  }

  #say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#view.events.event({ ...this.#cronJob, apiVersion: 'batch/v1', kind: 'CronJob' }, type, reason, message)
  }

  readonly #cronJobs = () => this.#view.client.resource<CronJob>(resources.cronJobs)
  readonly #jobs = () => this.#view.client.resource<Job>(resources.jobs)
}
