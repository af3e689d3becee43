import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { type Batch, CompactedError, type StoreEvent } from '../store.js'
import type { RpcError, Stream } from './channel.js'
import type { Endpoints } from './endpoints.js'
import { keyBytes, rangeEnd } from './keys.js'
import * as rpc from './rpc.js'
import type { Subscriber } from './subscriber.js'

export interface LaneOptions {
  readonly root: string
  readonly from: number
  readonly endpoints: Endpoints
  readonly clock: Clock
  readonly logger: Logger
  /** Called after its position has moved. */
  onAdvance(lane: Lane): void
  /** Called when it has failed for good: its watches have been told. */
  onEnd(): void
}

const retryMsMin = 50
const retryMsMax = 1_000
const ringBatchesMax = 8_192
const ringBytesMax = 16 * 2 ** 20

/** One etcd watch of a root, resumed on another member when its stream ends, with what it brought last. See watch-lanes.ts. */
export class Lane {
  readonly root: string
  /** A key beside the root that no one else uses (its NUL sees to that): writing it moves every lane of the root. */
  readonly markKey: string
  readonly #options: LaneOptions
  readonly #subscribers = new Map<string, Set<Subscriber>>()
  #ring: { readonly batch: Batch; readonly bytes: number }[] = []
  #ringBytes = 0
  /** Everything from this revision on, up to `position`, is in the ring. */
  #ringFrom: number
  #wanted = 0
  #stream: Stream | undefined
  #cancelRetry: Cancel | undefined
  #failures = 0
  #stopped = false
  #fragments: ReturnType<typeof rpc.event.decode>[] = []
  /** Every event up to this revision has been seen. */
  position: number

  constructor(options: LaneOptions) {
    this.#options = options
    this.root = options.root
    this.markKey = `${rangeEnd(options.root).toString('latin1')}\0`
    this.position = options.from - 1
    this.#ringFrom = options.from
  }

  get idle(): boolean {
    return this.#subscribers.size === 0
  }

  get behind(): boolean {
    return this.position < this.#wanted
  }

  /** True when a watch from this revision on misses nothing here. */
  reaches(from: number): boolean {
    return !this.#stopped && from >= this.#ringFrom
  }

  start(): void {
    void this.#open()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelRetry?.()
    this.#stream?.close()
    this.#stream = undefined
  }

  fail(error: Error): void {
    this.stop()
    for (const subscriber of this.removeAll()) subscriber.fail(error)
  }

  add(subscriber: Subscriber): void {
    const { prefix, next } = subscriber
    subscriber.lane = this
    subscriber.behind = false
    const same = this.#subscribers.get(prefix)
    if (same) same.add(subscriber)
    else this.#subscribers.set(prefix, new Set([subscriber]))
    for (const { batch } of this.#ring) {
      if (subscriber.behind) return
      const own = batch.revision >= next ? below(prefix, batch) : undefined
      if (own) subscriber.offer(own)
    }
  }

  remove(subscriber: Subscriber): void {
    const same = this.#subscribers.get(subscriber.prefix)
    same?.delete(subscriber)
    if (same?.size === 0) this.#subscribers.delete(subscriber.prefix)
    // What this lane has seen of its keys it has been handed, unless it was let go for being slow.
    if (!subscriber.behind) subscriber.next = Math.max(subscriber.next, this.position + 1)
    subscriber.lane = undefined
  }

