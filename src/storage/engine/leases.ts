import type { Cancel, Clock } from '../../base/clock.js'
import type { LeaseId } from '../store.js'

interface Lease {
  readonly ttlSeconds: number
  readonly keys: Set<string>
  expiresAtMs: number
}

/** Which keys hang on which lease, and when each lease ends. One timer for all: it is set to the earliest end. */
export class Leases {
  readonly #clock: Clock
  readonly #onExpired: (id: LeaseId) => void
  readonly #byId = new Map<LeaseId, Lease>()
  #cancel: Cancel | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onExpired: (id: LeaseId) => void) {
    this.#clock = clock
    this.#onExpired = onExpired
  }

  /** Starts (or, after recovery, starts again) a lease with its full time to live, as etcd does after a change of leader. */
  start(id: LeaseId, ttlSeconds: number): void {
    this.#byId.set(id, { ttlSeconds, keys: new Set(), expiresAtMs: this.#clock.monotonic() + ttlSeconds * 1000 })
    this.#schedule()
  }

  has(id: LeaseId): boolean {
    return this.#byId.has(id)
  }

  ids(): LeaseId[] {
    return [...this.#byId.keys()]
  }

  /** The lease's times and keys; undefined when there is no such lease. */
  describe(id: LeaseId): { ttlSeconds: number; leftSeconds: number; keys: string[] } | undefined {
    const lease = this.#byId.get(id)
    if (!lease) return undefined
    const leftSeconds = Math.max(0, Math.ceil((lease.expiresAtMs - this.#clock.monotonic()) / 1000))
    return { ttlSeconds: lease.ttlSeconds, leftSeconds, keys: [...lease.keys] }
  }

  /** Gives the lease its full time again; its time to live, or undefined when it is gone. */
  renew(id: LeaseId): number | undefined {
    const lease = this.#byId.get(id)
    if (!lease) return undefined
    lease.expiresAtMs = this.#clock.monotonic() + lease.ttlSeconds * 1000
    return lease.ttlSeconds
  }

  /** Moves a key from one lease to another (either may be none). */
  move(key: string, from: LeaseId | undefined, to: LeaseId | undefined): void {
    if (from === to) return
    if (from !== undefined) this.#byId.get(from)?.keys.delete(key)
    if (to !== undefined) this.#byId.get(to)?.keys.add(key)
  }

  /** Forgets the lease and gives the keys that hung on it. */
  end(id: LeaseId): string[] {
    const lease = this.#byId.get(id)
    this.#byId.delete(id)
    return lease ? [...lease.keys] : []
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    let earliest = Number.POSITIVE_INFINITY
    for (const lease of this.#byId.values()) earliest = Math.min(earliest, lease.expiresAtMs)
    if (earliest >= this.#timerAtMs && this.#cancel) return
    this.#cancel?.()
    this.#cancel = undefined
    this.#timerAtMs = earliest
    if (earliest === Number.POSITIVE_INFINITY) return
    this.#cancel = this.#clock.timer(Math.max(0, earliest - this.#clock.monotonic()), () => this.#expire())
  }

  #expire(): void {
    this.#cancel = undefined
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const now = this.#clock.monotonic()
    for (const [id, lease] of [...this.#byId]) if (lease.expiresAtMs <= now) this.#onExpired(id)
    this.#schedule()
  }
}
