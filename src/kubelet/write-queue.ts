import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import { StatusError } from '../api/status.js'

export type WriteTask = () => Promise<void>

/**
 * Writes to the API, at most so many at once, at most one at once for a key, in the order in which they were asked for. A later
 * task for a key replaces the one that still waits: tasks read what to write when they run. What fails for a passing reason is
 * tried again with back-off; a refusal is logged and dropped.
 */
export class WriteQueue {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #inFlightMax: number
  readonly #waiting = new Map<string, WriteTask>()
  readonly #busy = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #retries = new Map<string, () => void>()
  #idle: (() => void)[] = []
  #stopped = false

  constructor(options: { clock: Clock; logger: Logger; inFlightMax?: number }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#inFlightMax = options.inFlightMax ?? 64
  }

  put(key: string, task: WriteTask): void {
    if (this.#stopped) return
    this.#retries.get(key)?.()
    this.#retries.delete(key)
    this.#waiting.set(key, task)
    this.#pump()
  }

  /** Forgets what waits under a key; what is under way goes on. */
  drop(key: string): void {
    this.#retries.get(key)?.()
    this.#retries.delete(key)
    this.#failures.delete(key)
    this.#waiting.delete(key)
  }

  /** Resolves when nothing is under way or waiting (retries that wait for their time do not count). */
  idle(): Promise<void> {
    if (this.#busy.size === 0 && this.#waiting.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#retries.values()) cancel()
    this.#retries.clear()
    this.#waiting.clear()
  }

  #pump(): void {
    if (this.#busy.size >= this.#inFlightMax) return
    for (const [key, task] of this.#waiting) {
      if (this.#busy.has(key)) continue
      this.#waiting.delete(key)
      this.#busy.add(key)
      void this.#run(key, task)
      if (this.#busy.size >= this.#inFlightMax) return
    }
  }

  async #run(key: string, task: WriteTask): Promise<void> {
    try {
      await task()
      this.#failures.delete(key)
    } catch (error) {
      this.#failed(key, task, error)
    }
    this.#busy.delete(key)
    this.#pump()
    if (this.#busy.size > 0 || this.#waiting.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #failed(key: string, task: WriteTask, error: unknown): void {
    if (this.#stopped) return
    if (!isPassing(error)) {
      this.#failures.delete(key)
      this.#logger.warn('A write was refused', { key, error: messageOf(error) })
      return
    }
    const failures = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, failures)
    const asked = error instanceof StatusError ? (error.status.details?.retryAfterSeconds ?? 0) * 1000 : 0
    const delayMs = Math.max(asked, Math.min(200 * 2 ** Math.min(failures - 1, 10), 5_000))
    if (failures === 1 || failures % 10 === 0)
      this.#logger.info('A write failed and is tried again', { key, failures, error: messageOf(error) })
    if (this.#waiting.has(key)) return
    this.#retries.set(
      key,
      this.#clock.timer(delayMs, () => {
        this.#retries.delete(key)
        if (!this.#waiting.has(key)) this.#waiting.set(key, task)
        this.#pump()
      }),
    )
  }
}

const endMs = 1_000

/** Stops queues and waits for what is under way; not for long: whoever stops may have lost the server. */
export async function endWrites(clock: Clock, queues: readonly WriteQueue[]): Promise<void> {
  for (const queue of queues) queue.stop()
  const late = new AbortController()
  await Promise.race([Promise.all(queues.map((queue) => queue.idle())), clock.sleep(endMs, late.signal).catch(() => undefined)])
  late.abort()
}

/** Whether another try may succeed: no answer, overload, a server's own trouble, or rights that are still being set up. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof StatusError)) return true
  return error.code >= 500 || error.code === 429 || error.code === 401 || error.code === 403
}
