import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { keyOf } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Container, Pod, PodStatus } from '../../api/types/core-v1.js'
import type { ResourceClient } from '../../client/client.js'
import type { EventRecorder } from '../../client/event-recorder.js'
import type { TokenBucketOptions } from '../../client/token-bucket.js'
import { Agenda } from '../agenda.js'
import { refusalOf } from '../pods/admission.js'
import { kubeletConditions } from '../pods/conditions.js'
import { isActive, isTerminalPhase } from '../pods/containers.js'
import { shareOf } from '../pods/node-usage.js'
import { type ContainerStart, type ContainerStop, type PodPlan, type PodView, type ProbeResults, planRun, planStop } from '../pods/plan.js'
import { RestartBackoff } from '../pods/restart-backoff.js'
import { statusOf, type Verdict, type Waiting } from '../pods/status.js'
import { statusPatch } from '../pods/status-patch.js'
import { type Runtime, RuntimeError, type RuntimePod } from '../runtime.js'
import { environmentNeeds, type References, volumeNeeds } from '../volumes/references.js'
import type { WriteQueue } from '../write-queue.js'
import { PodEvents, podText } from './pod-events.js'
import { isNewer, mountKey, networkKey, newRecord, type PodHost, type PodRecord, sandboxKey, type StartFailure } from './pod-record.js'
import { mountRetry, noFailures, startFailed, waitingOf } from './start-failures.js'

/**
 * Drives every pod of this process towards what the API (or a manifest) says. A pod is looked at when something happened to it:
 * the API changed, the runtime reported, its time on the agenda came. Each look is synchronous, asks the pure plan what is next
 * and starts it; nothing waits inside. Guarantees: containers of a deleted pod end before it leaves the API; a status is written
 * when it differs from what the API has and not otherwise; one write at a time for a pod.
 */
export interface PodWorkersOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly runtime: Runtime
  readonly writes: WriteQueue
  readonly pods: ResourceClient<Pod>
  readonly recorder: EventRecorder
  /** Default: the runtime itself says. `observe` is told of a pod's containers at each look. */
  readonly probes?: ProbeResults & { observe(pod: Pod, runtime: RuntimePod | undefined): void }
  /** What pods need of the API before they start; not looked at when left out. */
  readonly references?: References
  /** How long a status that says only that a pod is about to start waits for more news. */
  readonly statusDelayMs?: number
  /**
   * 'always': what became of each container is written before a deleted pod leaves, as upstream does. 'when-kept': only when
   * finalizers keep the object, so that a deletion costs one call.
   */
  readonly finalStatus?: 'always' | 'when-kept'
  /** How many events may be written; upstream's eventRecordQPS and eventBurst when left out. */
  readonly eventAllowance?: TokenBucketOptions
  /** Why the node takes no such pod now (it is short of something, or shutting down); asked after everything else allows it. */
  readonly refuses?: (pod: Pod) => Verdict | undefined
  /** Told when a pod is forgotten. */
  readonly onForget?: (record: PodRecord) => void
}

/** Simulated probes: the runtime itself says. */
const runtimeSays: ProbeResults = {
  started: (container) => container.started ?? container.state === 'running',
  ready: (container) => container.ready ?? container.state === 'running',
  alive: () => true,
}

const defaultGraceSeconds = 30
/** A pod that has left the API already is not waited for: upstream's least grace period, in seconds. */
const leastGraceMs = 1_000
const sandboxRetryMs = 10_000
/** What a runtime may say of a pod's volumes. */
const mountReasons: ReadonlySet<string> = new Set(['FailedMount', 'FailedAttachVolume'])

export class PodWorkers {
  readonly #options: PodWorkersOptions
  readonly #events: PodEvents
  readonly #probes: ProbeResults
  readonly #statusDelayMs: number
  readonly #records = new Map<string, PodRecord>()
  /** "namespace/name" → uid of the one that was seen last. */
  readonly #names = new Map<string, string>()
  readonly #agenda: Agenda<string>
  readonly #dirty = new Set<string>()
  readonly #unsubscribe: () => void
  #scheduled = false
  #stopped = false

