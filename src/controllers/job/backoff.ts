/** How long a Job waits before it replaces a failed pod: 10 s, 20 s, 40 s ... 10 min after the failure (Job API, backoffLimit). */
import type { Pod } from '../../api/types/core-v1.js'
import { finishedAtMs } from './job-pods.js'

const firstMs = 10_000
const longestMs = 10 * 60_000

/** The failures since the last success. */
export interface Failures {
  readonly count: number
  readonly lastMs: number
}

export const noFailures: Failures = { count: 0, lastMs: 0 }

/** After a number of failures in a row, the last of them then. */
export function remainingMs({ count, lastMs }: Failures, nowMs: number): number {
  if (count === 0) return 0
  const waitMs = Math.min(firstMs * 2 ** Math.min(count - 1, 30), longestMs)
  return Math.max(0, lastMs + waitMs - nowMs)
}

/** The failures with those of pods that have newly ended. A success forgets what failed before it. */
export function withEnded(before: Failures, succeeded: readonly Pod[], failed: readonly Pod[]): Failures {
  if (succeeded.length === 0 && failed.length === 0) return before
  const failedMs = failed.map(finishedAtMs)
  if (succeeded.length === 0) return { count: before.count + failed.length, lastMs: failedMs.reduce((a, b) => Math.max(a, b), 0) }
  const successMs = succeeded.map(finishedAtMs).reduce((a, b) => Math.max(a, b), 0)
  const since = failedMs.filter((ms) => ms >= successMs)
  return since.length === 0 ? noFailures : { count: since.length, lastMs: since.reduce((a, b) => Math.max(a, b), 0) }
}
