/**
 * Runs a Job's pods to completion, counts each end exactly once, and says when the Job has completed or failed. The decisions
 * are pure functions beside this file (assessment, scaling, tracking); here they are read, written and reported.
 */
import { keyOf } from '../../api/object.js'
import type { Selector } from '../../api/selectors/label.js'
import { hasReason } from '../../api/status.js'
import type { Job, JobStatus } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { isJobFinished } from '../common/jobs.js'
import { controllerOf, orphansOf, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { paced } from '../common/pace.js'
import { sameJson } from '../../api/same-json.js'
import type { Controller, Outcome, View } from '../controller.js'
import { assess, type Assessment, completionsReached, deadlineMs, isComplete, type Verdict, verdictOf } from './assessment.js'
import { type Failures, withEnded } from './backoff.js'
import { withFinal, withInterim, withSuspension } from './conditions.js'
import { isSuspended, isTracked, jobKind, trackingFinalizer } from './job-pods.js'
import { JobMemory } from './memory.js'
import { PodWriter, untrack } from './pod-writer.js'
import { scalingOf } from './scaling.js'
import { countReleased, trackingOf } from './tracking.js'

/** The value of spec.managedBy that means this controller (KEP-4368). */
const ourName = 'kubernetes.io/job-controller'
/** Before the key of a pod whose Job is not there to count it. Keys of Jobs have one slash, these two. */
const strayPrefix = 'pod/'

export function jobController(): Controller {
  let memory: JobMemory | undefined
  const memoryOf = (view: View) => (memory ??= new JobMemory(view.clock))
  return {
    name: 'job-controller',
    watches: [
      { resource: resources.jobs, toKeys: (object, view, change) => keysOfJob(object as Job, view, change, memoryOf(view)) },
      { resource: resources.pods, toKeys: (object, view, change) => keysOfPod(object as Pod, view, change, memoryOf(view)) },
    ],
    start(view) {
      memory = new JobMemory(view.clock)
      view.informer<Pod>(resources.pods).addIndex(ownerIndex, ownerIndexValues)
    },
    async reconcile(key, view) {
      if (key.startsWith(strayPrefix)) return releaseStray(key.slice(strayPrefix.length), view)
      const cached = view.lister<Job>(resources.jobs).get(key)
      if (!cached) return memoryOf(view).forget(key)
      const job = memoryOf(view).latest(key, cached)
      if (job.spec?.managedBy !== undefined && job.spec.managedBy !== ourName) return
      if (isJobFinished(job)) return memoryOf(view).forget(key)
      return new Sync(key, job, view, memoryOf(view)).run()
    },
  }
}

type Change = 'add' | 'update' | 'delete'

function keysOfJob(job: Job, view: View, change: Change, memory: JobMemory): readonly string[] {
  const key = keyOf(job)
  if (change === 'add') return [key]
  if (change === 'update') return paced([key], view, memory.pace)
  const left = view.lister<Pod>(resources.pods).by(ownerIndex, job.metadata.uid ?? '')
  return [key, ...left.filter(isTracked).map((pod) => strayPrefix + keyOf(pod))]
}

function keysOfPod(pod: Pod, view: View, change: Change, memory: JobMemory): readonly string[] {
  const { namespace = '', name = '', uid = '', labels, deletionTimestamp } = pod.metadata
  if (change === 'delete' || !isTracked(pod)) memory.released.delete(uid)
  const stray = change !== 'delete' && isTracked(pod) ? [strayPrefix + keyOf(pod)] : []
  const controller = controllerOf(pod)
  if (!controller) {
    if (change === 'delete') return []
    const jobs = view.lister<Job>(resources.jobs).list(namespace)
    return [...jobs.filter((job) => memory.selectorOf(job).matches(labels)).map(keyOf), ...stray]
  }
  if (controller.kind !== 'Job') return []
  const key = `${namespace}/${controller.name}`
  if (change === 'add') memory.expectations.created(key)
  if (change === 'delete' || deletionTimestamp) memory.expectations.deleted(key, name)
  const job = view.lister<Job>(resources.jobs).get(key)
  const alive = job !== undefined && job.metadata.uid === controller.uid && !isJobFinished(job)
  return alive ? paced([key], view, memory.pace) : [...paced([key], view, memory.pace), ...stray]
}

/** Lets a pod go that no Job will count: its Job is gone, has ended, or never was its owner. */
async function releaseStray(key: string, view: View): Promise<void> {
  const pod = view.lister<Pod>(resources.pods).get(key)
  if (!pod || !isTracked(pod)) return
  const controller = controllerOf(pod)
  if (controller && controller.kind !== 'Job') return
  if (controller) {
    try {
      // The cache may not have shown the Job yet: only what is read live decides.
      const job = await view.client.resource<Job>(resources.jobs).get(pod.metadata.namespace ?? '', controller.name)
      const ours = job.spec?.managedBy === undefined || job.spec.managedBy === ourName
      if (job.metadata.uid === controller.uid && (!isJobFinished(job) || !ours)) return
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
  await untrack(view, pod)
}

/** What the writes of a reconcile have changed in the numbers that it goes on with. */
interface Progress {
  active: number
  ready: number
  terminating: number
  waitMs?: number
  error?: unknown
}

/** One reconcile of one Job. */
class Sync {
  readonly #key: string
  readonly #job: Job
  readonly #view: View
  readonly #memory: JobMemory
  readonly #writer: PodWriter

  constructor(key: string, job: Job, view: View, memory: JobMemory) {
    this.#key = key
    this.#view = view
    this.#memory = memory
    const startTime = job.status?.startTime ?? (isSuspended(job) ? undefined : timestamp(view.clock.now()))
    this.#job = { ...job, status: { ...job.status, ...(startTime === undefined ? {} : { startTime }) } }
    this.#writer = new PodWriter(job, key, view, memory.expectations)
    this.#written = job
  }

  /** The Job as it was last read or written. */
  #written: Job

  async run(): Promise<Outcome | void> {
    const settled = this.#memory.expectations.satisfied(this.#key)
    const pods = await this.#claim(this.#memory.selectorOf(this.#written))
    this.#memory.pace.ran(this.#key, pods.length)
    const job = this.#job
    const assessment = assess(job, pods, this.#memory.released)
    const failures = withEnded(this.#memory.failures(this.#key), assessment.newlySucceeded, assessment.newlyFailed)
    const nowMs = this.#view.clock.now()
    const progress: Progress = { active: assessment.active.length, ready: assessment.ready, terminating: assessment.terminating }
    let status: JobStatus = job.status ?? {}
    let verdict = verdictOf(job, assessment, nowMs)
    if (verdict) {
      // Pods that are not seen yet, or would not go, have to be dealt with before the Job may end.
      if (!(await this.#endAll(assessment, progress)) || !settled) verdict = undefined
    } else {
      const managed = settled && !job.metadata.deletionTimestamp
      if (managed) await this.#scale(assessment, failures, progress)
      if (isComplete(job, assessment.succeeded, progress.active)) verdict = completionsReached
      else if (managed) status = this.#noteSuspension(status)
    }
    status = { ...status, active: progress.active || undefined, ready: progress.ready, terminating: progress.terminating }
    await this.#track(assessment, status, verdict, failures)
    if (progress.error !== undefined) throw progress.error
    return this.#nextLook(progress)
  }

  async #claim(selector: Selector): Promise<Pod[]> {
    const job = this.#written
    const pods = this.#view.lister<Pod>(resources.pods)
    return claimObjects(this.#view.client, {
      owner: job,
      ownerKind: jobKind,
      resource: resources.pods,
      candidates: [...pods.by(ownerIndex, job.metadata.uid ?? ''), ...pods.by(ownerIndex, orphansOf(job.metadata.namespace ?? ''))],
      matches: (pod) => selector.matches(pod.metadata.labels ?? {}),
      finalizers: [trackingFinalizer],
      mayAdopt: liveOwner(this.#view.client, resources.jobs, job),
    })
  }

  async #endAll({ active }: Assessment, progress: Progress): Promise<boolean> {
    const ended = await this.#writer.end(active)
    applyEnded(progress, ended)
    return ended.count === active.length
  }

  async #scale(assessment: Assessment, failures: Failures, progress: Progress): Promise<void> {
    const scaling = scalingOf(this.#job, assessment, failures, this.#view.clock.now())
    if (scaling.kind === 'remove') applyEnded(progress, await this.#writer.remove(scaling.pods))
    else if (scaling.kind === 'wait') progress.waitMs = scaling.ms
    else if (scaling.kind === 'create') {
      const made = await this.#writer.create(scaling.count, scaling.indexes, assessment.kept)
      progress.active += made.count
      progress.error = made.error
    }
  }

  #noteSuspension(before: JobStatus): JobStatus {
    const { status, event } = withSuspension(this.#job, before, this.#view.clock.now())
    if (event) this.#writer.say('Normal', event, event === 'Suspended' ? 'Job suspended' : 'Job resumed')
    return status
  }

  /** Counts what has ended (see tracking.ts), and ends the Job when there is nothing left to count. */
  async #track(assessment: Assessment, plain: JobStatus, verdict: Verdict | undefined, failures: Failures): Promise<void> {
    const tracking = trackingOf(this.#job, assessment, plain, verdict)
    const interim = verdict ? withInterim(tracking.status, verdict, this.#view.clock.now()) : tracking.status
    await this.#write(interim)
    this.#memory.setFailures(this.#key, failures)
    for (const pod of tracking.release) this.#memory.released.add(pod.metadata.uid ?? '')
    const { released, error } = await this.#writer.release(tracking.release)
    for (const { metadata } of tracking.release) if (!released.has(metadata.uid ?? '')) this.#memory.released.delete(metadata.uid ?? '')
    const left = assessment.pods.filter((pod) => assessment.isCountable(pod) && !released.has(pod.metadata.uid ?? ''))
    const status = countReleased(interim, new Set(left.map((pod) => pod.metadata.uid ?? '')))
    const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {}
    const ended = verdict && !error && !tracking.more && succeeded.length + failed.length + (status.terminating ?? 0) === 0
    await this.#write(ended ? withFinal(status, verdict, this.#view.clock.now()) : status)
    if (error !== undefined) throw error
    if (ended) this.#sayEnded(verdict, status)
  }

  async #write(status: JobStatus): Promise<void> {
    if (sameJson(status, this.#written.status ?? {})) return
    this.#written = await this.#view.client.resource<Job>(resources.jobs).updateStatus({ ...this.#written, status })
    this.#memory.wrote(this.#key, this.#written)
  }

  #sayEnded({ success, reason, message }: Verdict, status: JobStatus): void {
    if (!success) return this.#writer.say('Warning', reason, message)
    const completions = this.#job.spec?.completions
    if (completions !== undefined && (status.succeeded ?? 0) > completions)
      this.#writer.say('Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached')
    this.#writer.say('Normal', 'Completed', 'Job completed')
  }

  #nextLook({ waitMs }: Progress): Outcome | undefined {
    const waits = [waitMs, deadlineMs({ ...this.#job, status: this.#written.status ?? {} }, this.#view.clock.now())]
    const known = waits.filter((each) => each !== undefined && each > 0) as number[]
    return known.length > 0 ? { requeueAfterMs: Math.min(...known) } : undefined
  }
}

function applyEnded(progress: Progress, ended: { count: number; ready: number; error?: unknown }): void {
  progress.active -= ended.count
  progress.terminating += ended.count
  progress.ready -= ended.ready
  progress.error = ended.error
}
