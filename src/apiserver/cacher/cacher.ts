/**
 * The API server's copy of one resource: everything that is read or watched comes from here. It lists and watches the store,
 * keeps bytes in key order and a ring of recent events.
 *
 * Guaranteed: readers see revisions in order and never an older one after a newer one; a consistent read waits until the copy
 * has everything that was acknowledged before it asked. Not guaranteed: that a watch can start from any old revision
 * (410 Expired sends the reader back to a list).
 */
import { expired, StatusError, timeout } from '../../api/status.js'
import type { KubeObject, UnknownObject } from '../../api/object.js'
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { type Batch, CompactedError, FutureRevisionError, type RangeResult, type Store } from '../../storage/store.js'
import { type Cell, cellOfObject, decodeStored, encodeForStore, type Layout, objectOf, withRevision } from './cell.js'
import { CacheEvent } from './events.js'
import type { Filter } from './filter.js'
import type { Freshness } from './freshness.js'
import { SortedCells } from './sorted-cells.js'
import { Watcher, type WatcherOptions, Watchers } from './watchers.js'

/** A watch that was cut a moment ago goes on from so many last events (an older one is read from the store); trimmed by the slice. */
const ringEvents = 1024
const ringSlice = 256
/** Writes whose events have not come yet; beyond it they are parsed as others' are. */
const adoptedMax = 1024
const bookmarkIntervalMs = 60_000
/** How long a reader waits for the copy to reach a revision (upstream: 3 s). */
const reachTimeoutMs = 3_000

export interface CacherOptions {
  readonly store: Store
  readonly freshness: Freshness
  /** "/registry/pods/" */
  readonly prefix: string
  readonly layout: Layout
  readonly kind: { readonly kind: string; readonly apiVersion: string }
  /** Of what the store has from before: the object as it is kept now; undefined when it is so already. */
  readonly normalize?: (object: UnknownObject) => UnknownObject | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Runs a function once what is ready now has run: several changes then share one write to each watcher. */
  readonly defer: (fn: () => void) => void
}

export type ChangeHandler = (key: string, object: UnknownObject | undefined, old: UnknownObject | undefined) => void

export class Cacher {
  readonly layout: Layout
  readonly #options: CacherOptions
  readonly #cells = new SortedCells()
  readonly #watchers = new Watchers()
  readonly #handlers = new Set<ChangeHandler>()
  readonly #abort = new AbortController()
  readonly #waiting: { revision: number; resolve(): void }[] = []
  #ring: CacheEvent[] = []
  /** Every event after this revision is in the ring. */
  #ringFrom = 0
  #undelivered: CacheEvent[] = []
  #deferred = false
  #revision = 0
  #ready: Promise<void> | undefined
  #resolveReady: () => void = () => undefined
  #cancelBookmarks: Cancel | undefined
  #startAt: number | undefined
  /** By revision; events take them out again. */
  readonly #adopted = new Map<number, UnknownObject>()

  constructor(options: CacherOptions) {
    this.#options = options
    this.layout = options.layout
  }

