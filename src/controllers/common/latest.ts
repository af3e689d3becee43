import { keyOf, type KubeObject } from '../../api/object.js'
import type { Informer } from '../../client/informer.js'

/**
 * A cache with one's own writes laid over it, so that a controller sees what it wrote a moment ago. An entry lives until the
 * cache has caught up with it.
 */
export class Latest<T extends KubeObject> {
  readonly #informer: Informer<T>
  readonly #written = new Map<string, T>()

  constructor(informer: Informer<T>) {
    this.#informer = informer
  }

  get(key: string): T | undefined {
    const cached = this.#informer.lister.get(key)
    const own = this.#written.get(key)
    if (!own) return cached
    const version = Number(own.metadata.resourceVersion)
    if (Number(this.#informer.resourceVersion) < version) return own
    this.#written.delete(key)
    return cached
  }

  /** An object of the cache, or the newer one that was written. */
  of(cached: T): T {
    return this.get(keyOf(cached)) ?? cached
  }

  wrote(object: T): T {
    this.#written.set(keyOf(object), object)
    return object
  }

  forget(key: string): void {
    this.#written.delete(key)
  }
}
