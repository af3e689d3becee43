/**
 * The store's one engine: etcd's multi-version model over a Backend that only keeps records.
 *
 * A write is judged and numbered the moment it is asked for, against everything asked for before it; its answer, like any
 * read that could see it, waits until its record is durable. Writes that arrive while the backend is busy share the next
 * batch (group commit). Reads see the last durable revision, never a pending one.
 */
import { assert, messageOf } from '../../base/errors.js'
import type { Clock } from '../../base/clock.js'
import {
  type Batch,
  type Change,
  CompactedError,
  type CommitResult,
  type Entry,
  FutureRevisionError,
  type LeaseId,
  type RangeOptions,
  type RangeResult,
  type ReadOptions,
  type Store,
  type StoreEvent,
  StoreUnavailableError,
} from '../store.js'
import type { Backend, RevisionRecord, Snapshot, WriteBatch } from './backend.js'
import { type KeyRange, keyBytesOf, keyTextOf, prefixRange, singleKey } from './key-bytes.js'
import { KeyIndex, type KeyItem, visibleAt } from './key-index.js'
import { Leases } from './leases.js'
import { type Subscription, WatchHub } from './watch-hub.js'

/** One operation of a transaction. Keys are byte strings. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: LeaseId }
  | { readonly type: 'delete'; readonly key: string }

/** What a transaction's work can do: it sees its own writes and every pending one. Keys are byte strings, in entries too. */
export interface Transaction {
  get(key: string): Entry | undefined
  range(range: KeyRange): Entry[]
  /** Throws when there is no such lease; check before the first write. */
  put(key: string, value: Uint8Array, lease?: LeaseId): void
  /** False when the key did not exist. */
  delete(key: string): boolean
  /** The revision of its writes, or of what it has read when it wrote nothing. */
  readonly revision: number
}

