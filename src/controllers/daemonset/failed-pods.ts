import type { Clock } from '../../base/clock.js'

const firstMs = 1000
const longestMs = 15 * 60_000

interface Entry {
  waitMs: number
  atMs: number
}

/**
 * How often failed pods are replaced on one node: after 1 s, 2 s, 4 s ... 15 min, since a kubelet that rejects a pod rejects the
 * next one too. A node without a failure for twice the longest wait begins anew.
 */
export class FailedPods {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long until the place's failed pod may be replaced; 0 for now, and then the next one waits longer. */
  waitMs(place: string): number {
    const now = this.#clock.monotonic()
    const entry = this.#entries.get(place)
    if (!entry || now - entry.atMs > 2 * longestMs) {
      this.#forgetOld(now)
      this.#entries.set(place, { waitMs: firstMs, atMs: now })
      return 0
    }
    const left = entry.atMs + entry.waitMs - now
    if (left > 0) return left
    entry.waitMs = Math.min(2 * entry.waitMs, longestMs)
    entry.atMs = now
    return 0
  }

  /** Places come with every node; those that have not failed for long are not kept. */
  #forgetOld(now: number): void {
    if (this.#entries.size % 1000 !== 999) return
    for (const [place, entry] of this.#entries) if (now - entry.atMs > 2 * longestMs) this.#entries.delete(place)
  }
}
