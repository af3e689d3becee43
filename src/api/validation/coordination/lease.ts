/** Leases (coordination.k8s.io/v1). */
import type { Lease } from '../../types/coordination-v1.js'
import type { Faults } from '../faults.js'
import { sameRules } from '../kind-rules.js'
import { isDomainPrefixedPath } from '../names.js'

const strategies = new Set(['OldestEmulationVersion'])

function leaseFaults(faults: Faults, { spec = {} }: Lease): void {
  const { leaseDurationSeconds: duration, leaseTransitions, strategy, preferredHolder } = spec
  if (duration !== undefined && duration <= 0) faults.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0')
  faults.nonNegative('spec.leaseTransitions', leaseTransitions)
  if (strategy !== undefined && !strategies.has(strategy) && !isDomainPrefixedPath(strategy))
    faults.notSupported('spec.strategy', strategy, strategies)
  if (preferredHolder && !strategy) faults.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined')
}

export const leaseRules = sameRules(leaseFaults)