export class Engine implements Store {
  readonly #backend: Backend
  readonly #clock: Clock
  readonly #index = new KeyIndex()
  readonly #leases: Leases
  readonly #hub: WatchHub
  /** The last revision given out, and the last one that is durable. The first revision of a store is 1, as in etcd. */
  #revision = 1
  #durable = 1
  #compacted = 0
  #pending: { records: RevisionRecord[]; leases: Map<LeaseId, number | undefined>; waiting: Waiting[] } = {
    records: [],
    leases: new Map(),
    waiting: [],
  }
  /** Records that have a revision but are not durable yet. */
  readonly #unsettled = new Map<number, RevisionRecord>()
  #writing = false
  #deferred = false
  #failure: StoreUnavailableError | undefined
  #closed = false

  constructor(backend: Backend, clock: Clock) {
    this.#backend = backend
    this.#clock = clock
    this.#leases = new Leases(clock, (id) => {
      // A write that fails has ended the engine already; every caller is told so.
      this.#endLease(id).catch(() => undefined)
    })
    this.#hub = new WatchHub({
      visibleRevision: () => this.#durable,
      compactedRevision: () => this.#compacted,
      read: (from, to, wants, visit) => backend.history(from, to, wants, visit),
    })
    this.#recover()
  }

  get clock(): Clock {
    return this.#clock
  }

  get durableRevision(): number {
    return this.#durable
  }

  get compactedRevision(): number {
    return this.#compacted
  }

  get leases(): Leases {
    return this.#leases
  }

  async get(key: string, options: ReadOptions = {}): Promise<Entry | undefined> {
    const at = this.#readAt(options.at)
    const item = this.#index.find(keyBytesOf(key))
    const revision = item ? visibleAt(item, at) : 0
    return item && revision > 0 ? this.#entry(item.key, revision) : undefined
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const range = prefixRange(keyBytesOf(prefix))
    const after = options.after === undefined ? undefined : `${keyBytesOf(options.after)}\0`
    return this.readRange(after !== undefined && after > range.start ? { ...range, start: after } : range, options)
  }

  /** A range by byte strings, as the etcd API asks for it. `keysOnly` leaves values empty. */
  readRange(range: KeyRange, options: { at?: number; limit?: number; keysOnly?: boolean; byteKeys?: boolean } = {}): RangeResult {
    const at = this.#readAt(options.at)
    const limit = options.limit ?? Number.POSITIVE_INFINITY
    const entries: Entry[] = []
    let count = 0
    // Beyond the limit only the number of keys matters: the index knows it by block when the present is read.
    const countAtOnce = at === this.#revision
    this.#index.scan(range, at, (item, revision) => {
      count++
      if (entries.length < limit) {
        entries.push(this.#entry(item.key, revision, options))
        return true
      }
      return !countAtOnce
    })
    if (countAtOnce && entries.length === limit) count = this.#index.count(range)
    return { entries, revision: at, more: count > entries.length, count }
  }

  async commit(change: Change): Promise<CommitResult> {
    this.#assertOpen()
    const key = keyBytesOf(change.key)
    const item = this.#index.find(key)
    const exists = item !== undefined && item.version > 0
    const expected =
      change.expect === 'any'
        ? change.value !== undefined || exists
        : change.expect === 'absent'
          ? !exists
          : exists && item.revision === change.expect
    const before = exists ? item.revision : 0
    if (!expected) {
      await this.#settled()
      return { ok: false, current: before ? this.#entryIfKept(key, before) : undefined, revision: this.#durable }
    }
    const operation: Operation =
      change.value === undefined ? { type: 'delete', key } : { type: 'put', key, value: change.value, lease: change.lease }
    const [event] = await this.transact([operation])
    assert(event, 'a transaction gives one event for each operation')
    const previous = before ? this.#entryIfKept(key, before) : undefined
    return {
      ok: true,
      revision: event.revision,
      createRevision: event.type === 'put' ? event.createRevision : 0,
      version: event.type === 'put' ? event.version : 0,
      ...(previous ? { previous } : {}),
    }
  }

  /** Does every operation at one revision and resolves with its events once that is durable. No operation: the settled state. */
  async transact(operations: readonly Operation[]): Promise<readonly StoreEvent[]> {
    this.#assertOpen()
    for (const operation of operations) {
      if (operation.type === 'put' && operation.lease !== undefined && !this.#leases.has(operation.lease))
        throw new Error('requested lease not found')
    }
    if (operations.length === 0) {
      await this.#settled()
      return []
    }
    const revision = ++this.#revision
    const events = operations.map((operation) => this.#eventOf(operation, revision))
    this.#index.apply(revision, events)
    this.#record({ revision, events })
    await this.#flushed()
    return events
  }

  /**
   * Runs `work` at once against the newest state, all its writes at one revision (each key at most once), and resolves with what
   * it gives when that state is durable. `work` must not throw once it has written.
   */
  async atomically<T>(work: (transaction: Transaction) => T): Promise<T> {
    this.#assertOpen()
    const events: StoreEvent[] = []
    const revision = this.#revision + 1
    const apply = (operation: Operation) => {
      const event = this.#eventOf(operation, revision)
      this.#index.apply(revision, [event])
      this.#unsettled.set(revision, { revision, events })
      events.push(event)
    }
    const entries = (range: KeyRange) => {
      const found: Entry[] = []
      this.#index.scan(range, revision, (item, at) => found.push(this.#entry(item.key, at, { byteKeys: true })) > 0)
      return found
    }
    const result = work({
      get: (key) => entries(singleKey(key))[0],
      range: entries,
      put: (key, value, lease) => {
        assert(lease === undefined || this.#leases.has(lease), 'a lease is checked before the first write')
        apply({ type: 'put', key, value, ...(lease === undefined ? {} : { lease }) })
      },
      delete: (key) => {
        const exists = this.peek(key) !== undefined
        if (exists) apply({ type: 'delete', key })
        return exists
      },
      get revision() {
        return events.length > 0 ? revision : revision - 1
      },
    })
    if (events.length === 0) {
      await this.#settled()
      return result
    }
    this.#revision = revision
    this.#index.share(revision, events.length)
    this.#record({ revision, events })
    await this.#flushed()
    return result
  }

  /** The state of a key with all pending writes applied; for judging a transaction's comparisons. */
  peek(key: string): Readonly<KeyItem> | undefined {
    const item = this.#index.find(key)
    return item && item.version > 0 ? item : undefined
  }

  /** Byte strings of the keys in a range, pending writes applied. */
  keysIn(range: KeyRange): string[] {
    const keys: string[] = []
    this.#index.scan(range, this.#revision, (item) => keys.push(item.key) > 0)
    return keys
  }

  async *watch(prefix: string, options: { from: number; signal: AbortSignal }): AsyncIterable<Batch> {
    const { signal } = options
    const subscription = this.subscribe(prefix, options.from)
    try {
      while (!signal.aborted) {
        for (const batch of subscription.take()) yield batch
        if (!subscription.readable) await readableOrAborted(subscription, signal)
      }
    } finally {
      subscription.close()
    }
  }

  /** The pull form of `watch`, for servers that pass many watches on. */
  subscribe(prefix: string, from: number): Subscription {
    return this.subscribeRange(prefixRange(keyBytesOf(prefix)), from)
  }

  /** Events of a range of byte strings. `byteKeys`: their keys stay byte strings. */
  subscribeRange(range: KeyRange, from: number, options: { byteKeys?: boolean } = {}): Subscription {
    this.#assertOpen()
    return this.#hub.subscribe({ ...range, byteKeys: options.byteKeys ?? false }, from)
  }

  /** A consistent copy of everything that is durable; undefined when the backend cannot make one. */
  async snapshot(): Promise<Snapshot | undefined> {
    this.#assertOpen()
    return this.#backend.snapshot?.()
  }

  async revision(): Promise<number> {
    this.#assertOpen()
    return this.#durable
  }

  async requestProgress(): Promise<void> {
    this.#assertOpen()
    this.#hub.progress()
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen()
    if (revision <= this.#compacted) throw new CompactedError(this.#compacted)
    if (revision > this.#durable) throw new FutureRevisionError(this.#durable)
    await this.#settled()
    this.#compacted = revision
    const remove = this.#index.compact(revision)
    await this.#write({ records: [], leases: new Map(), compacted: revision, remove })
  }

  async grantLease(ttlSeconds: number, id: LeaseId = newLeaseId()): Promise<LeaseId> {
    this.#assertOpen()
    this.#leases.start(id, ttlSeconds)
    this.#pending.leases.set(id, ttlSeconds)
    await this.#flushed()
    return id
  }

  async revokeLease(id: LeaseId): Promise<void> {
    this.#assertOpen()
    if (!this.#leases.has(id)) throw new Error('requested lease not found')
    await this.#endLease(id)
  }

  async ping(): Promise<void> {
    this.#assertOpen()
  }

  async sizeBytes(): Promise<number> {
    return this.#backend.sizeBytes()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.#settled().catch(() => undefined)
    this.#closed = true
    this.#leases.close()
    this.#hub.fail(new StoreUnavailableError('the store was closed'))
    await this.#backend.close()
  }

  #recover(): void {
    const { compacted, leases, records } = this.#backend.recover()
    this.#compacted = compacted
    for (const [id, ttlSeconds] of leases) this.#leases.start(id, ttlSeconds)
    for (const { revision, events } of records) {
      this.#index.apply(revision, events)
      this.#revision = Math.max(this.#revision, revision)
      for (const event of events) this.#leases.move(event.key, undefined, event.type === 'put' ? event.lease : undefined)
    }
    this.#revision = Math.max(this.#revision, compacted)
    this.#durable = this.#revision
  }

  #eventOf(operation: Operation, revision: number): StoreEvent {
    const { key } = operation
    const old = this.#index.find(key)
    const live = old !== undefined && old.version > 0 ? old : undefined
    if (operation.type === 'delete') {
      this.#leases.move(key, live?.lease, undefined)
      return { type: 'delete', key, revision }
    }
    this.#leases.move(key, live?.lease, operation.lease)
    return {
      type: 'put',
      key,
      value: operation.value,
      revision,
      createRevision: live?.createRevision ?? revision,
      version: (live?.version ?? 0) + 1,
      ...(operation.lease === undefined ? {} : { lease: operation.lease }),
    }
  }

  async #endLease(id: LeaseId): Promise<void> {
    const keys = this.#leases.end(id)
    this.#pending.leases.set(id, undefined)
    const operations = keys.filter((key) => this.peek(key) !== undefined).map((key) => ({ type: 'delete' as const, key }))
    if (operations.length > 0) await this.transact(operations)
    else await this.#flushed()
  }

  #record(record: RevisionRecord): void {
    this.#unsettled.set(record.revision, record)
    this.#pending.records.push(record)
  }

  /** Resolves when everything pending now is durable. */
  #flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.waiting.push({ resolve, reject })
      this.#schedule()
    })
  }

  /** Like #flushed, but free when nothing is pending. */
  #settled(): Promise<void> {
    if (this.#pending.records.length === 0 && this.#pending.leases.size === 0 && !this.#writing) return Promise.resolve()
    return this.#flushed()
  }

  #schedule(): void {
    if (this.#writing || this.#deferred) return
    this.#deferred = true
    this.#backend.defer(() => {
      this.#deferred = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#writing) return
    const { records, leases, waiting } = this.#pending
    this.#pending = { records: [], leases: new Map(), waiting: [] }
    const done = (error?: unknown) => {
      if (error === undefined) this.#show(records)
      for (const each of waiting) {
        if (error === undefined) each.resolve()
        else each.reject(this.#failure as Error)
      }
    }
    if (records.length === 0 && leases.size === 0) return done()
    this.#write({ records, leases }).then(
      () => done(),
      (error: unknown) => done(error),
    )
  }

  #show(records: readonly RevisionRecord[]): void {
    const last = records[records.length - 1]
    if (!last) return
    this.#durable = last.revision
    for (const { revision } of records) this.#unsettled.delete(revision)
    this.#hub.publish(records)
  }

  /** One write at a time. A failed one ends the engine: what is on disk is unknown, and guessing would lose writes. */
  async #write(batch: WriteBatch): Promise<void> {
    while (this.#writing) await this.#flushed()
    this.#writing = true
    try {
      if (this.#failure) throw this.#failure
      const written = this.#backend.write(batch)
      if (written) await written
    } catch (error) {
      this.#failure ??= new StoreUnavailableError(`the store cannot write: ${messageOf(error)}`, { unknownOutcome: true, cause: error })
      this.#hub.fail(this.#failure)
      throw this.#failure
    } finally {
      this.#writing = false
      if (this.#pending.waiting.length > 0) this.#schedule()
    }
  }

  #readAt(at: number | undefined): number {
    this.#assertOpen()
    if (at === undefined) return this.#durable
    if (at > this.#durable) throw new FutureRevisionError(this.#durable)
    if (at < this.#compacted) throw new CompactedError(this.#compacted)
    return at
  }

  #entry(key: string, revision: number, form: { keysOnly?: boolean; byteKeys?: boolean } = {}): Entry {
    const entry = this.#entryIfKept(key, revision, form)
    assert(entry, 'the index names only records that are pending or that the backend has')
    return entry
  }

  /** undefined when a compaction that ran meanwhile has removed the record. */
  #entryIfKept(key: string, revision: number, form: { keysOnly?: boolean; byteKeys?: boolean } = {}): Entry | undefined {
    const pending = this.#unsettled.size > 0 ? this.#unsettled.get(revision)?.events.find((each) => each.key === key) : undefined
    const event = pending?.type === 'put' ? pending : this.#backend.read(revision, key)
    if (!event) return undefined
    const { createRevision, version, lease } = event
    const value = form.keysOnly ? new Uint8Array(0) : event.value
    const entry = { key: form.byteKeys ? key : keyTextOf(key), value, revision, createRevision, version }
    return lease === undefined ? entry : { ...entry, lease }
  }

  #assertOpen(): void {
    if (this.#failure) throw this.#failure
    if (this.#closed) throw new StoreUnavailableError('the store was closed')
  }
}

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

function readableOrAborted(subscription: Subscription, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      subscription.onReadable = undefined
      signal.removeEventListener('abort', done)
      resolve()
    }
    subscription.onReadable = done
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted || subscription.readable) done()
  })
}

/** A positive 63-bit id, as etcd makes them. */
function newLeaseId(): LeaseId {
  const parts = globalThis.crypto.getRandomValues(new Uint32Array(2))
  return String((BigInt((parts[0] ?? 0) & 0x7fffffff) << 32n) | BigInt(parts[1] ?? 0) || 1n)
}
