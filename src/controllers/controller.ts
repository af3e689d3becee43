import type { Clock } from '../base/clock.js'
import type { Logger } from '../base/logger.js'
import type { Random } from '../base/random.js'
import type { GroupVersionResource, KubeObject } from '../api/object.js'
import type { Client } from '../client/client.js'
import type { EventRecorder } from '../client/event-recorder.js'
import type { Informer, Lister } from '../client/informer.js'
import type { Selection } from '../client/informers/informers.js'

/**
 * A controller drives one kind of object towards its spec. It is level-triggered: `reconcile` gets a key, reads the world
 * from listers, writes at most a few objects and returns. It is never called twice at once for one key.
 */
export interface Controller {
  /** Upstream's name in `--controllers`, such as "deployment-controller". */
  readonly name: string
  /** The `source.component` of its events where that is not the name ("node-controller"). */
  readonly eventSource?: string
  /** What to look at, and which keys an object's change wakes. */
  readonly watches: readonly Watch[]
  /** How many keys may be reconciled at once (upstream's --concurrent-*-syncs). Default 5. */
  readonly workers?: number
  /**
   * Called once, when the caches of `watches` are filled, before the first `toKeys` and the first reconcile: adds indexes, timers,
   * resyncs. Everything that is there already then comes through `toKeys` as an 'add'.
   */
  start?(view: View): void
  /** Throwing puts the key back with exponential backoff (5 ms to 1000 s); a TerminalError is logged and dropped. */
  reconcile(key: string, view: View): Promise<Outcome | void>
}

export interface Watch {
  readonly resource: GroupVersionResource
  /** Only these objects: a cache of its own, for a few of a resource that has many or large ones. Also what `lister` then gives. */
  readonly selection?: Selection
  /** Keys to reconcile when this object is added, changed (called for the old and the new one) or deleted. */
  toKeys(object: KubeObject, view: View, change: 'add' | 'update' | 'delete'): readonly string[]
  /** Skip an update that cannot matter (the default wakes for each). */
  changed?(object: KubeObject, old: KubeObject): boolean
}

export interface Outcome {
  /** Reconcile this key again after so long, whatever happens before. */
  readonly requeueAfterMs?: number
}

/** What a controller sees of the world. */
export interface View {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: EventRecorder
  /** Aborted when the controller must stop (leadership lost, shutdown). */
  readonly signal: AbortSignal
  /**
   * The shared cache of a resource. Those among `watches` are filled before `start`. Another one (of a resource that is known only
   * at run time) begins to fill when it is first asked for: see `informer(...).synced`.
   */
  lister<T extends KubeObject>(resource: GroupVersionResource): Lister<T>
  informer<T extends KubeObject>(resource: GroupVersionResource): Informer<T>
  /** Puts a key on this controller's queue, now or later. */
  enqueue(key: string, afterMs?: number): void
}

/** An error that another try would not mend. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}