  constructor(options: PodWorkersOptions) {
    this.#options = options
    this.#events = new PodEvents(options.recorder, options.clock, options.eventAllowance)
    this.#probes = options.probes ?? runtimeSays
    this.#statusDelayMs = options.statusDelayMs ?? 200
    this.#agenda = new Agenda(options.clock, (uid) => this.wake(uid))
    this.#unsubscribe = options.runtime.events((uid) => this.wake(uid))
    options.runtime.notices?.((uid, { reason, message, warning }) => {
      const record = this.#records.get(uid)
      if (record) this.#events.tell(record, reason, message, warning)
    })
  }

  get(uid: string): PodRecord | undefined {
    return this.#records.get(uid)
  }

  find(namespace: string, name: string): PodRecord | undefined {
    return this.#records.get(this.#names.get(`${namespace}/${name}`) ?? '')
  }

  records(): IterableIterator<PodRecord> {
    return this.#records.values()
  }

  /** The API shows this pod on a node of ours. */
  observed(pod: Pod, host: PodHost): void {
    const uid = pod.metadata.uid ?? ''
    const record = this.#records.get(uid)
    if (!record) {
      this.#add(newRecord(uid, host, pod, pod, false))
    } else {
      // An event that the answer to our own write has overtaken says nothing new.
      if (record.apiPod && isNewer(record.apiPod, pod)) return
      const isOwnWrite = record.apiPod?.metadata.resourceVersion === pod.metadata.resourceVersion
      record.pod = pod
      record.apiPod = pod
      // What the answer has told already. The object is taken all the same: the cache keeps it anyhow.
      if (isOwnWrite) return
    }
    this.wake(uid)
  }

