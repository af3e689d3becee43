/**
 * Records in LMDB, one entry a revision, keyed by the revision. A batch is one transaction, and it is acknowledged when the
 * disk has it: `flushed` resolves after the sync that covers the transaction.
 */
import { chmodSync, createReadStream, rmSync, statSync } from 'node:fs'
import type { Database, RootDatabase } from 'lmdb'
import type { Clock } from '../../base/clock.js'
import type { Backend, PutEvent, Recovered, RevisionRecord, Snapshot, WriteBatch } from '../engine/backend.js'
import type { LeaseId } from '../store.js'
import { decodeRecord, encodeRecord } from './record.js'

const compactedKey = 'compacted'

/**
 * A lone write is made on the spot while the disk answers within `quickSyncMs`: handing it to LMDB's threads and back costs as
 * much again as such a write. One that took longer has kept everybody else waiting, so for `slowDiskMs` all go to the threads.
 */
const quickSyncMs = 5
const slowDiskMs = 1_000

export class LmdbBackend implements Backend {
  readonly #root: RootDatabase
  readonly #records: Database<Buffer, number>
  readonly #leases: Database<number, string>
  readonly #meta: Database<number, string>
  readonly #file: string
  #sizeBytes = 0
  #snapshots = 0
  readonly #clock: Clock
  #slowUntilMs = 0

  constructor(root: RootDatabase, file: string, clock: Clock) {
    this.#root = root
    this.#clock = clock
    this.#file = file
    this.#records = root.openDB<Buffer, number>({ name: 'records', encoding: 'binary', keyEncoding: 'uint32', cache: false } as never)
    this.#leases = root.openDB<number, string>({ name: 'leases', encoding: 'json' })
    this.#meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' })
  }

  defer(fn: () => void): void {
    setImmediate(fn)
  }

  write(batch: WriteBatch): Promise<void> | undefined {
    if (batch.records.length + batch.leases.size > 1 || batch.remove) return this.#writeByThread(batch)
    const startedAtMs = this.#clock.monotonic()
    if (startedAtMs < this.#slowUntilMs) return this.#writeByThread(batch)
    this.#root.transactionSync(() => this.#put(batch))
    const endedAtMs = this.#clock.monotonic()
    if (endedAtMs - startedAtMs > quickSyncMs) this.#slowUntilMs = endedAtMs + slowDiskMs
    return undefined
  }

  async #writeByThread(batch: WriteBatch): Promise<void> {
    await this.#root.transaction(() => this.#put(batch))
    await this.#root.flushed
  }

  /** Inside a transaction. */
  #put({ records, leases, compacted, remove = [] }: WriteBatch): void {
    for (const { revision, events } of records) {
      const bytes = encodeRecord(events)
      this.#sizeBytes += bytes.length
      void this.#records.put(revision, bytes)
    }
    for (const [id, ttlSeconds] of leases) {
      if (ttlSeconds === undefined) void this.#leases.remove(id)
      else void this.#leases.put(id, ttlSeconds)
    }
    for (const revision of remove) {
      this.#sizeBytes -= this.#records.get(revision)?.length ?? 0
      void this.#records.remove(revision)
    }
    if (compacted !== undefined) void this.#meta.put(compactedKey, compacted)
  }

  read(revision: number, key: string): PutEvent | undefined {
    const bytes = this.#records.get(revision)
    if (!bytes) return undefined
    const [event] = decodeRecord(bytes, revision, { wants: (each) => each === key })
    return event?.type === 'put' ? event : undefined
  }

  history(from: number, to: number, wants: (key: string) => boolean, visit: (record: RevisionRecord) => boolean): void {
    for (const { key: revision, value } of this.#records.getRange({ start: from, end: to + 1 })) {
      const events = decodeRecord(value, revision, { wants })
      if (events.length > 0 && !visit({ revision, events })) return
    }
  }

  recover(): Recovered {
    const leases = new Map<LeaseId, number>()
    for (const { key, value } of this.#leases.getRange()) leases.set(key, value)
    return { compacted: this.#meta.get(compactedKey) ?? 0, leases, records: this.#allRecords() }
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The database's own copy of itself, made beside it and removed once it has been read. */
  async snapshot(): Promise<Snapshot> {
    const file = `${this.#file}.snapshot-${process.pid}-${++this.#snapshots}`
    await (this.#root as unknown as { backup(path: string, compact: boolean): Promise<void> }).backup(file, true)
    chmodSync(file, 0o600)
    const { size } = statSync(file)
    async function* chunks() {
      try {
        yield* createReadStream(file, { highWaterMark: 64 * 1024 })
      } finally {
        rmSync(file, { force: true })
      }
    }
    return { sizeBytes: size, chunks: chunks() }
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  *#allRecords(): Iterable<RevisionRecord> {
    for (const { key: revision, value } of this.#records.getRange()) {
      this.#sizeBytes += value.length
      yield { revision, events: decodeRecord(value, revision, { withValues: false }) }
    }
  }
}
