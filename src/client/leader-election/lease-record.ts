/** Who leads, as a Lease says it, and the next thing that a candidate should write. Pure. */
import type { Lease, LeaseSpec } from '../../api/types/coordination-v1.js'
import { microTimestamp } from '../../base/clock.js'

/** A lease as it was last seen to change, on the candidate's own monotonic clock: the times inside come from others' clocks. */
export interface Observed {
  readonly lease: Lease
  readonly atMs: number
}

export interface Candidate {
  readonly identity: string
  readonly leaseDurationMs: number
}

/** The observation after reading `lease`: its time moves only when the lease does. */
export function observe(before: Observed | undefined, lease: Lease, monotonicMs: number): Observed {
  const isSame = before !== undefined && JSON.stringify(before.lease.spec ?? {}) === JSON.stringify(lease.spec ?? {})
  return { lease, atMs: isSame ? before.atMs : monotonicMs }
}

export function holderOf(lease: Lease | undefined): string {
  return lease?.spec?.holderIdentity ?? ''
}

/** Its holder may still count on it: it was seen to change within the duration that it names. */
export function isHeld(observed: Observed, monotonicMs: number): boolean {
  return holderOf(observed.lease) !== '' && monotonicMs < freeAtMs(observed)
}

/** When the lease runs out if it is not seen to change. */
export function freeAtMs({ lease, atMs }: Observed): number {
  return atMs + (lease.spec?.leaseDurationSeconds ?? 0) * 1000
}

/** The spec by which the candidate takes the lease, or keeps it. */
export function heldSpec(candidate: Candidate, before: LeaseSpec | undefined, nowMs: number): LeaseSpec {
  const now = microTimestamp(nowMs)
  const isRenewal = before?.holderIdentity === candidate.identity
  const transitions = before?.leaseTransitions ?? 0
  return {
    ...before,
    holderIdentity: candidate.identity,
    leaseDurationSeconds: Math.floor(candidate.leaseDurationMs / 1000),
    acquireTime: isRenewal ? before.acquireTime : now,
    renewTime: now,
    leaseTransitions: isRenewal || before === undefined ? transitions : transitions + 1,
  }
}

/** The spec by which the holder lets go: free at once, and with a duration so short that nobody waits for it. */
export function releasedSpec(before: LeaseSpec | undefined, nowMs: number): LeaseSpec {
  const now = microTimestamp(nowMs)
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now }
}
