import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import { keyOf } from '../../api/object.js'
import { alreadyExists, conflict, notFound } from '../../api/status.js'
import type { Client, ResourceClient } from '../../client/client.js'
import type { ServerAccess, ServerLister } from '../access.js'

/** A cluster in memory for tests: what is written is in the listers at once. `lag` hides writes from listers until `catchUp`. */
export class FakeAccess implements ServerAccess {
  readonly #tables = new Map<string, Table<KubeObject>>()
  readonly writes: { verb: string; resource: string; key: string }[] = []
  #revision = 0
  #uids = 0

  readonly client: Client = {
    resource: <T extends KubeObject>(of: GroupVersionResource) => this.#resource<T>(of),
    raw: () => Promise.reject(new Error('not in the fake')),
    withUserAgent: () => this.client,
    close: () => Promise.resolve(),
  }

  lister<T extends KubeObject>(resource: GroupVersionResource): ServerLister<T> {
    const table = this.#table<T>(resource)
    return {
      get: (key) => table.seen.get(key),
      list: (namespace) => [...table.seen.values()].filter((object) => namespace === undefined || object.metadata.namespace === namespace),
      by: () => {
        throw new Error('no indexes in the fake')
      },
      synced: () => Promise.resolve(),
      onChange(fn) {
        table.handlers.add(fn)
        return () => table.handlers.delete(fn)
      },
    }
  }

  /** Puts objects there without counting as a write. */
  add(resource: GroupVersionResource, ...objects: KubeObject[]): void {
    const table = this.#table(resource)
    for (const object of objects) this.#put(table, this.#complete(object))
  }

  /** Keeps writes of one resource from its lister until catchUp. */
  lag(resource: GroupVersionResource): void {
    this.#table(resource).lagging = true
  }

  catchUp(resource: GroupVersionResource): void {
    const table = this.#table(resource)
    table.lagging = false
    table.seen = new Map(table.stored)
  }

  #complete<T extends KubeObject>(object: T): T {
    const copy = structuredClone(object)
    copy.metadata.uid ??= `uid-${++this.#uids}`
    copy.metadata.resourceVersion = String(++this.#revision)
    return copy
  }

  #put<T extends KubeObject>(table: Table<T>, object: T): void {
    const key = keyOf(object)
    const old = table.stored.get(key)
    table.stored.set(key, object)
    if (table.lagging) return
    table.seen.set(key, object)
    for (const handler of table.handlers) handler(key, object, old)
  }

  #table<T extends KubeObject>({ group, resource }: GroupVersionResource): Table<T> {
    const name = `${group}/${resource}`
    let table = this.#tables.get(name) as Table<T> | undefined
    if (!table) {
      table = { stored: new Map(), seen: new Map(), handlers: new Set(), lagging: false }
      this.#tables.set(name, table as unknown as Table<KubeObject>)
    }
    return table
  }

  #resource<T extends KubeObject>(of: GroupVersionResource): ResourceClient<T> {
    const table = this.#table<T>(of)
    const missing = () => Promise.reject<never>(new Error('not in the fake'))
    const need = (key: string, name: string): T => {
      const found = table.stored.get(key)
      if (!found) throw notFound(of, name)
      return found
    }
    const log = (verb: string, key: string) => this.writes.push({ verb, resource: of.resource, key })
    const update = async (object: T, verb: string) => {
      const key = keyOf(object)
      const old = need(key, object.metadata.name ?? '')
      if (object.metadata.resourceVersion && object.metadata.resourceVersion !== old.metadata.resourceVersion)
        throw conflict(of, object.metadata.name ?? '', 'the object has been modified')
      log(verb, key)
      const copy = this.#complete(object)
      this.#put(table, copy)
      return structuredClone(copy)
    }
    return {
      of,
      get: async (namespace, name) => structuredClone(need(namespace ? `${namespace}/${name}` : name, name)),
      list: async (options) => ({
        items: [...table.stored.values()].filter((object) => !options?.namespace || object.metadata.namespace === options.namespace).map((object) => structuredClone(object)),
        resourceVersion: String(this.#revision),
      }),
      watch: () => {
        throw new Error('not in the fake')
      },
      watchBatches: () => {
        throw new Error('not in the fake')
      },
      create: async (object) => {
        const key = keyOf(object)
        if (table.stored.has(key)) throw alreadyExists(of, object.metadata.name ?? '')
        log('create', key)
        const copy = this.#complete(object)
        this.#put(table, copy)
        return structuredClone(copy)
      },
      update: (object) => update(object, 'update'),
      updateStatus: (object) => update(object, 'updateStatus'),
      patch: missing,
      delete: async (namespace, name) => {
        const key = namespace ? `${namespace}/${name}` : name
        const old = need(key, name)
        log('delete', key)
        table.stored.delete(key)
        if (table.lagging) return
        table.seen.delete(key)
        for (const handler of table.handlers) handler(key, undefined, old)
      },
      deleteCollection: missing,
      createSubresource: missing,
    }
  }
}

interface Table<T> {
  stored: Map<string, T>
  seen: Map<string, T>
  readonly handlers: Set<(key: string, object: T | undefined, old: T | undefined) => void>
  lagging: boolean
}
