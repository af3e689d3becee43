import type { Clock } from '../../base/clock.js'
import type { View } from '../controller.js'

/** A look at this many objects costs about a millisecond. */
const objectsPerMs = 10

/**
 * Spaces out the reconciles of owners of many pods: one that looks at n pods is not run again for the sake of a pod's change
 * sooner than n/10 ms later, so that n changes in a row cost about n looks and not n². Small owners never wait.
 */
export class Pace {
  readonly #clock: Clock
  readonly #nextMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long a change should wait before `key` is looked at again; 0 for not at all. */
  delayMs(key: string): number {
    return Math.max(0, (this.#nextMs.get(key) ?? 0) - this.#clock.monotonic())
  }

  /** Notes that `key` is being looked at now, and how much there is to see. */
  ran(key: string, objects: number): void {
    if (objects < objectsPerMs) this.#nextMs.delete(key)
    else this.#nextMs.set(key, this.#clock.monotonic() + Math.floor(objects / objectsPerMs))
  }

  forget(key: string): void {
    this.#nextMs.delete(key)
  }
}

/** Of the keys that a pod's change wakes, those to look at now; the others are put on the queue for when it is their time. */
export function paced(keys: readonly string[], view: View, pace: Pace): readonly string[] {
  return keys.filter((key) => {
    const wait = pace.delayMs(key)
    if (wait > 0) view.enqueue(key, wait)
    return wait === 0
  })
}
