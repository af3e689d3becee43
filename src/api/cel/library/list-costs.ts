import { type CallCost, plus, scaled, times, traversalFactor, unknownSize } from '../cost.js'
import { CelList, CelMap, type CelValue } from '../values.js'

/** Everything in a value gone through once. */
export function wholeTraversal(value: CelValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.floor(value.length * traversalFactor)
  if (value instanceof CelList) return value.values().reduce((sum: number, each) => sum + wholeTraversal(each), 0)
  if (value instanceof CelMap)
    return value.keys().reduce((sum: number, key) => sum + wholeTraversal(key) + wholeTraversal(value.get(key) as CelValue), 0)
  return 1
}

/** Looks once at each element of a list (or at each character of a text), and compares it. */
export const indexCost: CallCost = {
  actual: (args) => wholeTraversal(args[0] as CelValue),
  estimate: ([of]) => {
    const size = of?.size ?? unknownSize
    const element = of?.element()
    if (!element) return { cost: scaled(size, traversalFactor) }
    const isText = element.type.kind === 'string' || element.type.kind === 'bytes'
    const one = { min: 1, max: 1 }
    return { cost: times(size, isText ? plus(one, scaled(element.size ?? unknownSize, traversalFactor)) : one) }
  },
}
