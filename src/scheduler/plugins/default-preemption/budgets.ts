import { labelSelectorOf, type Selector } from '../../../api/selectors/label.js'
import type { PodDisruptionBudget } from '../../../api/types/policy-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'

const selectors = new WeakMap<PodDisruptionBudget, Selector>()

/** Which of the pods, taken away one after the other, would break a disruption budget. */
export function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { breaking: readonly PodInfo[]; allowed: readonly PodInfo[] } {
  const left = budgets.map(({ status }) => status?.disruptionsAllowed ?? 0)
  const breaking: PodInfo[] = []
  const allowed: PodInfo[] = []
  for (const pod of pods) {
    let breaks = false
    for (const [i, budget] of budgets.entries()) {
      if (!protects(budget, pod)) continue
      left[i] = (left[i] as number) - 1
      if ((left[i] as number) < 0) breaks = true
    }
    ;(breaks ? breaking : allowed).push(pod)
  }
  return { breaking, allowed }
}

function protects(budget: PodDisruptionBudget, pod: PodInfo): boolean {
  if (budget.metadata.namespace !== pod.namespace || Object.keys(pod.labels).length === 0) return false
  let selector = selectors.get(budget)
  if (!selector) selectors.set(budget, (selector = labelSelectorOf(budget.spec?.selector)))
  if (selector.empty || !selector.matches(pod.labels)) return false
  // Its disruption has been counted already.
  return budget.status?.disruptedPods?.[pod.name] === undefined
}
