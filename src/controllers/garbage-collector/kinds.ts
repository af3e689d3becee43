import { parseApiVersion } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import { type DiscoveredResource, type Discovery, kindKey } from '../common/discovery.js'

/** Between two looks at discovery for the sake of a kind that is not known. */
const refreshMsMin = 10_000

/** Which resource has the objects of a kind, in any version that is served. */
export class Kinds {
  readonly #clock: Clock
  readonly #refresh: () => Promise<void>
  #byKind: ReadonlyMap<string, DiscoveredResource> = new Map()
  #refreshedAtMs = Number.NEGATIVE_INFINITY

  /** `refresh` calls `set`. */
  constructor(clock: Clock, refresh: () => Promise<void>) {
    this.#clock = clock
    this.#refresh = refresh
  }

  set({ all }: Discovery): void {
    this.#byKind = new Map(all.map((resource) => [kindKey(resource), resource]))
    this.#refreshedAtMs = this.#clock.monotonic()
  }

  /** undefined: nothing serves this kind now. It may have come since the last look, so another one is taken, not too often. */
  async find(apiVersion: string, kind: string): Promise<DiscoveredResource | undefined> {
    const key = kindKey({ ...parseApiVersion(apiVersion), kind })
    if (!this.#byKind.has(key) && this.#clock.monotonic() - this.#refreshedAtMs >= refreshMsMin) await this.#refresh()
    return this.#byKind.get(key)
  }
}
