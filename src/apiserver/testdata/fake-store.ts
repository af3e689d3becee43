import type { Change, CommitResult, Entry, Store } from '../../storage/store.js'

/** The part of a store that allocators use: get, commit and leases, in memory. */
export function fakeStore(): Store {
  const entries = new Map<string, Entry>()
  let revision = 0
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
      } else entries.delete(change.key)
      return Promise.resolve({ ok: true, revision, createRevision: revision, version: 1, ...(current ? { previous: current } : {}) })
    },
    watch: () => {
      throw new Error('not in the fake')
    },
    revision: () => Promise.resolve(revision),
    requestProgress: missing,
    compact: missing,
    grantLease: () => Promise.resolve('1'),
    revokeLease: () => Promise.resolve(),
    ping: () => Promise.resolve(),
    sizeBytes: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  }
}
