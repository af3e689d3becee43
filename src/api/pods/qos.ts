import { amountOf, type Amount, addAmounts, compareAmounts } from '../resource-usage/amount.js'
import type { Pod, PodStatus, ResourceRequirements } from '../types/core-v1.js'

type QosClass = NonNullable<PodStatus['qosClass']>
const counted = ['cpu', 'memory'] as const

/**
 * The quality-of-service class: Guaranteed when every container limits cpu and memory and asks for just that, BestEffort
 * when none asks for anything, Burstable else. Resources of the pod itself take the containers' place (KEP-2837). Pure.
 */
export function qosClassOf(pod: Pod): QosClass {
  const { spec } = pod
  const own = spec?.resources
  const parts: (ResourceRequirements | undefined)[] = own && (own.requests || own.limits) ? [own] : containersOf(pod)
  const requests = new Map<string, Amount>()
  const limits = new Map<string, Amount>()
  let guaranteed = true
  for (const part of parts) {
    const found = new Set<string>()
    for (const name of counted) {
      addPositive(requests, name, part?.requests?.[name])
      if (addPositive(limits, name, part?.limits?.[name])) found.add(name)
    }
    if (found.size < counted.length) guaranteed = false
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort'
  const equal = requests.size === limits.size && [...requests].every(([name, request]) => sameAmount(request, limits.get(name)))
  return guaranteed && equal ? 'Guaranteed' : 'Burstable'
}

function containersOf({ spec }: Pod): (ResourceRequirements | undefined)[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((container) => container.resources)
}

/** Adds to the sum; false for what is absent or zero. */
function addPositive(sums: Map<string, Amount>, name: string, text: string | undefined): boolean {
  const amount = amountOf(text)
  if (amount.nanos <= 0n) return false
  const sum = sums.get(name)
  sums.set(name, sum ? addAmounts(sum, amount) : amount)
  return true
}

function sameAmount(a: Amount, b: Amount | undefined): boolean {
  return b !== undefined && compareAmounts(a, b) === 0
}
