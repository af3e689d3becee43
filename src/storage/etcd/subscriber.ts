import type { Batch } from '../store.js'
import type { Lane } from './lane.js'

/** Batches that may wait for a slow reader; beyond that it reads again from where it is, once it has taken these. */
const batchesMax = 20_000

/** One watch: what its lane hands it and its reader takes. */
export class Subscriber {
  readonly prefix: string
  /** The first revision it has not been handed. */
  next: number
  lane: Lane | undefined
  /** True when it was let go because its reader is slow: it must be attached again. */
  behind = false
  #queue: Batch[] = []
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(prefix: string, from: number) {
    this.prefix = prefix
    this.next = from
  }

  get empty(): boolean {
    return this.#queue.length === 0
  }

  offer(batch: Batch): void {
    if (this.behind) return
    if (this.#queue.length >= batchesMax) {
      this.behind = true
      this.lane?.remove(this)
      return
    }
    const last = this.#queue[this.#queue.length - 1]
    // Progress that nobody has read yet is overtaken by what comes next.
    if (last && last.events.length === 0) this.#queue.pop()
    this.#queue.push(batch)
    this.next = batch.revision + 1
    this.wake()
  }

  /** What has come. Throws the error that ended the watch once everything before it was taken. */
  take(): Batch[] {
    if (this.#queue.length === 0 && this.#error) throw this.#error
    const batches = this.#queue
    this.#queue = []
    return batches
  }

  fail(error: Error): void {
    this.#error ??= error
    this.wake()
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  readable(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#queue.length > 0 || this.#error || this.behind || signal.aborted) resolve()
      else this.#wake = resolve
    })
  }
}
