/** etcd's Watch service: any number of watches on one stream, each as fast as the stream is read. */
import type { Cancel, Clock } from '../../base/clock.js'
import { singleKey } from '../engine/key-bytes.js'
import type { Subscription } from '../engine/watch-hub.js'
import type { Decoded, Encodable } from '../etcd/message.js'
import * as rpc from '../etcd/rpc.js'
import { type Batch, CompactedError, type StoreEvent } from '../store.js'
import type { Call, CallHandlers } from './grpc-server.js'
import { requestBytesMax } from './grpc-server.js'
import { headerOf, type Member } from './member.js'
import { keyOf, keyValueOf, rangeOf } from './ranges.js'

type Create = Decoded<typeof rpc.watchCreateRequest>
type Event = Encodable<typeof rpc.event>

/** A response with `fragment` is cut beyond this, as in etcd. */
const fragmentBytes = requestBytesMax + 512 * 1024
/** How often an idle watch with progress_notify hears how far it is: etcd's own interval. */
const progressEveryMs = 10 * 60_000
/** The watch id that means every watch of the stream. */
const everyWatch = -1

export function watchService(member: Member, clock: Clock): (call: Call) => CallHandlers {
  return (call) => new WatchStream(member, clock, call)
}

class WatchStream implements CallHandlers {
  readonly #member: Member
  readonly #clock: Clock
  readonly #call: Call
  readonly #watches = new Map<number, Watch>()
  #nextId = 0
  #progressWanted = false

  constructor(member: Member, clock: Clock, call: Call) {
    this.#member = member
    this.#clock = clock
    this.#call = call
    call.onDrain = () => {
      for (const watch of [...this.#watches.values()]) watch.pump()
      this.#answerProgress()
    }
  }

  message(bytes: Buffer): void {
    const { create, cancel, progress } = rpc.watchRequest.decode(bytes)
    if (create) this.#create(create)
    else if (cancel) this.#cancel(cancel.watchId)
    else if (progress) {
      this.#progressWanted = true
      for (const watch of [...this.#watches.values()]) watch.pump()
      this.#answerProgress()
    }
  }

  finished(): void {
    this.#end()
    this.#call.end()
  }

  closed(): void {
    this.#end()
  }

  #end(): void {
    for (const watch of this.#watches.values()) watch.close()
    this.#watches.clear()
  }

  #create(request: Create): void {
    const asked = request.watchId
    if (asked !== 0 && this.#watches.has(asked)) {
      this.#send({
        watchId: everyWatch,
        created: true,
        canceled: true,
        cancelReason: 'etcdserver: mvcc: duplicate watch ID provided on the WatchStream',
      })
      return
    }
    while (asked === 0 && this.#watches.has(this.#nextId)) this.#nextId++
    const watchId = asked === 0 ? this.#nextId++ : asked
    // etcd reads an empty key as the first one there can be.
    const key = request.key.length === 0 ? Buffer.from([0]) : request.key
    const range = rangeOf(key, request.rangeEnd)
    if (range.end !== undefined && range.end <= range.start) {
      this.#send({ watchId: everyWatch, created: true, canceled: true, cancelReason: 'etcdserver: mvcc: watcher range is empty' })
      return
    }
    const { engine } = this.#member
    this.#send({ watchId, created: true })
    const from = request.startRevision > 0 ? request.startRevision : engine.durableRevision + 1
    try {
      const subscription = engine.subscribeRange(range, from, { byteKeys: true })
      const watch = new Watch(subscription, (batches) => this.#deliver(watchId, request, batches))
      watch.onError = (error) => this.#fail(watchId, error)
      this.#watches.set(watchId, watch)
      if (request.progressNotify) watch.every(this.#clock, progressEveryMs, () => this.#send({ watchId }))
      watch.pump()
    } catch (error) {
      this.#fail(watchId, error)
    }
  }

  #cancel(watchId: number): void {
    const watch = this.#watches.get(watchId)
    if (!watch) return
    watch.close()
    this.#watches.delete(watchId)
    this.#send({ watchId, canceled: true })
    this.#answerProgress()
  }

  #fail(watchId: number, error: unknown): void {
    this.#watches.get(watchId)?.close()
    this.#watches.delete(watchId)
    if (error instanceof CompactedError) {
      this.#send({ watchId, canceled: true, compactRevision: error.compactedRevision, cancelReason: '' })
      return
    }
    this.#send({ watchId, canceled: true, cancelReason: error instanceof Error ? error.message : String(error) })
  }

  /** Answered only when every watch of the stream has been told all there is: then the revision is a promise. */
  #answerProgress(): void {
    if (!this.#progressWanted || [...this.#watches.values()].some((watch) => watch.pending)) return
    this.#progressWanted = false
    this.#send({ watchId: everyWatch })
  }

  /** False when the stream is full. */
  #deliver(watchId: number, request: Create, batches: readonly Batch[]): boolean {
    const withPuts = !request.filters.includes(rpc.watchFilter.noPut)
    const withDeletes = !request.filters.includes(rpc.watchFilter.noDelete)
    const events: Event[] = []
    for (const batch of batches) {
      for (const event of batch.events) {
        if (event.type === 'put' ? withPuts : withDeletes) events.push(this.#eventOf(event, request.prevKv))
      }
    }
    if (events.length === 0) return true
    if (!request.fragment) return this.#send({ watchId, events })
    let taken = true
    for (let at = 0; at < events.length; ) {
      let bytes = 0
      const start = at
      while (at < events.length && (at === start || bytes + sizeOf(events[at] as Event) <= fragmentBytes))
        bytes += sizeOf(events[at++] as Event)
      taken = this.#send({ watchId, events: events.slice(start, at), fragment: at < events.length })
    }
    return taken
  }

  #eventOf(event: StoreEvent, withPrevious: boolean): Event {
    const previous = withPrevious ? this.#previous(event) : undefined
    const kv = event.type === 'put' ? keyValueOf(event) : { key: keyOf(event.key), modRevision: event.revision }
    return {
      type: event.type === 'put' ? rpc.eventType.put : rpc.eventType.delete,
      kv,
      ...(previous ? { prevKv: previous } : {}),
    }
  }

  /** What the key was before the event; undefined when it was not there, or when compaction has taken it. */
  #previous({ key, revision }: StoreEvent) {
    try {
      const [entry] = this.#member.engine.readRange(singleKey(key), { at: revision - 1, byteKeys: true }).entries
      return entry && keyValueOf(entry)
    } catch (error) {
      if (error instanceof CompactedError) return undefined
      throw error
    }
  }

