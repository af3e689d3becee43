/**
 * Keeps a shared informer equal to the server: the state by a watch that starts with it (KEP-3157) or, where a server does not
 * offer that, by a list in pages; then every change by watch. A watch that ends is resumed where it stood; only when the server
 * no longer has that past (410) the state is read anew.
 */
import type { KubeObject } from '../../api/object.js'
import { StatusError } from '../../api/status.js'
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { Random } from '../../base/random.js'
import { ConnectionError, type ResourceClient, type WatchEvent, type WatchOptions } from '../client.js'
import { ReflectorBackoff } from './backoff.js'
import type { SharedInformer } from './shared-informer.js'

export interface Selection {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly resource: Pick<ResourceClient<T>, 'of' | 'list' | 'watchBatches'>
  readonly selection: Selection
  readonly informer: SharedInformer<T>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly signal: AbortSignal
}

const pageSize = 500
/** A watch is asked to end after five to ten minutes, so that load spreads over the servers anew. */
const watchSecondsMin = 300
const initialEventsEnd = 'k8s.io/initial-events-end'

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  readonly #backoff: ReflectorBackoff
  /** Whether the cache stands at a revision that a watch can go on from. */
  #current = false
  #watchList = true
  /** Whether the present try has brought anything. */
  #worked = false

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#backoff = new ReflectorBackoff(options.random)
  }

  /** Ends when the signal is aborted; never throws. */
  async run(): Promise<void> {
    const { clock, signal } = this.#options
    while (!signal.aborted) {
      this.#worked = false
      try {
        await this.#once()
        // A server that ends watches at once must not be asked in a tight loop.
        if (this.#worked) continue
      } catch (error) {
        if (signal.aborted) return
        if (this.#failed(error) === 'at once') continue
      }
      await clock.sleep(this.#backoff.next(clock.monotonic(), this.#worked), signal).catch(() => undefined)
    }
  }

  async #once(): Promise<void> {
    if (this.#current) return this.#follow(this.#watch({ resourceVersion: this.#options.informer.resourceVersion }))
    if (!this.#watchList) return this.#list()
    try {
      await this.#follow(this.#watch({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }), [])
    } catch (error) {
      // 400, 415 and 422: a server that does not know the parameter.
      if (this.#current || !(error instanceof StatusError) || ![400, 415, 422].includes(error.code)) throw error
      this.#watchList = false
      return this.#list()
    }
  }

  #watch(options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]> {
    const { resource, selection, random, signal } = this.#options
    const timeoutSeconds = Math.floor(watchSecondsMin * (1 + random.next()))
    return resource.watchBatches({ ...selection, ...options, allowWatchBookmarks: true, timeoutSeconds, signal })
  }

  /** `state`: gathers the initial events until the bookmark that ends them. */
  async #follow(batches: AsyncIterable<readonly WatchEvent<T>[]>, state?: T[]): Promise<void> {
    const { informer, signal } = this.#options
    let gathering = state
    for await (const batch of batches) {
      if (signal.aborted) return
      this.#works()
      for (const event of batch) {
        if (!gathering) {
          informer.apply(event)
          continue
        }
        if (event.type !== 'BOOKMARK') {
          gathering.push(event.object)
          continue
        }
        if (event.object.metadata.annotations?.[initialEventsEnd] !== 'true') continue
        informer.replace(gathering, event.object.metadata.resourceVersion ?? '')
        this.#current = true
        gathering = undefined
      }
    }
  }

  async #list(): Promise<void> {
    const { resource, selection, informer, signal } = this.#options
    const objects: T[] = []
    let next: string | undefined
    let resourceVersion: string
    do {
      const page = await resource.list({ ...selection, limit: pageSize, ...(next ? { continue: next } : {}), signal })
      for (const object of page.items) objects.push(object)
      next = page.continue
      resourceVersion = page.resourceVersion
    } while (next)
    this.#works()
    informer.replace(objects, resourceVersion)
    this.#current = true
  }

  #works(): void {
    this.#worked = true
    this.#backoff.succeeded()
  }

  #failed(error: unknown): 'at once' | 'later' {
    const { resource, logger } = this.#options
    const wasCurrent = this.#current
    const isRefusal = error instanceof StatusError
    // A lost connection and a busy server say nothing of the past; anything else might mean that it has been lost.
    this.#current &&= error instanceof ConnectionError || (isRefusal && error.code === 429)
    if (wasCurrent && isRefusal && error.code === 410) {
      logger.info('The watch is too old, reading the state anew', { resource: resource.of.resource })
      return 'at once'
    }
    logger.warn('A watch failed', { resource: resource.of.resource, error: messageOf(error) })
    return 'later'
  }
}
