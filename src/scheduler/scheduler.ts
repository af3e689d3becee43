/**
 * The scheduler's shell: takes pods from the queue, runs a cycle for each, and binds what fits, up to `bindingsMax` bindings
 * under way at once while the next cycles go on. Everything between a pop and the start of a binding is synchronous, so no
 * event can fall between a verdict and the queue that the pod then waits in.
 */
import type { Binding, Namespace, Pod } from '../api/types/core-v1.js'
import { hasReason } from '../api/status.js'
import type { ComponentDeps } from '../base/component.js'
import type { Cancel } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import { Metrics } from '../base/metrics.js'
import type { Client } from '../client/client.js'
import type { EventRecorder } from '../client/event-recorder.js'
import type { Lister } from '../client/informer.js'
import { type InformerFactory, informerFactory } from '../client/informers/informers.js'
import { resources } from '../client/resources.js'
import { Cache } from './cache/cache.js'
import type { PodInfo } from './cache/pod-info.js'
import type { PodDisruptionBudget } from '../api/types/policy-v1.js'
import { listen, livePods } from './cluster-events.js'
import { Cycle, type Failure } from './framework/cycle.js'
import { fitMessage } from './framework/fit-error.js'
import type { Snapshot } from './framework/plugin.js'
import type { Profile } from './framework/profile.js'
import type { NodeStatus } from './framework/status.js'
import { type SchedulerMetrics, schedulerMetrics } from './metrics.js'
import { findPreemption } from './plugins/default-preemption/find.js'
import { evict } from './plugins/default-preemption/preemptor.js'
import { PodStatusWriter } from './pod-status-writer.js'
import { Nominator } from './queue/nominator.js'
import { SchedulingQueue } from './queue/queue.js'
import type { QueuedPod } from './queue/queued-pod.js'
import type { SchedulerConfig } from './config/config.js'
import type { PluginDeps } from './config/plugin-deps.js'
import { profilesOf } from './config/profiles.js'

/** Bindings under way at once. */
const bindingsMax = 64
/** A run of cycles gives way to input and output after so long. */
const sliceMs = 8
const flushEveryMs = 30_000

export interface SchedulerOptions extends ComponentDeps {
  readonly client: Client
  /** Shared with others of the process; made (and stopped) by the scheduler when left out. */
  readonly informers?: InformerFactory
  readonly events: EventRecorder
  readonly config: SchedulerConfig
  readonly metrics?: Metrics
  /** Aborting it stops the scheduler. */
  readonly signal: AbortSignal
}

export interface RunningScheduler {
  /** Resolves once the caches are filled and pods are being scheduled. */
  readonly synced: Promise<void>
  /** Resolves once the last binding under way has ended after `signal` was aborted. */
  readonly stopped: Promise<void>
}

export function runScheduler(options: SchedulerOptions): RunningScheduler {
  const scheduler = new Scheduler(options)
  const synced = scheduler.start()
  // Stopped before the caches were filled: `stopped` says it.
  synced.catch(() => undefined)
  return { synced, stopped: scheduler.stopped }
}

