import type { Store } from '../../storage/store.js'

/**
 * The store's revision, for reads that must not be stale. Everybody who asks while a question is under way shares the next
 * one: an answer is only good for those who had asked before its question was sent.
 */
export class Freshness {
  readonly #store: Store
  #running = false
  #next: { promise: Promise<number>; resolve(revision: number): void; reject(error: unknown): void } | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** A revision that includes every write acknowledged before this call. */
  revision(): Promise<number> {
    if (!this.#next) {
      let resolve: (revision: number) => void = () => undefined
      let reject: (error: unknown) => void = () => undefined
      const promise = new Promise<number>((yes, no) => {
        resolve = yes
        reject = no
      })
      this.#next = { promise, resolve, reject }
      if (!this.#running) queueMicrotask(() => this.#ask())
    }
    return this.#next.promise
  }

  #ask(): void {
    const asked = this.#next
    if (!asked) return
    this.#next = undefined
    this.#running = true
    this.#store
      .revision()
      .then(asked.resolve, asked.reject)
      .finally(() => {
        this.#running = false
        this.#ask()
      })
  }
}
