/** What the Job controller remembers from one reconcile to the next, beyond what the caches show. */
import { labelSelectorOf, type Selector } from '../../api/selectors/label.js'
import type { Job } from '../../api/types/batch-v1.js'
import type { Clock } from '../../base/clock.js'
import { Expectations } from '../common/expectations.js'
import { Pace } from '../common/pace.js'
import { type Failures, noFailures } from './backoff.js'

export class JobMemory {
  readonly expectations: Expectations
  readonly pace: Pace
  /** Uids of pods whose finalizer has been taken off, which the cache has not shown yet: they are counted. */
  readonly released = new Set<string>()
  readonly #failures = new Map<string, Failures>()
  readonly #written = new Map<string, Job>()
  readonly #selectors = new WeakMap<Job, Selector>()

  constructor(clock: Clock) {
    this.expectations = new Expectations(clock)
    this.pace = new Pace(clock)
  }

  selectorOf(job: Job): Selector {
    let selector = this.#selectors.get(job)
    if (!selector) this.#selectors.set(job, (selector = labelSelectorOf(job.spec?.selector)))
    return selector
  }

  failures(key: string): Failures {
    return this.#failures.get(key) ?? noFailures
  }

  setFailures(key: string, failures: Failures): void {
    if (failures.count === 0) this.#failures.delete(key)
    else this.#failures.set(key, failures)
  }

  wrote(key: string, job: Job): void {
    this.#written.set(key, job)
  }

  /**
   * The cached Job, or the one that was written last while the cache has not caught up with it: pods' changes come by another
   * watch and may be seen first, and counting them against an older status would make pods anew.
   */
  latest(key: string, cached: Job): Job {
    const written = this.#written.get(key)
    if (!written) return cached
    if (written.metadata.uid === cached.metadata.uid && isNewer(written, cached)) return written
    this.#written.delete(key)
    return cached
  }

  forget(key: string): void {
    this.expectations.forget(key)
    this.pace.forget(key)
    this.#failures.delete(key)
    this.#written.delete(key)
  }
}

/** Resource versions of one resource can be compared as numbers (KEP-5504). */
function isNewer(a: Job, b: Job): boolean {
  const [left, right] = [a.metadata.resourceVersion ?? '0', b.metadata.resourceVersion ?? '0']
  return left.length === right.length ? left > right : left.length > right.length
}