  removeAll(): Subscriber[] {
    const all = [...this.#subscribers.values()].flatMap((same) => [...same])
    for (const subscriber of all) this.remove(subscriber)
    return all
  }

  /** Tells its watches of progress, at once or when it gets there. False: not there yet. */
  progressTo(revision: number): boolean {
    if (this.position < revision) {
      this.#wanted = Math.max(this.#wanted, revision)
      return false
    }
    this.#tellProgress()
    return true
  }

  #tellProgress(): void {
    const batch: Batch = { revision: this.position, events: [] }
    for (const same of this.#subscribers.values())
      for (const subscriber of same) if (subscriber.next <= this.position) subscriber.offer(batch)
  }

  async #open(): Promise<void> {
    this.#fragments = []
    try {
      const stream = await this.#options.endpoints.stream(
        rpc.methods.watch,
        // A member that has lost the others must end the stream instead of falling silent.
        { hasleader: 'true' },
        { message: (bytes) => this.#receive(bytes), end: (error) => this.#ended(error) },
      )
      if (this.#stopped) return stream.close()
      this.#stream = stream
      const create = {
        key: this.root === '' ? Buffer.from([0]) : keyBytes(this.root),
        rangeEnd: this.root === '' ? Buffer.from([0]) : Buffer.concat([keyBytes(this.markKey), Buffer.from([0])]),
        startRevision: this.position + 1,
        fragment: true,
      }
      stream.send(rpc.watchRequest.encode({ create }))
    } catch (error) {
      this.#ended(error as RpcError)
    }
  }

  #ended(error: RpcError | undefined): void {
    this.#stream = undefined
    if (this.#stopped) return
    const { clock, logger } = this.#options
    const retryMs = Math.min(retryMsMin * 2 ** Math.min(this.#failures++, 10), retryMsMax)
    if (this.#failures === 1)
      logger.info('A watch of etcd ended; resuming', { root: this.root, from: this.position + 1, error: error ? messageOf(error) : '' })
    this.#cancelRetry = clock.timer(retryMs, () => void this.#open())
  }

  #receive(bytes: Buffer): void {
    if (this.#stopped) return
    const response = rpc.watchResponse.decode(bytes)
    if (response.canceled) {
      if (response.compactRevision > 0) {
        this.fail(new CompactedError(response.compactRevision))
        return this.#options.onEnd()
      }
      this.#options.logger.warn('etcd cancelled a watch', { root: this.root, reason: response.cancelReason })
      this.#stream?.close()
      return
    }
    if (response.events.length === 0 && !response.fragment) return
    this.#failures = 0
    for (const event of response.events) this.#fragments.push(event)
    // A revision's events belong together: the rest follows.
    if (response.fragment) return
    const events = this.#fragments
    this.#fragments = []
    this.#take(events)
    if (this.#wanted > 0 && this.position >= this.#wanted) {
      this.#wanted = 0
      this.#tellProgress()
    }
    this.#options.onAdvance(this)
  }

  #take(found: readonly ReturnType<typeof rpc.event.decode>[]): void {
    for (let at = 0; at < found.length; ) {
      const revision = found[at]?.kv?.modRevision ?? 0
      const events: StoreEvent[] = []
      for (; at < found.length && (found[at]?.kv?.modRevision ?? 0) === revision; at++) {
        const event = eventOf(found[at] as ReturnType<typeof rpc.event.decode>)
        if (event.key !== this.markKey) events.push(event)
      }
      if (revision <= this.position) continue
      this.position = revision
      const batch = { revision, events }
      this.#remember(batch)
      for (const [prefix, same] of this.#subscribers) {
        const own = below(prefix, batch)
        if (own) for (const subscriber of [...same]) if (revision >= subscriber.next) subscriber.offer(own)
      }
    }
  }

  #remember(batch: Batch): void {
    const bytes = batch.events.reduce((sum, event) => sum + 100 + (event.type === 'put' ? event.value.length : 0), 0)
    this.#ring.push({ batch, bytes })
    this.#ringBytes += bytes
    if (this.#ring.length <= ringBatchesMax && this.#ringBytes <= ringBytesMax) return
    // Half at a time: taking from the front of an array is not free.
    let kept = 0
    while (kept < this.#ring.length && (this.#ring.length - kept > ringBatchesMax / 2 || this.#ringBytes > ringBytesMax / 2)) {
      const oldest = this.#ring[kept++] as { batch: Batch; bytes: number }
      this.#ringBytes -= oldest.bytes
      this.#ringFrom = oldest.batch.revision + 1
    }
    this.#ring = this.#ring.slice(kept)
  }
}

function below(prefix: string, batch: Batch): Batch | undefined {
  const { events } = batch
  if (events.length === 1) return events[0]?.key.startsWith(prefix) ? batch : undefined
  const own = events.filter((event) => event.key.startsWith(prefix))
  return own.length > 0 ? { revision: batch.revision, events: own } : undefined
}

function eventOf({ type, kv }: ReturnType<typeof rpc.event.decode>): StoreEvent {
  const key = Buffer.from(kv?.key ?? []).toString()
  const revision = kv?.modRevision ?? 0
  if (type === rpc.eventType.delete) return { type: 'delete', key, revision }
  const put = {
    type: 'put' as const,
    key,
    value: new Uint8Array(kv?.value ?? []),
    revision,
    createRevision: kv?.createRevision ?? 0,
    version: kv?.version ?? 0,
  }
  return kv && kv.lease !== '0' ? { ...put, lease: kv.lease } : put
}
