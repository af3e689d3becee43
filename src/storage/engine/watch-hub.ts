import { type Batch, CompactedError, type StoreEvent } from '../store.js'
import { inRange, isAscii, type KeyRange, keyTextOf } from './key-bytes.js'
import type { RevisionRecord } from './backend.js'

/** Events a subscription may hold before it is made to read history instead of being told. */
const bufferedEventsMax = 10_000
/** Records read from history at a time. */
const historyRecordsMax = 1_000

/** What the hub needs of the engine. */
export interface History {
  /** Every revision up to this one is durable and may be shown. */
  visibleRevision(): number
  compactedRevision(): number
  read(from: number, to: number, wants: (key: string) => boolean, visit: (record: RevisionRecord) => boolean): void
}

/** The keys that a subscription is about, and whether their events name them as byte strings or as text. */
export type Selection = KeyRange & { readonly byteKeys: boolean }

interface Group {
  readonly selection: Selection
  readonly subscriptions: Set<Subscription>
}

/**
 * Hands every durable revision, in order, to those who watch its keys. A subscription that does not keep up costs bounded
 * memory: it loses its buffer and reads the missed revisions from history when it asks again.
 */
export class WatchHub {
  readonly #history: History
  readonly #groups = new Map<string, Group>()

  constructor(history: History) {
    this.#history = history
  }

  /** Keys in `records` are byte strings; all are visible now. */
  publish(records: readonly RevisionRecord[]): void {
    if (this.#groups.size === 0) return
    for (const { selection, subscriptions } of this.#groups.values()) {
      let batches: Batch[] | undefined
      for (const record of records) {
        const events = eventsOf(selection, record)
        if (events) (batches ??= []).push({ revision: record.revision, events })
      }
      if (batches) for (const subscription of subscriptions) subscription.offer(batches)
    }
  }

  /** An empty batch at the visible revision, to everyone. */
  progress(): void {
    const revision = this.#history.visibleRevision()
    for (const { subscriptions } of this.#groups.values()) for (const each of subscriptions) each.offerProgress(revision)
  }

  /** Events of the selected keys from revision `from` on. Throws CompactedError when that has been forgotten. */
  subscribe(selection: Selection, from: number): Subscription {
    if (from <= this.#history.compactedRevision() && from > 0) throw new CompactedError(this.#history.compactedRevision())
    const name = JSON.stringify([selection.start, selection.end, selection.byteKeys])
    const group = this.#groups.get(name) ?? { selection, subscriptions: new Set() }
    this.#groups.set(name, group)
    const { subscriptions } = group
    const subscription = new Subscription(selection, from, this.#history, () => {
      subscriptions.delete(subscription)
      if (subscriptions.size === 0 && this.#groups.get(name) === group) this.#groups.delete(name)
    })
    subscriptions.add(subscription)
    return subscription
  }

  /** Ends every subscription with this error. */
  fail(error: Error): void {
    for (const { subscriptions } of [...this.#groups.values()]) for (const each of [...subscriptions]) each.fail(error)
  }
}

/** One watch, read by whoever serves it: `take` what is there, else wait to be told that there is something. */
export class Subscription {
  readonly #selection: Selection
  readonly #history: History
  readonly #onClose: () => void
  /** The next revision to deliver while reading history; undefined once the buffer has everything. */
  #behindFrom: number | undefined
  #from: number
  #buffer: Batch[] = []
  #bufferedEvents = 0
  #progress = 0
  #error: Error | undefined
  #closed = false
  /** Called (once per idle period) when `take` would give something or throw. */
  onReadable: (() => void) | undefined

  constructor(selection: Selection, from: number, history: History, onClose: () => void) {
    this.#selection = selection
    this.#from = from
    this.#history = history
    this.#onClose = onClose
    if (from <= history.visibleRevision()) this.#behindFrom = Math.max(1, from)
  }

  /** What has happened since the last call, in order; empty when nothing has. Throws the error that ended the subscription. */
  take(): Batch[] {
    if (this.#error) throw this.#error
    if (this.#behindFrom !== undefined) return this.#catchUp(this.#behindFrom)
    const batches = this.#buffer
    this.#buffer = []
    this.#bufferedEvents = 0
    if (this.#progress > 0) {
      batches.push({ revision: this.#progress, events: [] })
      this.#progress = 0
    }
    return batches
  }

  /** True when `take` would give something or throw. */
  get readable(): boolean {
    return this.#error !== undefined || this.#behindFrom !== undefined || this.#buffer.length > 0 || this.#progress > 0
  }

  offer(batches: readonly Batch[]): void {
    // While it reads history it will find these there.
    if (this.#behindFrom !== undefined || this.#closed) return
    for (const batch of batches) {
      if (batch.revision < this.#from) continue
      this.#buffer.push(batch)
      this.#bufferedEvents += batch.events.length
    }
    if (this.#bufferedEvents > bufferedEventsMax) {
      this.#behindFrom = (this.#buffer[0] as Batch).revision
      this.#buffer = []
      this.#bufferedEvents = 0
      this.#progress = 0
    }
    if (this.readable) this.onReadable?.()
  }

  offerProgress(revision: number): void {
    this.#progress = revision
    this.onReadable?.()
  }

  fail(error: Error): void {
    this.#error ??= error
    this.onReadable?.()
    this.close()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#onClose()
  }

  #catchUp(from: number): Batch[] {
    if (from <= this.#history.compactedRevision()) throw new CompactedError(this.#history.compactedRevision())
    const to = this.#history.visibleRevision()
    const batches: Batch[] = []
    let next = to + 1
    const wants = (key: string) => inRange(this.#selection, key)
    this.#history.read(from, to, wants, (record) => {
      if (batches.length >= historyRecordsMax) {
        next = record.revision
        return false
      }
      const events = eventsOf(this.#selection, record)
      if (events) batches.push({ revision: record.revision, events })
      return true
    })
    this.#behindFrom = next <= to ? next : undefined
    this.#from = next
    return batches
  }
}

/** A record's events of the selected keys; undefined when it has none. */
function eventsOf(selection: Selection, record: RevisionRecord): StoreEvent[] | undefined {
  let events: StoreEvent[] | undefined
  for (const event of record.events) {
    if (!inRange(selection, event.key)) continue
    const shown = selection.byteKeys || isAscii(event.key) ? event : { ...event, key: keyTextOf(event.key) }
    if (events) events.push(shown)
    else events = [shown]
  }
  return events
}