  #add(record: PodRecord): void {
    this.#records.set(record.uid, record)
    this.#names.set(keyOf(record.pod), record.uid)
  }

  /** The pod is in the API no more. */
  vanished(uid: string): void {
    const record = this.#records.get(uid)
    if (!record) return
    record.gone = true
    this.wake(uid)
  }

  /** A static pod is to run. `mirror`: the object that shows it in the API, if there is one. */
  addStatic(pod: Pod, host: PodHost, mirror: Pod | undefined): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#records.has(uid)) return
    this.#add(newRecord(uid, host, pod, mirror, true))
    this.wake(uid)
  }

  setMirror(uid: string, mirror: Pod | undefined): void {
    const record = this.#records.get(uid)
    if (!record) return
    const { apiPod } = record
    if (mirror && apiPod && apiPod.metadata.uid === mirror.metadata.uid && isNewer(apiPod, mirror)) return
    record.apiPod = mirror
    this.wake(uid)
  }

  /** Forgets the pods of a node that is no longer ours; nothing is written. Its machine is gone, and so are its containers. */
  async dropHost(name: string): Promise<void> {
    // All at once: the node may be taken up again before the runtime is done with the first of them.
    await Promise.all([...this.#records.values()].filter(({ host }) => host.name === name).map((record) => this.#forget(record)))
  }

  /** A probe of a container has failed. */
  unhealthy(uid: string, message: string): void {
    const record = this.#records.get(uid)
    if (record) this.#events.tell(record, 'Unhealthy', message)
  }

  /** Ends a pod for the node's sake. Its status says so at once, its object stays. */
  evict(uid: string, verdict: Verdict): void {
    const record = this.#records.get(uid)
    if (!record || record.verdict) return
    record.verdict = verdict
    this.#events.tell(record, verdict.reason, verdict.message, true)
    this.wake(uid)
  }

  wake(uid: string): void {
    if (this.#stopped) return
    this.#dirty.add(uid)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.#drain())
  }

  /** What held pods back as a whole may be over. */
  wakeAll(): void {
    for (const uid of this.#records.keys()) this.wake(uid)
  }

  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
    this.#agenda.stop()
    this.#dirty.clear()
  }

  #drain(): void {
    this.#scheduled = false
    const uids = [...this.#dirty]
    this.#dirty.clear()
    for (const uid of uids) {
      const record = this.#records.get(uid)
      if (!record || this.#stopped) continue
      try {
        this.#sync(record)
      } catch (error) {
        this.#options.logger.error('A pod could not be synced', { pod: podText(record.pod), error: messageOf(error) })
        this.#agenda.set(uid, this.#options.clock.now() + sandboxRetryMs)
      }
    }
  }

  #sync(record: PodRecord): void {
    const { runtime, clock } = this.#options
    const nowMs = clock.now()
    record.dueMs = Number.POSITIVE_INFINITY
    this.#adopt(record)
    runtime.observed?.(record.pod)
    this.#options.probes?.observe(record.pod, runtime.pod(record.uid))
    const ended = isTerminalPhase(record.apiPod?.status?.phase)
    if (!record.gone && !ended && !record.pod.metadata.deletionTimestamp) {
      if (!record.admitted) this.#admit(record)
      this.#checkDeadline(record, nowMs)
    }
    const ending = record.gone || ended || record.verdict !== undefined || record.pod.metadata.deletionTimestamp !== undefined
    let waiting: ReadonlyMap<string, Waiting> = noFailures
    if (ending) this.#stopContainers(record, planStop({ pod: record.pod, runtime: runtime.pod(record.uid) }).stop)
    else waiting = this.#carryOut(record, planRun(this.#view(record, nowMs)), nowMs)

    const idle = !record.busy?.size && !runtime.pod(record.uid)?.containers.some(isActive)
    if (record.gone) {
      if (idle) void this.#forget(record)
      return
    }
    if (!(ended && !runtime.pod(record.uid))) this.#compute(record, waiting, ending, nowMs)
    if (idle && isTerminalPhase((record.status ?? record.apiPod?.status)?.phase)) this.#release(record)
    this.#report(record, idle && ending, nowMs)
    if (Number.isFinite(record.dueMs)) this.#agenda.set(record.uid, record.dueMs)
  }

  #view(record: PodRecord, nowMs: number): PodView {
    return {
      pod: record.pod,
      runtime: this.#options.runtime.pod(record.uid),
      probes: this.#probes,
      backoff: (record.backoff ??= new RestartBackoff()),
      restartsBefore: (container) =>
        Math.max(restartsBefore(record, container), this.#options.runtime.attemptsBefore?.(record.pod, container) ?? 0),
      nowMs,
    }
  }

  #adopt(record: PodRecord): void {
    if (record.adopted) return
    record.adopted = true
    const { runtime } = this.#options
    const { host, apiPod } = record
    const hasStarted = (apiPod?.status?.containerStatuses ?? []).some(({ containerID }) => containerID)
    if (record.isStatic || !apiPod || host.rebooted || !hasStarted || runtime.pod(record.uid)) return
    if (runtime.adoptPod?.(apiPod, this.#sandboxOf(record))) {
      record.admitted = true
      host.usage.add(record.uid, shareOf(record.pod))
    }
  }

  #admit(record: PodRecord): void {
    const { host, pod, isStatic, uid } = record
    const share = shareOf(pod)
    const verdict = (host.node && refusalOf({ pod, share, node: host.node, usage: host.usage, isStatic })) ?? this.#options.refuses?.(pod)
    if (verdict) {
      record.verdict = verdict
      this.#events.tell(record, verdict.reason, verdict.message, true)
      return
    }
    record.admitted = true
    host.usage.add(uid, share)
  }

  #checkDeadline(record: PodRecord, nowMs: number): void {
    const seconds = record.pod.spec?.activeDeadlineSeconds
    const startTime = (record.status ?? record.apiPod?.status)?.startTime
    if (seconds === undefined || record.verdict) return
    const atMs = (startTime ? Date.parse(startTime) : nowMs) + seconds * 1000
    if (atMs > nowMs) return wanted(record, atMs)
    const message = 'Pod was active on the node longer than the specified deadline'
    record.verdict = { reason: 'DeadlineExceeded', message }
    this.#events.tell(record, 'DeadlineExceeded', message)
  }

  #carryOut(record: PodRecord, plan: PodPlan, nowMs: number): ReadonlyMap<string, Waiting> {
    this.#stopContainers(record, plan.stop)
    if (plan.sandbox) this.#runSandbox(record, nowMs)
    const waiting = new Map<string, Waiting>()
    for (const { container, delayMs, untilMs } of plan.backingOff) {
      wanted(record, untilMs)
      const message = `back-off ${goDuration(delayMs)} restarting failed container=${container} pod=${podText(record.pod)}`
      waiting.set(container, { reason: 'CrashLoopBackOff', message })
      if (known(record).containerStatuses?.some(({ name, state }) => name === container && state?.waiting?.reason === 'CrashLoopBackOff'))
        continue
      this.#events.tell(record, 'BackOff', `Back-off restarting failed container ${container} in pod ${podText(record.pod)}`)
    }
    for (const start of plan.start) {
      const failure = record.startFailures?.get(start.container.name)
      if (failure && failure.retryAtMs > nowMs) {
        const { state, atMs } = waitingOf(failure, start.container, nowMs)
        waiting.set(start.container.name, state)
        wanted(record, atMs)
        if (state.reason === 'ImagePullBackOff' && !failure.told) {
          failure.told = true
          this.#events.tell(record, 'BackOff', `Back-off pulling image "${start.container.image}"`, false)
          this.#events.tell(record, 'Failed', 'Error: ImagePullBackOff')
        }
      } else this.#startContainer(record, start, nowMs)
    }
    return waiting
  }

  #sandboxOf({ host }: PodRecord) {
    return { hostIps: host.hostIps, podCidr: host.node?.spec?.podCIDR, nodeName: host.name }
  }

  #runSandbox(record: PodRecord, nowMs: number): void {
    const { pod } = record
    if (!pod.spec?.hostNetwork && !this.#networkReady(record, nowMs)) return
    if (!record.mounted && !this.#mount(record, nowMs)) return
    const failure = record.startFailures?.get(sandboxKey)
    if (failure && failure.retryAtMs > nowMs) return wanted(record, failure.retryAtMs)
    const run = () => this.#options.runtime.runPod(pod, this.#sandboxOf(record))
    this.#operate(record, sandboxKey, run, (error) => {
      const message = messageOf(error)
      const now = this.#options.clock.now()
      // A runtime of real containers mounts the volumes itself: its word on them is told as it is, and tried again sooner.
      const mount = error instanceof RuntimeError && mountReasons.has(error.reason) ? error.reason : undefined
      fail(
        record,
        sandboxKey,
        startFailed(failure, { reason: mount ?? 'FailedCreatePodSandBox', message }, now, mount ? mountRetry : undefined),
      )
      if (mount) this.#events.tell(record, mount, message)
      else this.#events.tell(record, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`)
    })
  }

  #networkReady(record: PodRecord, nowMs: number): boolean {
    if (!record.host.networkReady) return false
    const fault = this.#options.runtime.health?.().network
    if (fault === undefined) return true
    const failure = record.startFailures?.get(networkKey)
    if (!failure || failure.retryAtMs <= nowMs) {
      fail(record, networkKey, startFailed(failure, { reason: 'NetworkNotReady', message: fault }, nowMs))
      this.#events.tell(record, 'NetworkNotReady', `network is not ready: ${fault}`)
    }
    wanted(record, record.startFailures?.get(networkKey)?.retryAtMs ?? nowMs)
    return false
  }

  /** True when nothing has to be waited for. */
  #mount(record: PodRecord, nowMs: number): boolean {
    const { references, clock } = this.#options
    const { pod, host } = record
    if (!references || !host.checksReferences || volumeNeeds(pod).length === 0) return true
    const failure = record.startFailures?.get(mountKey)
    if (failure && failure.retryAtMs > nowMs) {
      wanted(record, failure.retryAtMs)
      return false
    }
    const failed = (error: unknown) => {
      const message = messageOf(error)
      fail(record, mountKey, startFailed(failure, { reason: 'FailedMount', message }, clock.now(), mountRetry))
      this.#events.tell(record, 'FailedMount', message)
    }
    this.#operate(
      record,
      mountKey,
      () => references.mount(pod),
      failed,
      () => {
        record.mounted = true
      },
    )
    return false
  }

  #startContainer(record: PodRecord, { container, attempt, after }: ContainerStart, nowMs: number): void {
    const { runtime, clock } = this.#options
    const { name } = container
    if (record.busy?.has(name)) return
    if (after !== undefined) record.backoff?.restarted(name, after, nowMs)
    record.stopping?.delete(name)
    const { references } = this.#options
    const checks = references && record.host.checksReferences && environmentNeeds(container).length > 0
    const run = () => runtime.startContainer(record.pod, container, attempt)
    const start = checks ? () => references.environment(record.pod, container).then(run) : run
    const failed = (error: unknown) => {
      const reason = error instanceof RuntimeError ? error.reason : 'CreateContainerError'
      const before = record.startFailures?.get(name)
      fail(record, name, startFailed(before, { reason, message: messageOf(error) }, clock.now()))
      if (reason === 'ErrImagePull') this.#events.tell(record, 'Failed', `Failed to pull image "${container.image}": ${messageOf(error)}`)
      this.#events.tell(record, 'Failed', `Error: ${reason === 'ErrImagePull' ? reason : messageOf(error)}`)
    }
    this.#operate(record, name, start, failed, (report) => {
      record.startFailures?.delete(name)
      if (report?.told) return
      this.#events.tell(record, 'Pulled', `Container image "${container.image}" already present on machine`)
      this.#events.tell(record, 'Created', `Created container: ${name}`)
      this.#events.tell(record, 'Started', `Started container ${name}`)
    })
  }

  /** Starts something of the runtime's that takes time; at most one at once for a container. */
  #operate<T>(
    record: PodRecord,
    key: string,
    run: () => Promise<T>,
    failed: (error: unknown) => void,
    succeeded?: (result: T) => void,
  ): void {
    const busy = (record.busy ??= new Set())
    if (busy.has(key)) return
    busy.add(key)
    const finish = () => {
      busy.delete(key)
      this.wake(record.uid)
    }
    run().then(
      (result) => {
        succeeded?.(result)
        finish()
      },
      (error: unknown) => {
        failed(error)
        finish()
      },
    )
  }

  #stopContainers(record: PodRecord, stops: readonly ContainerStop[]): void {
    for (const { container, why } of stops) this.#stopContainer(record, container, why)
  }

  #stopContainer(record: PodRecord, { name }: Container, why: ContainerStop['why']): void {
    const graceMs = this.#graceMs(record)
    const asked = record.stopping?.get(name)
    if (asked !== undefined && asked <= graceMs) return
    ;(record.stopping ??= new Map()).set(name, graceMs)
    if (asked === undefined)
      this.#events.tell(
        record,
        'Killing',
        why === 'unhealthy' ? `Container ${name} failed liveness probe, will be restarted` : `Stopping container ${name}`,
      )
    this.#options.runtime.stopContainer(record.uid, name, graceMs)
  }

  #graceMs({ gone, isStatic, pod, verdict }: PodRecord): number {
    if (verdict?.graceSeconds !== undefined) return verdict.graceSeconds * 1000
    if (gone && !isStatic) return leastGraceMs
    return (pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000
  }

  #compute(record: PodRecord, waiting: ReadonlyMap<string, Waiting>, ending: boolean, nowMs: number): void {
    const computed = statusOf({
      pod: record.pod,
      old: known(record),
      runtime: this.#options.runtime.pod(record.uid),
      probes: this.#probes,
      waiting,
      verdict: record.verdict,
      ending,
      hostIps: record.host.hostIps,
      isStatic: record.isStatic,
      nowMs,
    })
    record.status = computed
  }

  /** A pod that has ended takes nothing of its node any more; its logs stay until it is deleted. */
  #release(record: PodRecord): void {
    if (record.sandboxEnded) return
    record.sandboxEnded = true
    record.host.usage.delete(record.uid)
    void this.#options.runtime.endPod(record.uid).catch((error: unknown) => {
      this.#options.logger.warn('A sandbox could not be ended', { pod: podText(record.pod), error: messageOf(error) })
    })
  }

  /** Puts a write on the queue when the API has to hear of something. */
  #report(record: PodRecord, over: boolean, nowMs: number): void {
    const { apiPod } = record
    if (!apiPod) return
    if (over && !record.isStatic && record.pod.metadata.deletionTimestamp && !record.deleteSent) return this.#write(record)
    const patch = patchOf(record)
    if (!patch) return settled(record)
    record.unwrittenSinceMs ??= nowMs
    const dueMs = record.status?.phase === 'Pending' ? record.unwrittenSinceMs + this.#statusDelayMs : nowMs
    if (dueMs > nowMs) wanted(record, dueMs)
    else this.#write(record)
  }

  #write(record: PodRecord): void {
    this.#options.writes.put(record.uid, () => this.#writeNow(record))
  }

  async #writeNow(record: PodRecord): Promise<void> {
    const { pods, runtime, finalStatus = 'always' } = this.#options
    if (record.gone || !record.apiPod) return
    const { namespace = '', name = '', deletionTimestamp, finalizers } = record.apiPod.metadata
    const over = !record.busy?.size && !runtime.pod(record.uid)?.containers.some(isActive)
    const deletes = !record.isStatic && over && deletionTimestamp !== undefined
    const patch = patchOf(record)
    if (patch && !(deletes && finalStatus === 'when-kept' && !finalizers?.length)) {
      try {
        const written = await pods.patch(namespace, name, { type: 'strategic', body: patch }, { subresource: 'status' })
        if (!record.apiPod || !isNewer(record.apiPod, written)) {
          record.apiPod = written
          if (!record.isStatic) record.pod = written
        }
      } catch (error) {
        // It has been replaced or deleted meanwhile: the watch will say so.
        if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
        return
      }
      record.unwrittenSinceMs = undefined
    }
    if (deletes && !record.deleteSent) {
      record.deleteSent = true
      await deletePod(pods, record.apiPod).catch((error: unknown) => {
        record.deleteSent = false
        throw error
      })
    } else if (!deletes) this.wake(record.uid)
  }

  async #forget(record: PodRecord): Promise<void> {
    this.#records.delete(record.uid)
    if (this.#names.get(keyOf(record.pod)) === record.uid) this.#names.delete(keyOf(record.pod))
    this.#agenda.delete(record.uid)
    this.#options.writes.drop(record.uid)
    record.host.usage.delete(record.uid)
    await this.#options.runtime.removePod(record.uid).catch((error: unknown) => {
      this.#options.logger.warn('A pod could not be removed', { pod: podText(record.pod), error: messageOf(error) })
    })
    this.#options.onForget?.(record)
  }
}

