/**
 * Runs a sync when something has changed: never two at once, at once when there was rest before, else no oftener than once a minimum
 * period in the long run. A sync that failed is tried again by itself, later and later.
 */
import { messageOf } from '../base/errors.js'
import type { Cancel, Clock } from '../base/clock.js'
import type { Logger } from '../base/logger.js'
import { TokenBucket } from '../client/token-bucket.js'

export interface SyncRunnerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly minPeriodMs: number
  /** How long without a sync until `idle` is run. */
  readonly maxPeriodMs: number
  sync(): Promise<void>
  /** Looks whether all is still as it was written; it may ask for a sync. */
  idle(): Promise<void>
}

/** A Service and its first EndpointSlices come close together: each of them must not wait for a period. */
const burst = 10
const retryMsMin = 500
const retryMsMax = 30_000

export class SyncRunner {
  readonly #options: SyncRunnerOptions
  readonly #bucket: TokenBucket | undefined
  #cancel: Cancel | undefined
  #asked = false
  #running: Promise<void> | undefined
  #failures = 0
  #stopped = false

  constructor(options: SyncRunnerOptions) {
    this.#options = options
    const { minPeriodMs, clock } = options
    if (minPeriodMs > 0) this.#bucket = new TokenBucket({ perSecond: 1000 / minPeriodMs, burst }, clock.monotonic())
    this.#schedule(options.maxPeriodMs, () => this.#run(() => options.idle()))
  }

  request(): void {
    if (this.#asked || this.#stopped) return
    this.#asked = true
    if (!this.#running) this.#scheduleSync()
  }

  /** Resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  #scheduleSync(): void {
    const { clock, sync } = this.#options
    const bucketMs = this.#bucket?.reserve(clock.monotonic()) ?? 0
    const retryMs = this.#failures === 0 ? 0 : Math.min(retryMsMax, retryMsMin * 2 ** (this.#failures - 1))
    this.#schedule(Math.max(bucketMs, retryMs), () => {
      this.#asked = false
      this.#run(sync)
    })
  }

  #run(work: () => Promise<void>): void {
    this.#running = work()
      .then(
        () => {
          this.#failures = 0
        },
        (error: unknown) => {
          this.#failures++
          this.#asked = true
          this.#options.logger.error('The rules could not be written, trying again', { error: messageOf(error) })
        },
      )
      .finally(() => {
        this.#running = undefined
        if (this.#stopped) return
        if (this.#asked) this.#scheduleSync()
        else this.#schedule(this.#options.maxPeriodMs, () => this.#run(() => this.#options.idle()))
      })
  }

  #schedule(ms: number, fn: () => void): void {
    this.#cancel?.()
    this.#cancel = this.#options.clock.timer(ms, fn)
  }
}