  /**
   * Starts it on first use; resolves once the first list is in. `from`: the first user wants what changed since that revision,
   * so the copy begins there.
   */
  ready(from?: number): Promise<void> {
    if (!this.#ready) {
      this.#startAt = from
      this.#ready = new Promise((resolve) => {
        this.#resolveReady = resolve
      })
      void this.#run()
      this.#scheduleBookmarks()
    }
    return this.#ready
  }

  get started(): boolean {
    return this.#ready !== undefined
  }

  get size(): number {
    return this.#cells.size
  }

  get watcherCount(): number {
    return this.#watchers.count
  }

  /** Of the last change or progress seen. */
  get revision(): number {
    return this.#revision
  }

  get(key: string): Cell | undefined {
    return this.#cells.get(key)
  }

  /** What the filter lets through, in key order. */
  list(filter: Filter, after?: string): readonly Cell[] {
    const cells = this.#cells.range(filter.prefix, after)
    return filter.matches ? cells.filter(filter.matches) : cells
  }

  /** Waits until the copy includes everything acknowledged before this call. */
  async fresh(): Promise<void> {
    await this.ready()
    const revision = await this.#options.freshness.revision()
    if (this.#revision >= revision) return
    await this.#options.store.requestProgress()
    await this.reach(revision)
  }

  /** Waits until the copy has this revision. Throws Timeout (ResourceVersionTooLarge) when that takes too long. */
  async reach(revision: number): Promise<void> {
    await this.ready(revision)
    if (this.#revision >= revision) return
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        revision,
        resolve: () => {
          cancel()
          resolve()
        },
      }
      const cancel = this.#options.clock.timer(reachTimeoutMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(tooLargeRevision(revision, this.#revision))
      })
      this.#waiting.push(waiter)
    })
  }

  /**
   * Starts a watch. `from` undefined: the present state comes first, as ADDED events; then changes. Throws 410 Expired when
   * changes since `from` are no longer known. `initialEnd`: mark the end of the present state by a bookmark (KEP-3157).
   */
  watch(options: WatcherOptions, start: { from?: number; initialEnd?: boolean }): void {
    this.#deliver()
    const watcher = new Watcher(options)
    const { filter, form, sink } = options
    if (start.from === undefined) {
      for (const cell of this.list(filter)) watcher.write(form.frame('ADDED', cell.bytes))
      if (start.initialEnd) watcher.write(form.bookmark(this.#bookmark({ 'k8s.io/initial-events-end': 'true' })))
    } else {
      if (start.from < this.#ringFrom) throw expired(`too old resource version: ${start.from} (${this.#ringFrom})`)
      for (const event of this.#ring) {
        const frame = event.revision > start.from ? event.frameFor(filter, form) : undefined
        if (frame) watcher.write(frame)
      }
    }
    sink.onClose(this.#watchers.add(watcher, options))
  }

  /**
   * An object that has just been written through this server: when its event comes it need not be parsed. The caller gives it
   * away and changes it no more.
   */
  adopt(key: string, revision: number, object: UnknownObject): void {
    const cell = this.#cells.get(key)
    if (cell?.revision === revision) cell.parsed ??= new WeakRef(object)
    else if (this.#ready && this.#revision < revision) {
      if (this.#adopted.size >= adoptedMax) this.#adopted.clear()
      this.#adopted.set(revision, object)
    }
  }

  /** Tells of every change with parsed objects, from now on. */
  onChange(handler: ChangeHandler): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  objects<T extends KubeObject>(namespace = ''): T[] {
    return this.#cells.range(namespace ? `${namespace}/` : '').map((cell) => objectOf<T>(cell))
  }

  stop(): void {
    this.#abort.abort()
    this.#cancelBookmarks?.()
    this.#watchers.endAll()
  }

  async #run(): Promise<void> {
    const { store, prefix, clock, logger } = this.#options
    const { signal } = this.#abort
    for (let failures = 0; !signal.aborted; ) {
      try {
        const { entries, revision } = await this.#firstRange()
        if (signal.aborted) return
        this.#takeList(
          entries.map(({ key, value, revision: at }) => this.#listedCell(key, value, at)),
          revision,
        )
        failures = 0
        this.#resolveReady()
        for await (const batch of store.watch(prefix, { from: revision + 1, signal })) this.#takeBatch(batch)
      } catch (error) {
        if (signal.aborted) return
        logger.warn('Watching the store ended; listing again', { prefix, error: messageOf(error) })
        await clock.sleep(Math.min(50 * 2 ** failures++, 2_000), signal).catch(() => undefined)
      }
    }
  }

  #firstRange(): Promise<RangeResult> {
    const { store, prefix } = this.#options
    const at = this.#startAt
    this.#startAt = undefined
    if (at === undefined) return store.range(prefix)
    // When the store has forgotten that state, or never had it, the present one must do.
    return store.range(prefix, { at }).catch((error: unknown) => {
      if (error instanceof CompactedError || error instanceof FutureRevisionError) return store.range(prefix)
      throw error
    })
  }

  #cell(storeKey: string, value: Uint8Array, revision: number): { cell: Cell; object: UnknownObject } {
    const key = storeKey.slice(this.#options.prefix.length)
    const adopted = this.#adopted.get(revision)
    if (adopted) this.#adopted.delete(revision)
    const object = adopted ?? decodeStored(value, revision)
    const cell = cellOfObject(this.layout, key, withRevision(this.layout, value, revision), revision, object)
    return { cell, object }
  }

  #listedCell(storeKey: string, value: Uint8Array, revision: number): { cell: Cell; object: UnknownObject } {
    const found = this.#cell(storeKey, value, revision)
    const object = this.#options.normalize?.(found.object)
    return object ? this.#cell(storeKey, encodeForStore(object), revision) : found
  }

  /** The first list, or one after the watch was lost: then what changed meanwhile is told as events. */
  #takeList(found: readonly { cell: Cell; object: UnknownObject }[], revision: number): void {
    const isFirst = this.#revision === 0
    const before = new Map(this.#cells.range('').map((cell) => [cell.key, cell]))
    this.#cells.replace(found.map(({ cell }) => cell))
    if (isFirst) {
      this.#ringFrom = revision
      if (this.#handlers.size > 0) for (const { cell, object } of found) this.#tell(cell.key, object, undefined)
      this.#advance(revision)
      return
    }
    const changed = found
      .filter(({ cell }) => before.get(cell.key)?.revision !== cell.revision)
      .sort((a, b) => a.cell.revision - b.cell.revision)
    for (const { cell, object } of changed) this.#record(new CacheEvent(this.layout, cell.revision, cell, before.get(cell.key)), object)
    for (const { cell } of found) before.delete(cell.key)
    for (const old of before.values()) this.#record(new CacheEvent(this.layout, revision, undefined, old), undefined)
    this.#advance(revision)
  }

  #takeBatch(batch: Batch): void {
    for (const event of batch.events) {
      if (event.type === 'put') {
        const { cell, object } = this.#cell(event.key, event.value, event.revision)
        this.#record(new CacheEvent(this.layout, event.revision, cell, this.#cells.set(cell)), object)
      } else {
        const old = this.#cells.delete(event.key.slice(this.#options.prefix.length))
        if (old) this.#record(new CacheEvent(this.layout, event.revision, undefined, old), undefined)
      }
    }
    this.#advance(batch.revision)
  }

  #record(event: CacheEvent, object: UnknownObject | undefined): void {
    this.#ring.push(event)
    if (this.#ring.length >= ringEvents + ringSlice) {
      this.#ringFrom = (this.#ring[ringSlice - 1] as CacheEvent).revision
      this.#ring = this.#ring.slice(ringSlice)
    }
    this.#undelivered.push(event)
    if (this.#handlers.size > 0) this.#tell(event.key, object, event.old && objectOf<KubeObject>(event.old))
    if (this.#deferred) return
    this.#deferred = true
    this.#options.defer(() => {
      this.#deferred = false
      this.#deliver()
    })
  }

  #tell(key: string, object: UnknownObject | undefined, old: KubeObject | undefined): void {
    for (const handler of this.#handlers) handler(key, object, old as UnknownObject | undefined)
  }

  #deliver(): void {
    if (this.#undelivered.length === 0) return
    const events = this.#undelivered
    this.#undelivered = []
    this.#watchers.dispatch(events)
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return
    this.#revision = revision
    if (this.#waiting.length === 0) return
    const reached = this.#waiting.filter((waiter) => waiter.revision <= revision)
    if (reached.length === 0) return
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter((waiter) => waiter.revision > revision))
    for (const waiter of reached) waiter.resolve()
  }

  #scheduleBookmarks(): void {
    this.#cancelBookmarks = this.#options.clock.timer(bookmarkIntervalMs, () => {
      this.#deliver()
      this.#watchers.bookmark((form) => form.bookmark(this.#bookmark()))
      this.#scheduleBookmarks()
    })
  }

  #bookmark(annotations?: Record<string, string>): UnknownObject {
    const { kind, apiVersion } = this.#options.kind
    return { kind, apiVersion, metadata: { resourceVersion: String(this.#revision), ...(annotations ? { annotations } : {}) } }
  }
}

/** Somebody asks for what has not happened yet: it may, so he should try again. */
export function tooLargeRevision(wanted: number, current: number): StatusError {
  const { status } = timeout(`Too large resource version: ${wanted}, current: ${current}`)
  return new StatusError({
    ...status,
    details: { ...status.details, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
  })
}
