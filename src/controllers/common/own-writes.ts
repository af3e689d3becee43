import type { KubeObject } from '../../api/object.js'

interface Written {
  /** Resource versions that the cache has not shown yet. */
  readonly versions: Set<number>
  /** Names whose deletion the cache has not shown yet. */
  readonly deletions: Set<string>
  /** A reconcile gave up because of them and wants to be woken. */
  waiting: boolean
}

interface Cache {
  readonly resourceVersion: string
  readonly lister: { get(key: string): KubeObject | undefined }
}

/**
 * What a controller wrote on behalf of a key and its own cache has not shown yet: until then the cache is older than what the
 * controller knows, and deciding from it would write the same thing twice. Resource versions of one resource are ordered
 * (KEP-5504), so a cache that has reached a version shows every write up to it.
 */
export class OwnWrites {
  readonly #byKey = new Map<string, Written>()

  /** `answer`: the object as the server gave it back. */
  wrote(key: string, answer: KubeObject): void {
    this.#of(key).versions.add(Number(answer.metadata.resourceVersion))
  }

  /** `cacheKey`: "namespace/name" of the deleted object. */
  deleted(key: string, cacheKey: string): void {
    this.#of(key).deletions.add(cacheKey)
  }

  /** False while the cache lags behind; the key is then woken by `seen`. */
  isCurrent(key: string, cache: Cache): boolean {
    const written = this.#byKey.get(key)
    if (!written) return true
    const reached = Number(cache.resourceVersion)
    for (const version of written.versions) if (version <= reached) written.versions.delete(version)
    for (const name of written.deletions) {
      const present = cache.lister.get(name)
      if (!present || present.metadata.deletionTimestamp) written.deletions.delete(name)
    }
    if (written.versions.size === 0 && written.deletions.size === 0) {
      this.#byKey.delete(key)
      return true
    }
    written.waiting = true
    return false
  }

  /** An event of the cache: true when the key should be reconciled for it, false when it only shows what the controller did. */
  seen(key: string, object: KubeObject, cacheKey: string, change: 'add' | 'update' | 'delete'): boolean {
    const written = this.#byKey.get(key)
    if (!written) return true
    const own = change === 'delete' ? written.deletions.delete(cacheKey) : written.versions.delete(Number(object.metadata.resourceVersion))
    return !own || written.waiting
  }

  forget(key: string): void {
    this.#byKey.delete(key)
  }

  #of(key: string): Written {
    let written = this.#byKey.get(key)
    if (!written) this.#byKey.set(key, (written = { versions: new Set(), deletions: new Set(), waiting: false }))
    return written
  }
}
