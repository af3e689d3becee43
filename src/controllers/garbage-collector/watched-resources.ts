/** The watches that fill the graph: one for every resource that can be deleted, following discovery as CRDs come and go. */
import { apiVersionOf, keyOf, type KubeObject } from '../../api/object.js'
import type { Cancel } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { discover, type DiscoveredResource, type Discovery, supports } from '../common/discovery.js'
import type { ObjectMonitor, ObjectMonitors } from '../common/object-monitors.js'
import type { View } from '../controller.js'
import { Kinds } from './kinds.js'
import type { Node } from './node.js'

/** Discovery is asked so often without cause (upstream's figure), and so long after a CRD or an APIService has changed. */
const resyncMs = 30_000
const changedMs = 500
/** A new watch that does not fill holds deletions up for so long at most. */
const fillMsMax = 10_000
/** Objects that own nothing, are owned by nothing and come in masses. */
const ignored = new Set(['events.', 'events.events.k8s.io'])
/** What is served changes with these. */
const servingResources = new Set(['customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io'])

export interface Sink {
  observe(resource: DiscoveredResource, object: KubeObject, old?: KubeObject): void
  remove(uid: string): void
}

interface Watched {
  readonly resource: DiscoveredResource
  readonly monitor: ObjectMonitor
  readonly removeHandler: () => void
}

export class WatchedResources {
  readonly kinds: Kinds
  readonly #view: View
  readonly #monitors: ObjectMonitors
  readonly #sink: Sink
  readonly #watched = new Map<string, Watched>()
  #filled: Promise<void>
  #syncing: Promise<void> | undefined
  #cancelNext: Cancel = () => undefined

  constructor(view: View, monitors: ObjectMonitors, sink: Sink) {
    this.#view = view
    this.#monitors = monitors
    this.#sink = sink
    this.kinds = new Kinds(view.clock, () => this.sync())
    this.#filled = this.#first()
    this.#filled.catch(() => undefined)
    view.signal.addEventListener('abort', () => this.#stop(), { once: true })
  }

  /** Resolves when the graph has what the watches know. */
  filled(): Promise<void> {
    return this.#filled
  }

  cached({ identity, resource }: Node): KubeObject | undefined {
    const watched = resource && this.#watched.get(nameOf(resource))
    const { namespace, name, uid } = identity
    const object = watched?.monitor.informer.lister.get(keyOf({ metadata: { namespace, name } }))
    return object?.metadata.uid === uid ? object : undefined
  }

  /** Asks discovery and opens and closes watches accordingly. Never rejects. */
  sync(): Promise<void> {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined
      this.#schedule(resyncMs)
    })
    return this.#syncing
  }

  /** Nothing is judged before every kind of object is known: what is not seen yet would look absent. */
  async #first(): Promise<void> {
    const { clock, signal } = this.#view
    for (let waitMs = 100; this.#watched.size === 0; waitMs = Math.min(2 * waitMs, 5_000)) {
      await this.sync()
      if (this.#watched.size === 0) await clock.sleep(waitMs, signal)
    }
    await this.#fill([...this.#watched.values()], undefined)
  }

  async #sync(): Promise<void> {
    const { client, logger, signal } = this.#view
    try {
      const discovery = await discover(client)
      if (signal.aborted) return
      this.kinds.set(discovery)
      this.#follow(discovery)
    } catch (error) {
      if (!signal.aborted) logger.warn('Discovery failed; what is watched stays', { error: messageOf(error) })
    }
  }

  #follow(discovery: Discovery): void {
    const wanted = new Map<string, DiscoveredResource>()
    for (const resource of discovery.preferred)
      if (supports(resource, 'delete', 'list', 'watch') && !ignored.has(nameOf(resource))) wanted.set(nameOf(resource), resource)
    const opened: Watched[] = []
    for (const [name, resource] of wanted) {
      const old = this.#watched.get(name)
      if (old?.resource.version === resource.version) continue
      const watched = this.#open(resource)
      opened.push(watched)
      this.#watched.set(name, watched)
      if (old) close(old)
    }
    for (const [name, watched] of this.#watched) {
      // A group whose server does not answer is not gone.
      if (wanted.has(name) || discovery.failures.has(apiVersionOf(watched.resource))) continue
      this.#watched.delete(name)
      close(watched)
      for (const { metadata } of watched.monitor.informer.lister.list()) this.#sink.remove(metadata.uid ?? '')
    }
    if (opened.length > 0) this.#filled = Promise.all([this.#filled, this.#fill(opened, fillMsMax)]).then(() => undefined)
    this.#filled.catch(() => undefined)
  }

  #open(resource: DiscoveredResource): Watched {
    const monitor = this.#monitors.open(resource, this.#view)
    const changesServing = servingResources.has(nameOf(resource))
    const changed = () => changesServing && this.#schedule(changedMs)
    const removeHandler = monitor.informer.addHandler({
      onAdd: (object) => {
        this.#sink.observe(resource, object)
        changed()
      },
      onUpdate: (object, old) => {
        this.#sink.observe(resource, object, old)
        changed()
      },
      onDelete: (object) => {
        this.#sink.remove(object.metadata.uid ?? '')
        changed()
      },
    })
    return { resource, monitor, removeHandler }
  }

  #fill(watched: readonly Watched[], msMax: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      let left = watched.length
      const cancel = msMax === undefined ? () => undefined : this.#view.clock.timer(msMax, resolve)
      for (const { monitor } of watched)
        monitor.informer.whenSynced(() => {
          if (--left > 0) return
          cancel()
          resolve()
        })
    })
  }

  #schedule(ms: number): void {
    this.#cancelNext()
    if (!this.#view.signal.aborted) this.#cancelNext = this.#view.clock.timer(ms, () => void this.sync())
  }

  #stop(): void {
    this.#cancelNext()
    for (const watched of this.#watched.values()) close(watched)
  }
}

function nameOf({ group, resource }: DiscoveredResource): string {
  return `${resource}.${group}`
}

function close({ monitor, removeHandler }: Watched): void {
  removeHandler()
  monitor.close()
}
