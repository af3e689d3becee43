/** Prefers nodes whose resources would be taken in like shares: one that is out of memory wastes its cpus. */
import { hints, type Plugin, scoreMax } from '../../framework/plugin.js'
import { defaultResources, plainInput, type ResourceWeight } from './scoring.js'

export interface BalancedAllocationArgs {
  readonly resources?: readonly ResourceWeight[]
}

export function balancedAllocation({ resources = defaultResources }: BalancedAllocationArgs = {}): Plugin {
  return {
    name: 'NodeResourcesBalancedAllocation',
    events: hints({}),
    score(pod, slots, { nodes }, into) {
      const inputs = resources.flatMap(({ name, weight = 1 }) => plainInput(name, weight, pod, nodes))
      // A pod that asks for nothing would be drawn to one node again and again (kubernetes#129138).
      if (inputs.every(({ own }) => own === 0)) return false
      const fractions = new Float64Array(inputs.length)
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i] as number
        let count = 0
        for (const { allocatable, requested, own } of inputs) {
          const has = allocatable[slot] as number
          if (has > 0) fractions[count++] = Math.min(1, ((requested[slot] as number) + own) / has)
        }
        into[i] = Math.floor((1 - deviation(fractions, count)) * scoreMax)
      }
      return true
    },
  }
}

function deviation(values: Float64Array, count: number): number {
  if (count < 2) return 0
  if (count === 2) return Math.abs((values[0] as number) - (values[1] as number)) / 2
  let mean = 0
  for (let i = 0; i < count; i++) mean += values[i] as number
  mean /= count
  let sum = 0
  for (let i = 0; i < count; i++) sum += ((values[i] as number) - mean) ** 2
  return Math.sqrt(sum / count)
}
