/**
 * The objects of one informer with their indexes. Reading costs no copy: the arrays that `list` and `by` give are kept until
 * the next change of what they hold.
 */
import { keyOf, type KubeObject } from '../../api/object.js'
import type { Lister } from '../informer.js'

/** A set of objects by key, and as the array that readers get. */
class Bucket<T> {
  readonly objects = new Map<string, T>()
  #array: readonly T[] | undefined

  set(key: string, object: T): void {
    this.objects.set(key, object)
    this.#array = undefined
  }

  delete(key: string): void {
    this.objects.delete(key)
    this.#array = undefined
  }

  all(): readonly T[] {
    return (this.#array ??= [...this.objects.values()])
  }
}

type Values<T> = (object: T) => readonly string[]

class Index<T extends KubeObject> {
  readonly #values: Values<T>
  readonly #buckets = new Map<string, Bucket<T>>()

  constructor(values: Values<T>) {
    this.#values = values
  }

  by(value: string): readonly T[] {
    return this.#buckets.get(value)?.all() ?? []
  }

  add(key: string, object: T): void {
    for (const value of this.#values(object)) {
      let bucket = this.#buckets.get(value)
      if (!bucket) this.#buckets.set(value, (bucket = new Bucket()))
      bucket.set(key, object)
    }
  }

  remove(key: string, object: T): void {
    for (const value of this.#values(object)) {
      const bucket = this.#buckets.get(value)
      bucket?.delete(key)
      if (bucket?.objects.size === 0) this.#buckets.delete(value)
    }
  }
}

export class ObjectStore<T extends KubeObject> implements Lister<T> {
  readonly #all = new Bucket<T>()
  readonly #byNamespace = new Index<T>((object) => (object.metadata.namespace ? [object.metadata.namespace] : []))
  readonly #indexes = new Map<string, Index<T>>()

  get(key: string): T | undefined {
    return this.#all.objects.get(key)
  }

  list(namespace?: string): readonly T[] {
    return namespace ? this.#byNamespace.by(namespace) : this.#all.all()
  }

  by(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index)
    if (!found) throw new Error(`assertion failed: no index "${index}"`)
    return found.by(value)
  }

  /** The first function under a name stays: several users of a shared informer add the same index. */
  addIndex(name: string, values: Values<T>): void {
    if (this.#indexes.has(name)) return
    const index = new Index<T>(values)
    for (const [key, object] of this.#all.objects) index.add(key, object)
    this.#indexes.set(name, index)
  }

  /** Gives back what was there before. */
  set(object: T): T | undefined {
    const key = keyOf(object)
    const old = this.#all.objects.get(key)
    this.#all.set(key, object)
    this.#byNamespace.add(key, object)
    for (const index of this.#indexes.values()) {
      if (old) index.remove(key, old)
      index.add(key, object)
    }
    return old
  }

  delete(key: string): T | undefined {
    const old = this.#all.objects.get(key)
    if (!old) return undefined
    this.#all.delete(key)
    this.#byNamespace.remove(key, old)
    for (const index of this.#indexes.values()) index.remove(key, old)
    return old
  }

  keys(): IterableIterator<string> {
    return this.#all.objects.keys()
  }
}
