/** PodDisruptionBudgets (policy/v1). */
import type { PodDisruptionBudget } from '../../types/policy-v1.js'
import { statusNumbers } from '../core/workload-template.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { atMostAll, intOrPercentFaults } from '../numbers.js'
import { hasOddValues, labelSelectorFaults } from '../selectors.js'

const policies = new Set(['AlwaysAllow', 'IfHealthyBudget'])

function budgetFaults(faults: Faults, { spec = {} }: PodDisruptionBudget, old?: PodDisruptionBudget): void {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    faults.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')
  for (const [name, value] of [['minAvailable', minAvailable] as const, ['maxUnavailable', maxUnavailable] as const]) {
    intOrPercentFaults(faults, `spec.${name}`, value)
    atMostAll(faults, `spec.${name}`, value)
  }
  labelSelectorFaults(faults, 'spec.selector', selector, hasOddValues(old?.spec?.selector) ? { anyValue: true } : {})
  faults.optionalWord('spec.unhealthyPodEvictionPolicy', unhealthyPodEvictionPolicy, policies)
}

export const podDisruptionBudgetRules: KindRules<PodDisruptionBudget> = {
  create: (faults, budget) => budgetFaults(faults, budget),
  update: budgetFaults,
  status(faults, { status }) {
    if (status) statusNumbers(faults, status, 'disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods')
  },
}