class Scheduler {
  readonly #options: SchedulerOptions
  readonly #informers: InformerFactory
  readonly #cache: Cache
  readonly #snapshot: Snapshot
  readonly #queue: SchedulingQueue
  readonly #nominator = new Nominator()
  readonly #cycle: Cycle
  readonly #profiles: ReadonlyMap<string, Profile>
  readonly #metrics: SchedulerMetrics
  readonly #pods: Lister<Pod>
  readonly #budgets: Lister<PodDisruptionBudget>
  readonly #statuses: PodStatusWriter
  readonly stopped: Promise<void>
  #onStopped: () => void = () => undefined
  #bindings = 0
  #running = false
  #isPumpDue = false
  #cancelDue: Cancel | undefined
  #cancelFlush: Cancel | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
    const { client, clock, logger, random, signal, config } = options
    this.stopped = new Promise((resolve) => {
      this.#onStopped = resolve
    })
    signal.addEventListener('abort', () => this.#stop(), { once: true })
    this.#informers = options.informers ?? informerFactory({ client, clock, logger, random, signal })
    const namespaces = this.#informers.informer<Namespace>(resources.namespaces).lister
    const namespaceLabels = (name: string) => namespaces.get(name)?.metadata.labels
    this.#cache = new Cache(namespaceLabels)
    this.#snapshot = { nodes: this.#cache.nodes, index: this.#cache.index, namespaceLabels, cache: this.#cache }
    const deps: PluginDeps = { client, clock, logger, namespaceLabels, informer: (of) => this.#informers.informer(of) }
    this.#profiles = profilesOf(config, deps)
    this.#metrics = schedulerMetrics(options.metrics ?? new Metrics())
    this.#queue = this.#makeQueue()
    this.#pods = this.#informers.informer<Pod>(resources.pods, livePods).lister
    this.#budgets = this.#informers.informer<PodDisruptionBudget>(resources.podDisruptionBudgets).lister
    this.#cycle = new Cycle(this.#snapshot, this.#nominator, random)
    this.#statuses = new PodStatusWriter({ client, clock, logger, signal })
    options.metrics?.gaugeOf('scheduler_pending_pods', 'Number of pending pods, by the queue they wait in.', ['queue'], () =>
      (['active', 'backoff', 'unschedulable', 'gated'] as const).map((place) => [[place], this.#queue.count(place)] as const),
    )
    options.metrics?.gaugeOf('scheduler_cache_size', 'Number of nodes, pods and assumed pods in the cache.', ['type'], () => [
      [['nodes'], this.#cache.nodes.order.length],
      [['pods'], this.#cache.podCount],
      [['assumed_pods'], this.#cache.assumedCount],
    ])
  }

  async start(): Promise<void> {
    const { signal, clock, logger } = this.#options
    if (signal.aborted) return this.#stop()
    listen(this.#informers, {
      cache: this.#cache,
      queue: this.#queue,
      nominator: this.#nominator,
      isOurs: ({ schedulerName }) => this.#profiles.has(schedulerName),
    })
    this.#informers.start()
    await this.#informers.synced()
    logger.info('Caches are synced', { nodes: this.#cache.nodes.order.length, pods: this.#cache.podCount })
    if (signal.aborted) return
    this.#running = true
    this.#cancelFlush = this.#every(flushEveryMs, () => {
      this.#queue.flushOld()
      for (const { key } of this.#cache.expire(clock.monotonic())) logger.warn('A bound pod was never shown by the watch', { pod: key })
    })
    this.#wake()
  }

  #stop(): void {
    this.#running = false
    this.#cancelFlush?.()
    this.#cancelDue?.()
    if (!this.#options.informers) this.#informers.stop()
    if (this.#bindings === 0) this.#onStopped()
  }

  #makeQueue(): SchedulingQueue {
    const { config, clock } = this.#options
    const profileOf = ({ schedulerName }: PodInfo) => this.#profiles.get(schedulerName) as Profile
    return new SchedulingQueue({
      now: () => clock.now(),
      hintsOf: (pod) => profileOf(pod).hints,
      preEnqueue: (pod) => profileOf(pod).preEnqueue(pod),
      wake: () => this.#wake(),
      incoming: (place, event) => this.#metrics.incomingPods.inc([place, event]),
      backoffMsMin: config.podInitialBackoffSeconds * 1_000,
      backoffMsMax: config.podMaxBackoffSeconds * 1_000,
      unschedulableMsMax: config.unschedulableMsMax,
    })
  }

  #every(ms: number, fn: () => void): Cancel {
    const { clock } = this.#options
    let cancel: Cancel
    const next = () => {
      fn()
      cancel = clock.timer(ms, next)
    }
    cancel = clock.timer(ms, next)
    return () => cancel()
  }

  /** Many events of one turn are one run. */
  #wake(): void {
    if (!this.#running || this.#isPumpDue) return
    this.#isPumpDue = true
    queueMicrotask(() => this.#pump())
  }

  #pump(): void {
    this.#isPumpDue = false
    const { clock } = this.#options
    const until = clock.monotonic() + sliceMs
    while (this.#running && this.#bindings < bindingsMax) {
      const pod = this.#queue.pop()
      if (!pod) return this.#waitForTime()
      this.#schedule(pod)
      if (clock.monotonic() < until) continue
      this.#isPumpDue = true
      clock.timer(0, () => this.#pump())
      return
    }
  }

  #waitForTime(): void {
    const { clock } = this.#options
    this.#cancelDue?.()
    const due = this.#queue.nextDueMs()
    this.#cancelDue = due === undefined ? undefined : clock.timer(Math.max(0, due - clock.now()), () => this.#wake())
  }

  #schedule(queued: QueuedPod): void {
    const { clock } = this.#options
    const { info } = queued
    const profile = this.#profiles.get(info.schedulerName) as Profile
    const startedMs = clock.monotonic()
    if (info.isTerminating) return this.#queue.delete(info.key)
    const result = this.#cycle.run(info, profile)
    this.#metrics.algorithmSeconds.observe([], (clock.monotonic() - startedMs) / 1_000)
    if (result.kind === 'none') return this.#noNode(queued, profile, result.failure, startedMs)
    const refusal = profile.reserve(info, result.slot, this.#snapshot)
    if (refusal) return this.#reserveFailed(queued, profile, refusal, startedMs)
    const node = this.#cache.nodes.names[result.slot] as string
    this.#cache.assume(info, node)
    this.#nominator.remove(info.key)
    this.#bindings++
    void this.#bind(queued, profile, node, startedMs)
  }

  #noNode(queued: QueuedPod, profile: Profile, failure: Failure, startedMs: number): void {
    const { info } = queued
    const { message, nominatedNode } = this.#preempt(queued, profile, failure)
    const statuses = failure.statuses.filter((status) => status !== undefined)
    const diagnosis = { nodeCount: failure.nodeCount, statuses, ...(failure.preFilter ? { preFilter: failure.preFilter } : {}) }
    this.#queue.unschedulable(queued, failure.rejectedBy)
    this.#reject(info, 'Unschedulable', fitMessage(diagnosis, message), nominatedNode)
    this.#observe(profile, 'unschedulable', startedMs)
  }

  /** What to add to the message, and the node promised from now on ('' for none, undefined: as before). */
  #preempt(queued: QueuedPod, profile: Profile, failure: Failure): { message: string; nominatedNode: string | undefined } {
    const { clock, random } = this.#options
    const { info } = queued
    const { preemption } = profile.options
    if (!preemption || failure.nodeCount === 0) return { message: '', nominatedNode: undefined }
    this.#metrics.preemptionAttempts.inc()
    const nominated = this.#nominator.nodeOf(info.key) ?? info.nominatedNodeName
    const budgets = this.#budgets.list()
    const run = { cycle: this.#cycle, snapshot: this.#snapshot, pod: info, failure, budgets, nowMs: clock.now() }
    const found = findPreemption(run, preemption, random, nominated)
    if (found.kind === 'not eligible') return { message: found.message, nominatedNode: undefined }
    if (found.kind === 'useless') {
      this.#nominator.remove(info.key)
      return { message: found.message, nominatedNode: '' }
    }
    const { slot, victims } = found.candidate
    const node = this.#cache.nodes.names[slot] as string
    this.#metrics.preemptionVictims.observe([], victims.length)
    this.#withdrawLowerPromises(info, node)
    this.#nominator.nominate(info, node)
    this.#queue.setPreempting(info.key, true)
    void evict(victims, info, node, this.#options).then((done) => this.#queue.setPreempting(info.key, false, !done))
    return { message: '', nominatedNode: node }
  }

  /** Who was promised room on the node and matters less must look again: the room goes to `info`. */
  #withdrawLowerPromises(info: PodInfo, node: string): void {
    for (const other of [...this.#nominator.on(node)]) {
      if (other.priority >= info.priority) continue
      this.#nominator.remove(other.key)
      this.#statuses.withdrawPromise(this.#queue.get(other.key)?.info.pod ?? other.pod)
      this.#queue.setPreempting(other.key, false, true)
    }
  }

  #reserveFailed(queued: QueuedPod, profile: Profile, status: NodeStatus, startedMs: number): void {
    this.#queue.unschedulable(queued, new Set([status.plugin]))
    this.#reject(queued.info, 'Unschedulable', status.reasons.join(', '), undefined)
    this.#observe(profile, 'unschedulable', startedMs)
  }

  /** `nominatedNode`: '' withdraws a promise, undefined leaves it. */
  #reject(info: PodInfo, reason: 'Unschedulable' | 'SchedulerError', message: string, nominatedNode: string | undefined): void {
    this.#options.events.event(withKind(info.pod), 'Warning', 'FailedScheduling', message)
    this.#statuses.write(this.#queue.get(info.key)?.info.pod ?? info.pod, reason, message, nominatedNode)
  }

  async #bind(queued: QueuedPod, profile: Profile, node: string, startedMs: number): Promise<void> {
    const { client, signal } = this.#options
    const { info } = queued
    const { namespace, name, uid } = info
    try {
      const prepared = profile.preBind(info, node, signal)
      if (prepared) {
        // Waiting for a volume is no work: others may bind meanwhile.
        this.#bindings--
        this.#wake()
        await prepared.finally(() => this.#bindings++)
      }
      const binding: Binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { kind: 'Node', name: node },
      }
      await client.resource<Pod>(resources.pods).createSubresource(namespace, name, 'binding', binding)
      this.#bound(queued, profile, node, startedMs)
    } catch (error) {
      if (!signal.aborted) this.#bindFailed(queued, profile, node, error, startedMs)
    } finally {
      this.#bindings--
      if (signal.aborted && this.#bindings === 0) this.#onStopped()
      this.#wake()
    }
  }

  #bound(queued: QueuedPod, profile: Profile, node: string, startedMs: number): void {
    const { clock, events } = this.#options
    const { info, attempts, firstSeenMs } = queued
    this.#cache.bound(info.key, clock.monotonic())
    this.#queue.delete(info.key)
    events.event(withKind(info.pod), 'Normal', 'Scheduled', `Successfully assigned ${info.key} to ${node}`)
    this.#observe(profile, 'scheduled', startedMs)
    this.#metrics.attemptsPerPod.observe([], attempts)
    this.#metrics.sliSeconds.observe([attempts > 15 ? '16+' : String(attempts)], (clock.now() - firstSeenMs) / 1_000)
  }

  #bindFailed(queued: QueuedPod, profile: Profile, node: string, error: unknown, startedMs: number): void {
    const { info } = queued
    const { logger } = this.#options
    profile.unreserve(info, node)
    this.#cache.forget(info.key)
    this.#queue.event({ kind: 'AssignedPodDelete', pod: info })
    const current = this.#pods.get(info.key)
    const isGone = hasReason(error, 'NotFound') || !current || current.metadata.uid !== info.uid
    if (isGone || current.spec?.nodeName) return this.#queue.delete(info.key)
    logger.warn('A pod could not be bound', { pod: info.key, node, error: messageOf(error) })
    this.#observe(profile, 'error', startedMs)
    this.#reject(info, 'SchedulerError', messageOf(error), undefined)
    this.#queue.failed(queued)
  }

  #observe({ schedulerName }: Profile, result: 'scheduled' | 'unschedulable' | 'error', startedMs: number): void {
    const seconds = (this.#options.clock.monotonic() - startedMs) / 1_000
    this.#metrics.attempts.inc([schedulerName, result])
    this.#metrics.attemptSeconds.observe([schedulerName, result], seconds)
  }
}

/** Objects of a list or watch may lack their kind; events need it. */
export function withKind(pod: Pod): Pod {
  return { ...pod, apiVersion: 'v1', kind: 'Pod' }
}
