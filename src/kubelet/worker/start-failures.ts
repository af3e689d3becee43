import type { Container } from '../../api/types/core-v1.js'
import type { Waiting } from '../pods/status.js'
import type { StartFailure } from './pod-record.js'

/** What follows when something could not be started: tries further and further apart, and what the API shows between them. Pure. */
export const noFailures: ReadonlyMap<string, Waiting> = new Map()

/** Upstream's image back-off, which also bounds how soon other failures are tried again. */
const imageRetry = { firstMs: 10_000, lastMs: 300_000 }
/** Upstream's back-off of volume operations. */
export const mountRetry = { firstMs: 500, lastMs: 122_000 }
/** How long the failure itself is shown before the wait for the next try is. */
const shownMs = 5_000

export function startFailed(
  before: StartFailure | undefined,
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
  { firstMs, lastMs } = imageRetry,
): StartFailure {
  const failures = (before?.failures ?? 0) + 1
  const waitMs = Math.min(firstMs * 2 ** Math.min(failures - 1, 10), lastMs)
  return { reason, message, failures, failedAtMs: nowMs, retryAtMs: nowMs + waitMs, told: false }
}

/** What the API shows now, and when that changes. */
export function waitingOf(failure: StartFailure, container: Container, nowMs: number): { state: Waiting; atMs: number } {
  const { reason, message, failedAtMs, retryAtMs } = failure
  if (reason !== 'ErrImagePull') return { state: { reason, message }, atMs: retryAtMs }
  if (nowMs < failedAtMs + shownMs) return { state: { reason, message }, atMs: failedAtMs + shownMs }
  return {
    state: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${container.image}": ErrImagePull: ${message}` },
    atMs: retryAtMs,
  }
}
