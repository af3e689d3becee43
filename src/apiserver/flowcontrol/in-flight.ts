import { tooManyRequests } from '../../api/status.js'

/**
 * Bounds how many requests run at once, reads and writes apart (--max-requests-inflight, --max-mutating-requests-inflight).
 * What is over the bound is refused at once with 429 and Retry-After: clients know to come again. Watches do not count: they
 * run for as long as they like. Cluster admins and health checks are never refused.
 */
export class InFlight {
  readonly #limits: { readonly readOnly: number; readonly mutating: number }
  #readOnly = 0
  #mutating = 0

  constructor(limits: { readOnly: number; mutating: number }) {
    this.#limits = limits
  }

  get counts(): { readonly readOnly: number; readonly mutating: number } {
    return { readOnly: this.#readOnly, mutating: this.#mutating }
  }

  /** Takes a place; the returned function gives it back. Throws TooManyRequests when there is none. 0 means no bound. */
  enter(mutating: boolean, exempt: boolean): () => void {
    const limit = mutating ? this.#limits.mutating : this.#limits.readOnly
    const running = mutating ? this.#mutating : this.#readOnly
    if (!exempt && limit > 0 && running >= limit) throw tooManyRequests('Too many requests, please try again later.', 1)
    if (mutating) this.#mutating++
    else this.#readOnly++
    let left = false
    return () => {
      if (left) return
      left = true
      if (mutating) this.#mutating--
      else this.#readOnly--
    }
  }
}
