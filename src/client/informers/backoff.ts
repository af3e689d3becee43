import type { Random } from '../../base/random.js'

/** A component and its server often start together: the first tries come quickly. client-go begins at 0.8 s. */
const delayMsMin = 100
const delayMsMax = 30_000
/** A reflector that went well for so long starts from the shortest delay again. */
const resetAfterMs = 120_000
/** The first retry after a watch that worked: enough to spread the watches of a process that lost its server. */
const firstDelayMsMax = 100

/** How long a reflector waits between tries: 0.1 s to 30 s, doubling, with jitter. */
export class ReflectorBackoff {
  readonly #random: Random
  #failures = 0
  #lastAtMs = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** `worked`: the connection that failed now had been of use before. */
  next(nowMs: number, worked: boolean): number {
    if (nowMs - this.#lastAtMs > resetAfterMs) this.#failures = 0
    this.#lastAtMs = nowMs
    if (worked && this.#failures === 0) {
      this.#failures = 1
      return this.#random.next() * firstDelayMsMax
    }
    const base = Math.min(delayMsMax, delayMsMin * 2 ** Math.max(0, this.#failures - 1))
    this.#failures++
    return Math.min(delayMsMax, base * (1 + this.#random.next()))
  }

  /** A list or watch was answered: the server is well. */
  succeeded(): void {
    this.#failures = 0
  }
}
