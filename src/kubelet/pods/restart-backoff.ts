/**
 * How long a container waits between restarts: the first is at once, then 10 s doubling to 5 min; a container that lasted
 * ten minutes since its last restart starts over. Upstream's CrashLoopBackOff.
 */
export class RestartBackoff {
  readonly #initialMs: number
  readonly #maxMs: number
  readonly #entries = new Map<string, { delayMs: number; updatedMs: number }>()

  constructor(options: { initialMs?: number; maxMs?: number } = {}) {
    this.#initialMs = options.initialMs ?? 10_000
    this.#maxMs = options.maxMs ?? 300_000
  }

  /** The wait before the next start of a container whose last attempt ended at `finishedMs`; 0 when there is none. */
  delayOf(container: string, finishedMs: number): number {
    const entry = this.#entries.get(container)
    if (!entry || this.#expired(entry, finishedMs)) return 0
    return entry.delayMs
  }

  /** Notes a restart after an attempt that ended at `finishedMs`: the next one waits longer. */
  restarted(container: string, finishedMs: number, nowMs: number): void {
    const entry = this.#entries.get(container)
    const delayMs = !entry || this.#expired(entry, finishedMs) ? this.#initialMs : Math.min(entry.delayMs * 2, this.#maxMs)
    this.#entries.set(container, { delayMs, updatedMs: nowMs })
  }

  #expired(entry: { updatedMs: number }, eventMs: number): boolean {
    return eventMs - entry.updatedMs > 2 * this.#maxMs
  }
}
