import type { LeaseId, StoreEvent } from '../store.js'

/** Everything one revision changed, in the order of its operations. Keys are byte strings. */
export interface RevisionRecord {
  readonly revision: number
  readonly events: readonly StoreEvent[]
}

export type PutEvent = Extract<StoreEvent, { type: 'put' }>

/** What has to become durable together. */
export interface WriteBatch {
  readonly records: readonly RevisionRecord[]
  /** Leases granted (their time to live in seconds) or ended (undefined). */
  readonly leases: ReadonlyMap<LeaseId, number | undefined>
  /** The new compacted revision. */
  readonly compacted?: number
  /** Records that compaction has made unreachable. */
  readonly remove?: readonly number[]
}

/** What a backend holds when it is opened. */
export interface Recovered {
  readonly compacted: number
  readonly leases: ReadonlyMap<LeaseId, number>
  /** Every record in order of revision. Values may be left out (empty): the engine reads them by revision. */
  readonly records: Iterable<RevisionRecord>
}

/**
 * Where the engine keeps its records: an ordered log of revisions with holes. The engine calls `write` again only after the
 * previous one has settled; reads see every settled write at once.
 */
export interface Backend {
  /** Runs `fn` when the callers that are ready now have had their say, so that their commits share one write. */
  defer(fn: () => void): void
  /** All or nothing. Resolves when the batch survives a crash; undefined when it already does (memory). */
  write(batch: WriteBatch): Promise<void> | undefined
  /** The event that put `key` at `revision`; undefined when that record is gone. */
  read(revision: number, key: string): PutEvent | undefined
  /**
   * Walks records with from <= revision <= to in order. `wants` says whether the event of a key is of interest; others may be
   * skipped without being decoded. The walk ends early when `visit` returns false.
   */
  history(from: number, to: number, wants: (key: string) => boolean, visit: (record: RevisionRecord) => boolean): void
  recover(): Recovered
  sizeBytes(): number
  /** A consistent copy of what is durable, for backups. */
  snapshot?(): Promise<Snapshot>
  close(): Promise<void>
}

export interface Snapshot {
  readonly sizeBytes: number
  /** Reading to the end, or giving up, frees it. */
  readonly chunks: AsyncIterable<Uint8Array>
}
