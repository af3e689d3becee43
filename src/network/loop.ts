/**
 * Work that follows a state: done again whenever something may have changed, never twice at once, again with growing delays when it
 * fails, and now and then without a cause, because the kernel's state is everybody's.
 */
import type { Cancel, Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'

export interface LoopOptions {
  readonly name: string
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Without a cause. */
  readonly everyMs: number
  /** Between a cause and the work: causes come in crowds. */
  readonly delayMs: number
  run(why: 'cause' | 'period'): Promise<void>
}

const retryMsMin = 500
const retryMsMax = 30_000

export class Loop {
  readonly #options: LoopOptions
  #cancel: Cancel | undefined
  #isRunning = false
  #isWanted = false
  #failures = 0
  #isHastened = false
  #lastError: string | undefined
  readonly #waiting: (() => void)[] = []

  constructor(options: LoopOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#cancel?.(), { once: true })
  }

  /** Of the last run; undefined when it went well. */
  get error(): string | undefined {
    return this.#lastError
  }

  /** Nothing is wanted or under way. */
  get isIdle(): boolean {
    return !this.#isRunning && !this.#isWanted
  }

  trigger(): void {
    if (this.#isRunning) this.#isWanted = true
    else if (this.#failures > 0) {
      // What it failed for may be over; but no faster than the first retry, however many causes there are.
      if (!this.#isHastened) this.#schedule(Math.min(retryMsMin, this.#retryMs()), 'cause')
      this.#isHastened = true
    } else if (!this.#isWanted) {
      this.#isWanted = true
      this.#schedule(this.#options.delayMs, 'cause')
    }
  }

  /** Resolves when the run under way, if any, has ended. */
  idle(): Promise<void> {
    return this.#isRunning ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve()
  }

  #schedule(ms: number, why: 'cause' | 'period'): void {
    this.#cancel?.()
    if (!this.#options.signal.aborted) this.#cancel = this.#options.clock.timer(ms, () => void this.#once(why))
  }

  async #once(why: 'cause' | 'period'): Promise<void> {
    this.#isRunning = true
    this.#isWanted = false
    this.#isHastened = false
    try {
      await this.#options.run(why)
      this.#failures = 0
      this.#lastError = undefined
    } catch (error) {
      this.#failures++
      this.#lastError = messageOf(error)
      if (!this.#options.signal.aborted)
        this.#options.logger.error('The pod network could not be brought up to date', { what: this.#options.name, error: messageOf(error) })
    }
    this.#isRunning = false
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#lastError !== undefined) {
      this.#isWanted = true
      this.#schedule(this.#retryMs(), 'cause')
    } else if (this.#isWanted) this.#schedule(this.#options.delayMs, 'cause')
    else this.#schedule(this.#options.everyMs, 'period')
  }

  #retryMs(): number {
    return Math.min(retryMsMax, retryMsMin * 2 ** Math.max(0, this.#failures - 1))
  }
}