/** Deletes a pod object whose containers have ended; that it has gone or been replaced is fine. */
export async function deletePod(pods: ResourceClient<Pod>, pod: Pod): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata
  try {
    await pods.delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
  } catch (error) {
    if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
  }
}

/** The API has it all: nothing is kept twice. */
function settled(record: PodRecord): void {
  record.unwrittenSinceMs = undefined
  record.status = undefined
}

function fail(record: PodRecord, key: string, failure: StartFailure): void {
  record.startFailures ??= new Map()
  record.startFailures.set(key, failure)
}

function wanted(record: PodRecord, atMs: number): void {
  record.dueMs = Math.min(record.dueMs, atMs)
}

function patchOf({ apiPod, status }: PodRecord) {
  return apiPod && status ? statusPatch(apiPod.metadata.uid ?? '', apiPod.status ?? {}, status) : undefined
}

/** The status as last computed, with the conditions of others as the API has them. */
function known({ status, apiPod }: PodRecord): PodStatus {
  if (!status) return apiPod?.status ?? {}
  const own = new Set<string>(kubeletConditions)
  const foreign = (apiPod?.status?.conditions ?? []).filter(({ type }) => !own.has(type))
  if (foreign.length === 0) return status
  return { ...status, conditions: [...(status.conditions ?? []), ...foreign] }
}

/** A container that ran under an earlier process goes on counting. */
function restartsBefore({ apiPod }: PodRecord, container: string): number {
  const { containerStatuses = [], initContainerStatuses = [] } = apiPod?.status ?? {}
  const status = containerStatuses.find(({ name }) => name === container) ?? initContainerStatuses.find(({ name }) => name === container)
  return status?.containerID ? status.restartCount + 1 : (status?.restartCount ?? 0)
}

/** As Go prints a duration: 10s, 1m20s, 5m0s. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
