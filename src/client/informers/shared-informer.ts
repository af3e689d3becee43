/**
 * A cache of one resource and those who want to hear of its changes. Changes come from a reflector; every handler hears of
 * every change in one order, at once, after the cache shows it. A handler that throws is logged and stays.
 */
import { keyOf, type KubeObject } from '../../api/object.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { WatchEvent } from '../client.js'
import type { Informer, InformerHandler, Lister } from '../informer.js'
import { ObjectStore } from './store.js'

export class SharedInformer<T extends KubeObject> implements Informer<T> {
  readonly #store = new ObjectStore<T>()
  readonly #handlers = new Set<InformerHandler<T>>()
  readonly #logger: Logger
  readonly #transform: ((object: KubeObject) => void) | undefined
  readonly #waiting: (() => void)[] = []
  #synced = false
  #resourceVersion = ''

  constructor(logger: Logger, transform?: (object: KubeObject) => void) {
    this.#logger = logger
    this.#transform = transform
  }

  get lister(): Lister<T> {
    return this.#store
  }

  get synced(): boolean {
    return this.#synced
  }

  get resourceVersion(): string {
    return this.#resourceVersion
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    this.#store.addIndex(name, values)
  }

  addHandler(handler: InformerHandler<T>): () => void {
    // Its own entry, so that one handler value added twice is two handlers.
    const entry: InformerHandler<T> = {
      onAdd: (object, initial) => handler.onAdd?.(object, initial),
      onUpdate: (object, old) => handler.onUpdate?.(object, old),
      onDelete: (object) => handler.onDelete?.(object),
    }
    for (const object of this.#store.list()) this.#call(() => entry.onAdd?.(object, true))
    this.#handlers.add(entry)
    return () => void this.#handlers.delete(entry)
  }

  /** Calls back once the first list has been delivered. */
  whenSynced(fn: () => void): void {
    if (this.#synced) fn()
    else this.#waiting.push(fn)
  }

  /** The whole state anew (a first list, or one after a gap): what is missing in it was deleted unseen. */
  replace(objects: Iterable<T>, resourceVersion: string): void {
    const initial = !this.#synced
    const gone = new Set(this.#store.keys())
    const tell: (() => void)[] = []
    for (const object of objects) {
      this.#transform?.(object)
      gone.delete(keyOf(object))
      const old = this.#store.set(object)
      if (old && isSame(old, object)) continue
      tell.push(() => this.#tell(object, old, initial))
    }
    for (const key of gone) {
      const old = this.#store.delete(key) as T
      tell.push(() => this.#deleted(old))
    }
    this.#resourceVersion = resourceVersion
    for (const fn of tell) fn()
    if (!initial) return
    this.#synced = true
    for (const fn of this.#waiting.splice(0)) fn()
  }

  apply(event: WatchEvent<T>): void {
    const { type, object } = event
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion
    if (type === 'BOOKMARK') return
    this.#transform?.(object)
    if (type === 'DELETED') {
      if (this.#store.delete(keyOf(object))) this.#deleted(object)
      return
    }
    this.#tell(object, this.#store.set(object), false)
  }

  /** Another object under an old name is the end of one and the beginning of another: the watch missed its deletion. */
  #tell(object: T, old: T | undefined, initial: boolean): void {
    if (old && old.metadata.uid === object.metadata.uid) {
      for (const handler of this.#handlers) this.#call(() => handler.onUpdate?.(object, old))
      return
    }
    if (old) this.#deleted(old)
    for (const handler of this.#handlers) this.#call(() => handler.onAdd?.(object, initial))
  }

  #deleted(object: T): void {
    for (const handler of this.#handlers) this.#call(() => handler.onDelete?.(object))
  }

  #call(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#logger.error('An informer handler failed', { error: messageOf(error) })
    }
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion
}
