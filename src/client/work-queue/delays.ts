/** Keys that become due later, one timer for all. A key waits once: of two times the earlier holds. */
import type { Cancel, Clock } from '../../base/clock.js'
import { Heap } from '../../base/heap.js'

interface Waiting {
  readonly key: string
  readonly dueMs: number
  readonly order: number
}

export class Delays {
  readonly #clock: Clock
  readonly #due: (key: string) => void
  readonly #heap = new Heap<Waiting>((a, b) => a.dueMs - b.dueMs || a.order - b.order)
  readonly #byKey = new Map<string, Waiting>()
  #order = 0
  #timer: { readonly atMs: number; readonly cancel: Cancel } | undefined

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock
    this.#due = due
  }

  get size(): number {
    return this.#byKey.size
  }

  add(key: string, afterMs: number): void {
    const dueMs = this.#clock.monotonic() + afterMs
    const waiting = this.#byKey.get(key)
    if (waiting && waiting.dueMs <= dueMs) return
    const entry = { key, dueMs, order: this.#order++ }
    // An entry that was replaced stays in the heap and is passed over when it comes up.
    this.#byKey.set(key, entry)
    this.#heap.push(entry)
    this.#arm()
  }

  clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#heap.clear()
    this.#byKey.clear()
  }

  #arm(): void {
    const first = this.#heap.peek()
    if (!first) return
    if (this.#timer) {
      if (this.#timer.atMs <= first.dueMs) return
      this.#timer.cancel()
    }
    // Whole milliseconds: a timer that fired a rounding error too early would be set again for no time at all, without end.
    const cancel = this.#clock.timer(Math.max(0, Math.ceil(first.dueMs - this.#clock.monotonic())), () => this.#fire())
    this.#timer = { atMs: first.dueMs, cancel }
  }

  #fire(): void {
    this.#timer = undefined
    const nowMs = this.#clock.monotonic()
    for (let first = this.#heap.peek(); first && first.dueMs <= nowMs; first = this.#heap.peek()) {
      this.#heap.pop()
      if (this.#byKey.get(first.key) !== first) continue
      this.#byKey.delete(first.key)
      this.#due(first.key)
    }
    this.#arm()
  }
}
