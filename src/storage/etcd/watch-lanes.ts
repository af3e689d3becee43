/**
 * Watches on etcd. All watches below one root ("/registry/") share a lane: one etcd watch of the whole root, so that events of every
 * key come in one order and an event at a revision proves that all before it were seen. That makes progress exact on every version
 * (the manual progress of etcd before 3.4.25 and 3.5.8 may overtake events, etcd issue 15220), and each event is decoded once.
 *
 * A lane remembers what came last: a watch that starts a little in the past joins it; one that starts earlier gets a lane of its own,
 * which is given up once it has caught up.
 */
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { type Batch, StoreUnavailableError } from '../store.js'
import type { Endpoints } from './endpoints.js'
import { Lane } from './lane.js'
import { Subscriber } from './subscriber.js'

export interface WatchLanesOptions {
  readonly endpoints: Endpoints
  readonly clock: Clock
  readonly logger: Logger
  /** The highest revision that any answer of the store named. */
  seen(): number
  /** Writes a key that only marks a place in the order of events. */
  touch(key: string): Promise<void>
  /** A linearizable read; a member that does not answer it is left. */
  probe(): Promise<void>
}

/** A member that was silent for so long is asked whether it lives. */
const silenceMs = 2_000
/** How long an event that is on its way may take before a mark is written to learn of progress. */
const graceMs = 20

export class WatchLanes {
  readonly #options: WatchLanesOptions
  #lanes: Lane[] = []
  #cancelProbe: Cancel | undefined
  #cancelMark: Cancel | undefined
  #marking = false
  #closed = false

  constructor(options: WatchLanesOptions) {
    this.#options = options
  }

  async *watch(prefix: string, from: number, signal: AbortSignal): AsyncGenerator<Batch> {
    if (signal.aborted) return
    if (this.#closed) throw new StoreUnavailableError('the store was closed')
    const subscriber = new Subscriber(prefix, Math.max(1, from))
    this.#attach(subscriber)
    const onAbort = () => subscriber.wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        for (const batch of subscriber.take()) {
          yield batch
          if (signal.aborted) return
        }
        if (subscriber.behind && subscriber.empty) this.#attach(subscriber)
        else await subscriber.readable(signal)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      subscriber.lane?.remove(subscriber)
      this.#sweep()
    }
  }

  requestProgress(): void {
    const target = this.#options.seen()
    let behind = false
    for (const lane of this.#lanes) if (!lane.progressTo(target)) behind = true
    if (!behind || this.#cancelMark || this.#marking) return
    this.#cancelMark = this.#options.clock.timer(graceMs, () => {
      this.#cancelMark = undefined
      void this.#mark()
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelProbe?.()
    this.#cancelMark?.()
    for (const lane of this.#lanes.splice(0)) lane.fail(new StoreUnavailableError('the store was closed'))
  }

  #attach(subscriber: Subscriber): void {
    const root = rootOf(subscriber.prefix)
    const lane = this.#lanes.find((each) => each.root === root && each.reaches(subscriber.next)) ?? this.#open(root, subscriber.next)
    lane.add(subscriber)
  }

  #open(root: string, from: number): Lane {
    const { endpoints, clock, logger } = this.#options
    const lane = new Lane({ root, from, endpoints, clock, logger, onAdvance: (each) => this.#merge(each), onEnd: () => this.#sweep() })
    this.#lanes.push(lane)
    lane.start()
    if (!this.#cancelProbe) this.#watchSilence()
    return lane
  }

  /** Moves the watches of a lane that has caught up with an earlier one there. */
  #merge(late: Lane): void {
    const first = this.#lanes.find((each) => each.root === late.root)
    if (!first || first === late || !first.reaches(late.position + 1) || first.position < late.position) return
    for (const subscriber of late.removeAll()) first.add(subscriber)
    this.#sweep()
  }

  #sweep(): void {
    this.#lanes = this.#lanes.filter((lane) => {
      if (!lane.idle) return true
      lane.stop()
      return false
    })
    if (this.#lanes.length > 0) return
    this.#cancelProbe?.()
    this.#cancelProbe = undefined
  }

  /** A connection whose other end hangs looks open: only a question tells. */
  #watchSilence(): void {
    const { endpoints, clock, probe } = this.#options
    this.#cancelProbe = clock.timer(silenceMs, () => {
      this.#watchSilence()
      if (clock.monotonic() - endpoints.heardAtMs >= silenceMs) probe().catch(() => undefined)
    })
  }

  async #mark(): Promise<void> {
    const roots = new Set(this.#lanes.filter((lane) => lane.behind).map((lane) => lane.markKey))
    if (roots.size === 0) return
    this.#marking = true
    try {
      for (const key of roots) await this.#options.touch(key)
    } catch (error) {
      this.#options.logger.warn('The progress of watches cannot be learnt', { error: messageOf(error) })
    } finally {
      this.#marking = false
    }
  }
}

/** Up to the second slash: "/registry/pods/" is below "/registry/". */
export function rootOf(prefix: string): string {
  const at = prefix.indexOf('/', 1)
  return at < 0 ? prefix : prefix.slice(0, at + 1)
}
