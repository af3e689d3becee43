import type { Clock } from '../base/clock.js'
import type { LeaseId, Store } from '../storage/store.js'

/** Objects that may share one lease, and for how long new ones join it: a lease a key would cost the store too much (as upstream). */
const objectsMax = 1000
const joinMs = 60_000

/** Leases for objects that live for a time (events). An object may live up to a minute longer than it asks for. */
export function sharedLeases(store: Store, clock: Clock): (ttlSeconds: number) => Promise<LeaseId> {
  const open = new Map<number, { lease: Promise<LeaseId>; objects: number; untilMs: number }>()
  return (ttlSeconds) => {
    const current = open.get(ttlSeconds)
    if (current && current.objects < objectsMax && clock.monotonic() < current.untilMs) {
      current.objects++
      return current.lease
    }
    const lease = store.grantLease(ttlSeconds + joinMs / 1000)
    open.set(ttlSeconds, { lease, objects: 1, untilMs: clock.monotonic() + joinMs })
    // A grant that failed is not for others to find.
    lease.catch(() => open.delete(ttlSeconds))
    return lease
  }
}
