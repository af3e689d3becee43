import type { Clock } from '../../base/clock.js'

interface Expected {
  creations: number
  readonly deletions: Set<string>
  readonly setAtMs: number
}

/** After so long an expectation is given up: a watch event was lost or the write never happened. */
const expireMs = 5 * 60_000

/**
 * What a controller has asked for and not seen in its cache yet. While a key's expectations are open, its cache is known
 * to be stale and making or deleting more would overshoot (client-go: ControllerExpectations).
 */
export class Expectations {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Expected>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Opens expectations for the writes about to be made. `deletions` are "namespace/name/uid" or any name unique to the object. */
  expect(key: string, creations: number, deletions: readonly string[] = []): void {
    this.#byKey.set(key, { creations, deletions: new Set(deletions), setAtMs: this.#clock.monotonic() })
  }

  /** A creation was seen, or will never be (its request failed). */
  created(key: string): void {
    const expected = this.#byKey.get(key)
    if (expected) expected.creations--
  }

  /** A deletion was seen, or will never be. */
  deleted(key: string, name: string): void {
    this.#byKey.get(key)?.deletions.delete(name)
  }

  satisfied(key: string): boolean {
    const expected = this.#byKey.get(key)
    if (!expected) return true
    if (expected.creations <= 0 && expected.deletions.size === 0) return true
    return this.#clock.monotonic() - expected.setAtMs > expireMs
  }

  forget(key: string): void {
    this.#byKey.delete(key)
  }
}
