/** A store whose keys begin differently than its user believes: several clusters may share one etcd (--etcd-prefix). */
import type { Batch, Entry, Store } from '../store.js'

export function underPrefix(store: Store, { from, to }: { from: string; to: string }): Store {
  const there = (key: string) => (key.startsWith(from) ? to + key.slice(from.length) : key)
  const back = (key: string) => (key.startsWith(to) ? from + key.slice(to.length) : key)
  const entry = (found: Entry): Entry => ({ ...found, key: back(found.key) })
  async function* watch(prefix: string, options: { from: number; signal: AbortSignal }): AsyncGenerator<Batch> {
    for await (const { revision, events } of store.watch(there(prefix), options))
      yield { revision, events: events.map((event) => ({ ...event, key: back(event.key) })) }
  }
  return {
    async get(key, options) {
      const found = await store.get(there(key), options)
      return found && entry(found)
    },
    async range(prefix, { after, ...options } = {}) {
      const found = await store.range(there(prefix), { ...options, ...(after === undefined ? {} : { after: there(after) }) })
      return { ...found, entries: found.entries.map(entry) }
    },
    async commit(change) {
      const result = await store.commit({ ...change, key: there(change.key) })
      if (result.ok) return result.previous ? { ...result, previous: entry(result.previous) } : result
      return { ...result, current: result.current && entry(result.current) }
    },
    watch,
    revision: () => store.revision(),
    requestProgress: () => store.requestProgress(),
    compact: (revision) => store.compact(revision),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    revokeLease: (id) => store.revokeLease(id),
    ping: (signal) => store.ping(signal),
    sizeBytes: () => store.sizeBytes(),
    close: () => store.close(),
  }
}
