/**
 * Time, passed in. Nothing in Quorate calls Date.now or setTimeout itself, so a test can hold a cluster's clock
 * still, and a drill can bend it.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970 (UTC). */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. Use it for durations and timeouts. */
  monotonic(): number
  /** Resolves after `ms`. Rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms` (also when 0: never synchronously). The returned function cancels; calling it twice is fine. */
  timer(ms: number, fn: () => void): Cancel
}

export type Cancel = () => void

/** `sleep` in terms of `timer`, shared by every clock. */
export function sleepWith(clock: Pick<Clock, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Kubernetes' metav1.Time: RFC 3339 in whole seconds, UTC. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** Kubernetes' metav1.MicroTime: RFC 3339 with six decimals, UTC. */
export function microTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`
}