  #send(response: Encodable<typeof rpc.watchResponse>): boolean {
    return this.#call.send(rpc.watchResponse.encode({ header: headerOf(this.#member), ...response }))
  }
}

function sizeOf({ kv, prevKv }: Event): number {
  return 64 + (kv?.key?.length ?? 0) + (kv?.value?.length ?? 0) + (prevKv?.key?.length ?? 0) + (prevKv?.value?.length ?? 0)
}

class Watch {
  readonly #subscription: Subscription
  readonly #deliver: (batches: readonly Batch[]) => boolean
  #closed = false
  #cancelTimer: Cancel = () => undefined
  onError: (error: unknown) => void = () => undefined

  constructor(subscription: Subscription, deliver: (batches: readonly Batch[]) => boolean) {
    this.#subscription = subscription
    this.#deliver = deliver
    subscription.onReadable = () => this.pump()
  }

  get pending(): boolean {
    return this.#subscription.readable
  }

  pump(): void {
    try {
      while (!this.#closed && this.#subscription.readable) {
        const batches = this.#subscription.take()
        if (batches.length > 0 && !this.#deliver(batches)) return
      }
    } catch (error) {
      this.close()
      this.onError(error)
    }
  }

  every(clock: Clock, ms: number, fn: () => void): void {
    this.#cancelTimer = clock.timer(ms, () => {
      if (!this.pending) fn()
      this.every(clock, ms, fn)
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer()
    this.#subscription.onReadable = undefined
    this.#subscription.close()
  }
}
