/**
 * Keys to work on (client-go's rate-limited work queue). It guarantees: a key waits at most once however often it is added;
 * it is never handed out again before `done`; one added while it is worked on is handed out once more after `done`; nothing
 * that was added is forgotten. Order is first come, first served.
 */
import type { Clock } from '../../base/clock.js'
import { TokenBucket } from '../token-bucket.js'
import { Delays } from './delays.js'

/** client-go's default limits of a controller's retries: per key 5 ms doubling to 1000 s, and 10 a second over all with a burst of 100. */
const retryMsMin = 5
const retryMsMax = 1_000_000
const retriesPerSecond = 10
const retriesBurst = 100

/** Told of what a queue does; for its metrics. */
export interface QueueObserver {
  added(depth: number): void
  taken(waitedMs: number, depth: number): void
  done(workedMs: number): void
  retried(): void
}

export interface WorkQueueOptions {
  readonly clock: Clock
  /** Called when a key has become ready. Must not call back into the queue synchronously for long: it runs within `add`. */
  onReady?(): void
  readonly observer?: QueueObserver
}

export class WorkQueue {
  readonly #clock: Clock
  readonly #onReady: (() => void) | undefined
  readonly #observer: QueueObserver | undefined
  readonly #delays: Delays
  readonly #retries: TokenBucket
  readonly #failures = new Map<string, number>()
  /** Keys that are to be worked on, with the time they were added. */
  readonly #dirty = new Map<string, number>()
  /** Keys that are worked on, with the time they were taken. */
  readonly #working = new Map<string, number>()
  #ready: string[] = []
  /** Where in `ready` the first key is: shifting a long array would cost its length each time. */
  #head = 0
  #closed = false

  constructor({ clock, onReady, observer }: WorkQueueOptions) {
    this.#clock = clock
    this.#onReady = onReady
    this.#observer = observer
    this.#delays = new Delays(clock, (key) => this.add(key))
    this.#retries = new TokenBucket({ perSecond: retriesPerSecond, burst: retriesBurst }, clock.monotonic())
  }

  /** Keys that are ready to be taken. */
  get depth(): number {
    return this.#ready.length - this.#head
  }

  /** Keys that will become ready by themselves. */
  get delayed(): number {
    return this.#delays.size
  }

  /** Since when each key that is worked on has been, on the monotonic clock. */
  working(): Iterable<number> {
    return this.#working.values()
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return
    this.#dirty.set(key, this.#clock.monotonic())
    if (this.#working.has(key)) return
    this.#push(key)
  }

  /** Adds the key after a while; of several such times the earliest holds. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return
    if (ms <= 0) this.add(key)
    else this.#delays.add(key, ms)
  }

  /** Adds a key that failed, the later the more often it did. */
  retry(key: string): void {
    if (this.#closed) return
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#observer?.retried()
    const own = Math.min(retryMsMax, retryMsMin * 2 ** failures)
    this.addAfter(key, Math.max(own, this.#retries.reserve(this.#clock.monotonic())))
  }

  /** The key went well: its next failure starts from the shortest delay. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, which the caller must give back by `done`; undefined when none is ready. */
  take(): string | undefined {
    if (this.#closed || this.#head === this.#ready.length) return undefined
    const key = this.#ready[this.#head++] as string
    if (this.#head > 1024 && this.#head * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    const nowMs = this.#clock.monotonic()
    this.#observer?.taken(nowMs - (this.#dirty.get(key) ?? nowMs), this.depth)
    this.#dirty.delete(key)
    this.#working.set(key, nowMs)
    return key
  }

  done(key: string): void {
    const sinceMs = this.#working.get(key)
    if (sinceMs === undefined) return
    this.#working.delete(key)
    this.#observer?.done(this.#clock.monotonic() - sinceMs)
    if (this.#dirty.has(key) && !this.#closed) this.#push(key)
  }

  /** Nothing is handed out or accepted any more. */
  close(): void {
    this.#closed = true
    this.#delays.clear()
    this.#dirty.clear()
    this.#failures.clear()
    this.#ready = []
    this.#head = 0
  }

  #push(key: string): void {
    this.#ready.push(key)
    this.#observer?.added(this.depth)
    this.#onReady?.()
  }
}
