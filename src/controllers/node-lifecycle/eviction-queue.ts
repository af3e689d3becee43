/**
 * Nodes of one zone that wait for their NoExecute taint, first come first served, at a rate that follows the zone's health. Pure:
 * the time is passed in. One may go at once (a burst of 1); a rate of 0 holds all back.
 */
export class EvictionQueue {
  /** Insertion order is the order of service. */
  readonly #waiting = new Set<string>()
  /** Waiting or served and not removed since: each is served once. */
  readonly #known = new Set<string>()
  #ratePerSecond: number
  #nextAtMs = Number.NEGATIVE_INFINITY

  constructor(ratePerSecond: number) {
    this.#ratePerSecond = ratePerSecond
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond
  }

  /** False when it is known already. */
  add(node: string): boolean {
    if (this.#known.has(node)) return false
    this.#known.add(node)
    this.#waiting.add(node)
    return true
  }

  remove(node: string): boolean {
    this.#waiting.delete(node)
    return this.#known.delete(node)
  }

  /** The next node, if one waits and its turn has come. Give it back with `retry` when nothing came of it. */
  take(nowMs: number): string | undefined {
    const [node] = this.#waiting
    if (node === undefined || this.#ratePerSecond <= 0 || nowMs < this.#nextAtMs) return undefined
    this.#waiting.delete(node)
    this.#nextAtMs = nowMs + 1000 / this.#ratePerSecond
    return node
  }

  retry(node: string): void {
    if (this.#known.has(node)) this.#waiting.add(node)
  }

  /** How long until `take` gives a node; undefined when none will come by waiting. */
  waitMs(nowMs: number): number | undefined {
    if (this.#waiting.size === 0 || this.#ratePerSecond <= 0) return undefined
    return Math.max(0, this.#nextAtMs - nowMs)
  }

  /** A change of rate is no way round the wait that is on. */
  setRate(ratePerSecond: number, nowMs: number): void {
    if (ratePerSecond === this.#ratePerSecond) return
    const isHeld = this.#ratePerSecond <= 0 || nowMs < this.#nextAtMs
    this.#ratePerSecond = ratePerSecond
    if (ratePerSecond > 0) this.#nextAtMs = isHeld ? nowMs + 1000 / ratePerSecond : nowMs
  }
}
