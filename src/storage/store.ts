/**
 * The store contract: etcd's data model, reduced to what an API server needs. One revision counter for the whole store;
 * every successful commit takes the next revision; watches see every revision in order, once.
 *
 * Guaranteed by every driver: a resolved commit is durable; reads without `at` are linearizable unless `serializable`;
 * a watch never skips or repeats a revision. Not guaranteed: that a commit which rejected did not happen (`unknownOutcome`).
 */
export interface Store {
  /** The entry, or undefined when absent (at that revision). Throws CompactedError when `at` was compacted. */
  get(key: string, options?: ReadOptions): Promise<Entry | undefined>
  /** Entries whose key starts with `prefix`, in key order (bytewise). */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>
  /** Creates, replaces or deletes one key if its state is what `expect` says. */
  commit(change: Change): Promise<CommitResult>
  /**
   * Events of keys under `prefix` with revision >= `from`, in order, all events of a revision in one batch.
   * A batch without events is progress: every event up to its revision has been delivered.
   * Ends when the signal aborts. Throws CompactedError when `from` was compacted, StoreUnavailableError when the store is lost.
   */
  watch(prefix: string, options: { from: number; signal: AbortSignal }): AsyncIterable<Batch>
  /** The current revision, read linearizably. */
  revision(): Promise<number>
  /** Asks for a progress batch on every open watch of this store (etcd's WatchProgressRequest); resolves once asked. */
  requestProgress(): Promise<void>
  /** Forgets history below `revision`. */
  compact(revision: number): Promise<void>
  /** A lease of `ttlSeconds`: keys committed with it are deleted when it ends. Not renewed by itself. */
  grantLease(ttlSeconds: number): Promise<LeaseId>
  revokeLease(id: LeaseId): Promise<void>
  /** Rejects with the cause when the store cannot answer a linearizable read in time (health checks). */
  ping(signal?: AbortSignal): Promise<void>
  /** Bytes on disk (0 in memory); for status and metrics. */
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

/** Decimal text of a signed 64-bit id, as etcd prints it: JavaScript numbers would lose digits. */
export type LeaseId = string

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** Revision of the last change (etcd's mod_revision). */
  readonly revision: number
  readonly createRevision: number
  /** 1 after creation, +1 for each change. */
  readonly version: number
  readonly lease?: LeaseId
}

export interface ReadOptions {
  /** Read the state as of this revision. */
  readonly at?: number
  /** Accept a possibly stale answer from any member. */
  readonly serializable?: boolean
}

export interface RangeOptions extends ReadOptions {
  /** Only keys strictly greater than this one. */
  readonly after?: string
  /** At most this many entries. */
  readonly limit?: number
}

export interface RangeResult {
  readonly entries: readonly Entry[]
  /** The revision this was read at: `at`, or the current one. */
  readonly revision: number
  /** True when `limit` cut entries off. */
  readonly more: boolean
  /** Keys under the prefix (after `after`), the cut ones included. */
  readonly count: number
}

export interface Change {
  readonly key: string
  /** The revision the key must have now; 'absent': it must not exist; 'any': whatever is there. */
  readonly expect: number | 'absent' | 'any'
  /** The new value; left out to delete the key. */
  readonly value?: Uint8Array
  readonly lease?: LeaseId
}

export type CommitResult =
  | { readonly ok: true; readonly revision: number; readonly createRevision: number; readonly version: number; readonly previous?: Entry }
  /** The key was not as expected: `current` is what is there (undefined: nothing). Deleting an absent key with 'any' is such a conflict too. */
  | { readonly ok: false; readonly current: Entry | undefined; readonly revision: number }

export interface Batch {
  readonly revision: number
  readonly events: readonly StoreEvent[]
}

export type StoreEvent =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly revision: number
      readonly createRevision: number
      readonly version: number
      readonly lease?: LeaseId
    }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number }

/** The revision asked for is older than the compacted one: the reader must list again (HTTP 410 Expired). */
export class CompactedError extends Error {
  override readonly name = 'CompactedError'
  constructor(readonly compactedRevision: number) {
    super(`required revision has been compacted (compacted at ${compactedRevision})`)
  }
}

/** The revision asked for has not happened yet. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError'
  constructor(readonly currentRevision: number) {
    super(`required revision is a future revision (current is ${currentRevision})`)
  }
}

/** No member answered in time, or the quorum is lost. `unknownOutcome`: a write that was under way may have happened. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly unknownOutcome: boolean
  constructor(message: string, options: { unknownOutcome?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.unknownOutcome = options.unknownOutcome ?? false
  }
}
