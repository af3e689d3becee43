import type { Cancel, Clock } from '../base/clock.js'
import { Heap } from '../base/heap.js'

interface Entry<K> {
  readonly key: K
  readonly atMs: number
}

/**
 * Many due times, one timer: calls `fire` with a key once its time has come. A key has one time; setting it again moves it.
 * Costs a heap entry a key, so that thousands of waiting pods and nodes hold no timer, promise or closure each.
 */
export class Agenda<K> {
  readonly #clock: Clock
  readonly #fire: (key: K) => void
  readonly #times = new Map<K, number>()
  readonly #heap = new Heap<Entry<K>>((a, b) => a.atMs - b.atMs)
  #armedMs = Number.POSITIVE_INFINITY
  #cancel: Cancel | undefined
  #stopped = false

  constructor(clock: Clock, fire: (key: K) => void) {
    this.#clock = clock
    this.#fire = fire
  }

  /** `atMs` is wall time (Clock.now). */
  set(key: K, atMs: number): void {
    if (this.#stopped || this.#times.get(key) === atMs) return
    this.#times.set(key, atMs)
    this.#heap.push({ key, atMs })
    this.#arm()
  }

  /** Moves a key's time only when the new one is earlier. */
  setEarlier(key: K, atMs: number): void {
    const current = this.#times.get(key)
    if (current === undefined || atMs < current) this.set(key, atMs)
  }

  delete(key: K): void {
    this.#times.delete(key)
  }

  timeOf(key: K): number | undefined {
    return this.#times.get(key)
  }

  stop(): void {
    this.#stopped = true
    this.#times.clear()
    this.#heap.clear()
    this.#cancel?.()
  }

  #arm(): void {
    this.#dropStale()
    const next = this.#heap.peek()
    if (!next || next.atMs >= this.#armedMs) return
    this.#cancel?.()
    this.#armedMs = next.atMs
    this.#cancel = this.#clock.timer(Math.max(0, next.atMs - this.#clock.now()), () => this.#ring())
  }

  #ring(): void {
    this.#armedMs = Number.POSITIVE_INFINITY
    this.#cancel = undefined
    const nowMs = this.#clock.now()
    for (this.#dropStale(); (this.#heap.peek()?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs; this.#dropStale()) {
      const entry = this.#heap.pop() as Entry<K>
      this.#times.delete(entry.key)
      this.#fire(entry.key)
    }
    this.#arm()
  }

  #dropStale(): void {
    for (let top = this.#heap.peek(); top && this.#times.get(top.key) !== top.atMs; top = this.#heap.peek()) this.#heap.pop()
  }
}
