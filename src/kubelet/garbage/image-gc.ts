import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'

/**
 * Removes images that nobody uses when their file system is fuller than the high threshold, those unused for longest first, down to
 * the low one; and those that have not been used for imageMaximumGCAge (KEP-4210). Images younger than the minimum age stay.
 */
export interface ImageStore {
  images(): Promise<readonly StoredImage[]>
  /** Ids of images that containers of this node use, also ended ones that are still there. */
  inUse(): Promise<ReadonlySet<string>>
  remove(id: string): Promise<void>
  fileSystem(): Promise<{ readonly capacityBytes: number; readonly availableBytes: number } | undefined>
}

export interface StoredImage {
  readonly id: string
  readonly sizeBytes: number
  /** Not to be removed (the sandbox image). */
  readonly pinned: boolean
}

export interface ImageCollectorOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly store: ImageStore
  readonly highPercent: number
  readonly lowPercent: number
  readonly minAgeMs: number
  /** 0: however long they are unused. */
  readonly maxAgeMs: number
  readonly onFault?: (reason: string, message: string) => void
}

interface Seen {
  readonly firstMs: number
  lastUsedMs: number
  sizeBytes: number
  pinned: boolean
}

/** Upstream's imageGCPeriod. */
const periodMs = 300_000

export class ImageCollector {
  readonly #options: ImageCollectorOptions
  readonly #seen = new Map<string, Seen>()
  readonly #startedMs: number
  #cancel: Cancel = () => undefined
  #stopped = false

  constructor(options: ImageCollectorOptions) {
    this.#options = options
    this.#startedMs = options.clock.now()
  }

  start(): void {
    this.#cancel = this.#options.clock.timer(periodMs, () => {
      void this.collect()
        .catch((error: unknown) => this.#fault(messageOf(error)))
        .finally(() => {
          if (!this.#stopped) this.start()
        })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  async collect(): Promise<void> {
    const { clock, store, highPercent, lowPercent, maxAgeMs } = this.#options
    const nowMs = clock.now()
    const used = await this.#detect(nowMs)
    // After a start nothing is known of earlier uses: ages count from there.
    if (maxAgeMs > 0 && nowMs - this.#startedMs > maxAgeMs)
      for (const [id, seen] of this.#free(used, nowMs)) if (nowMs - seen.lastUsedMs > maxAgeMs) await this.#remove(id)
    const disk = await store.fileSystem()
    if (!disk || disk.capacityBytes === 0) return
    const percent = 100 - Math.floor((disk.availableBytes * 100) / disk.capacityBytes)
    if (percent < highPercent) return
    const wanted = Math.floor((disk.capacityBytes * (100 - lowPercent)) / 100) - disk.availableBytes
    const freed = await this.#freeBytes(wanted, used, nowMs)
    if (freed < wanted)
      this.#fault(
        `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`,
      )
  }

  /** All that nobody uses, whatever its age: the node is short of disk. */
  async removeUnused(): Promise<void> {
    const nowMs = this.#options.clock.now()
    const used = await this.#detect(nowMs)
    for (const [id] of this.#free(used, Number.POSITIVE_INFINITY)) await this.#remove(id)
  }

  async #detect(nowMs: number): Promise<ReadonlySet<string>> {
    const { store } = this.#options
    const [images, used] = await Promise.all([store.images(), store.inUse()])
    const present = new Set(images.map(({ id }) => id))
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id)
    for (const { id, sizeBytes, pinned } of images) {
      const seen = this.#seen.get(id) ?? { firstMs: nowMs, lastUsedMs: 0, sizeBytes, pinned }
      this.#seen.set(id, seen)
      Object.assign(seen, { sizeBytes, pinned })
      if (used.has(id)) seen.lastUsedMs = nowMs
    }
    return used
  }

  /** Those that may go, the longest unused first. */
  #free(used: ReadonlySet<string>, nowMs: number): [string, Seen][] {
    return [...this.#seen]
      .filter(([id, seen]) => !used.has(id) && !seen.pinned && nowMs - seen.firstMs >= this.#options.minAgeMs)
      .sort(([, a], [, b]) => a.lastUsedMs - b.lastUsedMs || a.firstMs - b.firstMs)
  }

  async #freeBytes(wanted: number, used: ReadonlySet<string>, nowMs: number): Promise<number> {
    let freed = 0
    for (const [id, { sizeBytes }] of this.#free(used, nowMs)) {
      if (freed >= wanted) break
      if (await this.#remove(id)) freed += sizeBytes
    }
    return freed
  }

  async #remove(id: string): Promise<boolean> {
    try {
      await this.#options.store.remove(id)
      this.#seen.delete(id)
      return true
    } catch (error) {
      this.#options.logger.warn('An image could not be removed', { image: id, error: messageOf(error) })
      return false
    }
  }

  #fault(message: string): void {
    this.#options.logger.warn('Images were not collected', { error: message })
    this.#options.onFault?.('FreeDiskSpaceFailed', message)
  }
}
