import { type Clock, sleepWith } from './clock.js'
import { Heap } from './heap.js'

interface Due {
  readonly at: number
  readonly order: number
  fn: (() => void) | undefined
}

/** A clock that stands still until `advance` moves it. Timers of one instant fire in the order they were set. */
export class VirtualClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #order = 0
  readonly #due = new Heap<Due>((a, b) => a.at - b.at || a.order - b.order)

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal)
  }

  timer(ms: number, fn: () => void): () => void {
    const due: Due = { at: this.#nowMs + Math.max(0, ms), order: this.#order++, fn }
    this.#due.push(due)
    return () => {
      due.fn = undefined
    }
  }

  /** When the next timer is due (ms since 1970), or undefined when none is set. */
  nextDue(): number | undefined {
    this.#dropCancelled()
    return this.#due.peek()?.at
  }

  /** Moves time by `ms`, firing what falls due and letting promise callbacks (and immediates) run between instants. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms
    await settle()
    for (let due = this.nextDue(); due !== undefined && due <= target; due = this.nextDue()) {
      this.#nowMs = Math.max(this.#nowMs, due)
      while (this.nextDue() === due) this.#due.pop()?.fn?.()
      await settle()
    }
    this.#nowMs = target
  }

  #dropCancelled(): void {
    while (this.#due.size > 0 && this.#due.peek()?.fn === undefined) this.#due.pop()
  }
}

/** Lets everything that is ready run: a few turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
