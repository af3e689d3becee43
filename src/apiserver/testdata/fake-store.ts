import type { Batch, Change, CommitResult, Entry, Store, StoreEvent } from '../../storage/store.js'

/** The part of a store that allocators and the endpoint reconciler use, in memory. Leases end when a test says so. */
export interface FakeStore extends Store {
  endLease(id: string): void
}

export function fakeStore(): FakeStore {
  const entries = new Map<string, Entry>()
  const watchers = new Set<(event: StoreEvent) => void>()
  let revision = 0
  let leases = 0
  const tell = (event: StoreEvent) => {
    for (const watcher of watchers) watcher(event)
  }
  const missing = () => Promise.reject(new Error('not in the fake'))
  return {
    get: (key) => Promise.resolve(entries.get(key)),
    range: async (prefix) => {
      const found = [...entries.values()].filter((entry) => entry.key.startsWith(prefix)).sort((a, b) => (a.key < b.key ? -1 : 1))
      return Promise.resolve({ entries: found, revision, more: false, count: found.length })
    },
    commit(change: Change): Promise<CommitResult> {
      const current = entries.get(change.key)
      const fits = change.expect === 'any' || (change.expect === 'absent' ? !current : current?.revision === change.expect)
      if (!fits) return Promise.resolve({ ok: false, current, revision })
      revision++
      if (change.value) {
        const entry: Entry = {
          key: change.key,
          value: change.value,
          revision,
          createRevision: current?.createRevision ?? revision,
          version: (current?.version ?? 0) + 1,
          ...(change.lease ? { lease: change.lease } : {}),
        }
        entries.set(change.key, entry)
        tell({ type: 'put', ...entry })
      } else {
        entries.delete(change.key)
        tell({ type: 'delete', key: change.key, revision })
      }
      return Promise.resolve({ ok: true, revision, createRevision: revision, version: 1, ...(current ? { previous: current } : {}) })
    },
    async *watch(prefix, { signal }) {
      const queue: Batch[] = []
      let wake = () => {}
      const watcher = (event: StoreEvent) => {
        if (event.key.startsWith(prefix)) queue.push({ revision: event.revision, events: [event] })
        wake()
      }
      watchers.add(watcher)
      signal.addEventListener('abort', () => wake())
      while (!signal.aborted) {
        for (let batch = queue.shift(); batch; batch = queue.shift()) yield batch
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queue.length > 0 || signal.aborted) resolve()
        })
      }
      watchers.delete(watcher)
    },
    endLease(id) {
      for (const entry of entries.values()) {
        if (entry.lease !== id) continue
        entries.delete(entry.key)
        tell({ type: 'delete', key: entry.key, revision: ++revision })
      }
    },
    revision: () => Promise.resolve(revision),
    requestProgress: missing,
    compact: missing,
    grantLease: () => Promise.resolve(String(++leases)),
    revokeLease: () => Promise.resolve(),
    ping: () => Promise.resolve(),
    sizeBytes: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  }
}
