/** One controller at work: its view, its queue, its workers. */
import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { ComponentDeps } from '../../base/component.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { eventRecorder } from '../../client/event-recorder/recorder.js'
import type { Informer } from '../../client/informer.js'
import type { InformerFactory } from '../../client/informers/informers.js'
import { type QueueObserver, WorkQueue } from '../../client/work-queue/work-queue.js'
import { type Controller, TerminalError, type View, type Watch } from '../controller.js'

/** After so long in reconciles without a pause the event loop gets a turn. */
const turnMsMax = 20

export interface ControllerRunOptions extends ComponentDeps {
  readonly client: Client
  readonly informers: InformerFactory
  /** How many keys at once. */
  readonly workers: number
  observe?(queue: { working(): Iterable<number> }): QueueObserver | undefined
  readonly signal: AbortSignal
}

export class ControllerRun {
  readonly #controller: Controller
  readonly #options: ControllerRunOptions
  readonly #queue: WorkQueue
  readonly #view: View
  /** By the very value that names the resource: listers are asked for with each event. */
  readonly #informers = new WeakMap<GroupVersionResource, Informer<KubeObject>>()
  readonly #removers: (() => void)[] = []
  /** Resolves once the caches are filled and the workers run; rejects when stopped before or when `start` throws. */
  readonly started: Promise<void>
  readonly stopped: Promise<void>
  #finish: () => void = () => undefined
  #working = 0
  #open = false
  #pumping = false
  #busyMs = 0

  constructor(controller: Controller, options: ControllerRunOptions) {
    this.#controller = controller
    this.#options = options
    let observer: QueueObserver | undefined
    this.#queue = new WorkQueue({
      clock: options.clock,
      onReady: () => this.#wake(),
      observer: {
        added: (depth) => observer?.added(depth),
        taken: (waitedMs, depth) => observer?.taken(waitedMs, depth),
        done: (workedMs) => observer?.done(workedMs),
        retried: () => observer?.retried(),
      },
    })
    observer = options.observe?.(this.#queue)
    this.#view = this.#makeView()
    this.stopped = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.started = this.#start()
    this.started.catch(() => undefined)
  }

  #makeView(): View {
    const { client, clock, random, logger, signal } = this.#options
    const component = this.#controller.eventSource ?? this.#controller.name
    return {
      ...{ client, clock, random, logger, signal },
      events: eventRecorder({ client, clock, random, logger, signal, component }),
      informer: <T extends KubeObject>(resource: GroupVersionResource) => this.#informer<T>(resource),
      lister: <T extends KubeObject>(resource: GroupVersionResource) => this.#informer<T>(resource).lister,
      enqueue: (key, afterMs = 0) => this.#queue.addAfter(key, afterMs),
    }
  }

  /** Of what the controller watches of the resource; of all of it, when it watches it not or whole. */
  #informer<T extends KubeObject>(of: GroupVersionResource): Informer<T> {
    let informer = this.#informers.get(of)
    if (!informer) {
      const watch = this.#controller.watches.find(({ resource }) => resource.group === of.group && resource.resource === of.resource)
      this.#informers.set(of, (informer = this.#options.informers.informer(of, watch?.selection)))
    }
    return informer as unknown as Informer<T>
  }

  async #start(): Promise<void> {
    const { signal, logger } = this.#options
    const onAbort = () => this.#stop()
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const waits = this.#controller.watches.map(
      ({ resource }) => new Promise<void>((resolve) => this.#informer(resource).whenSynced(resolve)),
    )
    await untilAborted(Promise.all(waits), signal)
    this.#controller.start?.(this.#view)
    for (const watch of this.#controller.watches) this.#listen(watch)
    this.#open = true
    this.#wake()
    logger.debug('The controller has started')
  }

  #listen(watch: Watch): void {
    const view = this.#view
    const add = (object: KubeObject, change: 'add' | 'update' | 'delete') => {
      for (const key of watch.toKeys(object, view, change)) this.#queue.add(key)
    }
    const remove = this.#informer(watch.resource).addHandler({
      onAdd: (object) => add(object, 'add'),
      onUpdate: (object, old) => {
        if (watch.changed && !watch.changed(object, old)) return
        add(old, 'update')
        add(object, 'update')
      },
      onDelete: (object) => add(object, 'delete'),
    })
    this.#removers.push(remove)
  }

  #stop(): void {
    for (const remove of this.#removers.splice(0)) remove()
    this.#queue.close()
    this.#open = false
    if (this.#working === 0) this.#finish()
  }

  /** Work begins when the running code has ended, so that the events of one batch meet in one reconcile. */
  #wake(): void {
    if (this.#pumping || !this.#open) return
    this.#pumping = true
    queueMicrotask(() => this.#pump())
  }

  #pump(): void {
    this.#pumping = false
    while (this.#open && this.#working < this.#options.workers) {
      if (this.#busyMs > turnMsMax) return this.#pause()
      const key = this.#queue.take()
      if (key === undefined) return
      this.#working++
      const from = this.#options.clock.monotonic()
      void this.#work(key)
      this.#busyMs += this.#options.clock.monotonic() - from
    }
  }

  /** Lets timers and I/O have their turn before the next key. */
  #pause(): void {
    this.#pumping = true
    this.#options.clock.timer(0, () => {
      this.#busyMs = 0
      this.#pump()
    })
  }

  async #work(key: string): Promise<void> {
    try {
      const outcome = await this.#controller.reconcile(key, this.#view)
      this.#queue.forget(key)
      if (outcome?.requeueAfterMs !== undefined) this.#queue.addAfter(key, outcome.requeueAfterMs)
    } catch (error) {
      this.#failed(key, error)
    } finally {
      this.#queue.done(key)
      this.#working--
      if (this.#open) this.#wake()
      else if (this.#working === 0) this.#finish()
    }
  }

  #failed(key: string, error: unknown): void {
    const { logger, signal } = this.#options
    if (signal.aborted) return
    if (error instanceof TerminalError) {
      logger.error('A key is given up', { key, error: error.message })
      this.#queue.forget(key)
      return
    }
    // A conflict says only that the cache was behind: the event that brings it up to date is on its way.
    if (hasReason(error, 'Conflict')) logger.debug('A key is tried again after a conflict', { key })
    else logger.warn('A key is tried again', { key, failures: this.#queue.failures(key) + 1, error: messageOf(error) })
    this.#queue.retry(key)
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
