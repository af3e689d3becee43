/**
 * What a call costs, in cel-go's units: one is about one plain operation. `actual` is reckoned while an expression runs, and stops
 * it at its limit; `estimate` is the worst that can happen, from the sizes that types allow, and refuses rules beforehand.
 */
import { isOptional, type Type } from './types.js'
import { CelOpaque, type CelValue, sizeOf } from './values.js'

export interface Range {
  readonly min: number
  /** Infinity: nothing is known. */
  readonly max: number
}

/** An argument as the estimate sees it. */
export interface CostedNode {
  readonly type: Type
  /** From the type, the literal or the schema; undefined when none of them says. */
  readonly size: Range | undefined
  /** The value of a literal. */
  readonly literal: CelValue | undefined
  /** An element of the list, when it is one. */
  element(): CostedNode | undefined
}

export interface CallEstimate {
  readonly cost: Range
  /** Of the result. */
  readonly size?: Range
}

export interface CallCost {
  /** Known from the arguments alone, and charged before the call: what grows faster than its arguments must not be begun. */
  readonly upfront?: true
  /** The receiver of a member is the first argument. */
  actual(args: readonly CelValue[], result: CelValue): number
  /** undefined: as any other call. */
  estimate(args: readonly CostedNode[]): CallEstimate | undefined
}

export const identCost = 1
export const listCost = 10
export const mapCost = 30
export const structCost = 40
/** Characters are cheap to go through; patterns are taken to have a state for every four characters. */
export const traversalFactor = 0.1
const patternFactor = 0.25

export const unknownSize: Range = { min: 0, max: Number.POSITIVE_INFINITY }
export const exactly = (n: number): Range => ({ min: n, max: n })
export const plus = (a: Range, b: Range): Range => ({ min: a.min + b.min, max: a.max + b.max })
/** Nothing taken any number of times is nothing. */
const product = (a: number, b: number) => (a === 0 || b === 0 ? 0 : a * b)
export const times = (a: Range, b: Range): Range => ({ min: product(a.min, b.min), max: product(a.max, b.max) })
export const scaled = (size: Range, factor: number): Range => ({
  min: Math.ceil(product(size.min, factor)),
  max: Math.ceil(product(size.max, factor)),
})
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) })

const sizeAt = (args: readonly CostedNode[], index: number): Range => args[index]?.size ?? unknownSize
const sizeOfArg = (args: readonly CelValue[], index: number): number => sizeOf(args[index] as CelValue)

/** The same whatever the arguments are. */
export const fixedCost = (cost: number): CallCost => ({ actual: () => cost, estimate: () => ({ cost: exactly(cost) }) })

/** Goes once through one argument, whose size the result has too when `keepsSize`. */
export const traversalCost = (index: number, { factor = traversalFactor, keepsSize = false } = {}): CallCost => ({
  actual: (args) => Math.ceil(sizeOfArg(args, index) * factor),
  estimate: (args) => {
    const size = sizeAt(args, index)
    return { cost: scaled(size, factor), ...(keepsSize ? { size } : {}) }
  },
})

/** Matching a text against a pattern of RE2. */
export const patternCost = (withSize = false): CallCost => ({
  actual: (args) => Math.ceil((1 + sizeOfArg(args, 0)) * traversalFactor) * Math.ceil(sizeOfArg(args, 1) * patternFactor),
  estimate: (args) => {
    const text = sizeAt(args, 0)
    const cost = times(scaled(plus(text, exactly(1)), traversalFactor), scaled(sizeAt(args, 1), patternFactor))
    return withSize ? { cost, size: { min: 0, max: text.max } } : { cost }
  },
})

export const containsCost: CallCost = {
  actual: (args) => Math.ceil(sizeOfArg(args, 0) * traversalFactor) * Math.ceil(sizeOfArg(args, 1) * traversalFactor),
  estimate: (args) => ({ cost: times(scaled(sizeAt(args, 0), traversalFactor), scaled(sizeAt(args, 1), traversalFactor)) }),
}

/** Equality of Kubernetes' own values is one step. */
export const equalityCost: CallCost = {
  actual: (args) => (args[0] instanceof CelOpaque ? 1 : comparisonCost.actual(args, null)),
  estimate: (args) => (args[0]?.type.kind === 'opaque' && !isOptional(args[0].type) ? { cost: exactly(1) } : comparisonCost.estimate(args)),
}

/** Two values side by side, up to the end of the shorter. */
export const comparisonCost: CallCost = {
  actual: (args) => Math.ceil(Math.min(sizeOfArg(args, 0), sizeOfArg(args, 1)) * traversalFactor),
  estimate: (args) => {
    const max = Math.min(sizeAt(args, 0).max, sizeAt(args, 1).max)
    return { cost: scaled({ min: max > 0 ? 1 : 0, max }, traversalFactor) }
  },
}

export const membershipCost: CallCost = {
  actual: (args) => sizeOfArg(args, 1),
  estimate: (args) => ({ cost: sizeAt(args, 1) }),
}

export const concatenationCost: CallCost = {
  actual: (args) => Math.ceil((sizeOfArg(args, 0) + sizeOfArg(args, 1)) * traversalFactor),
  estimate: (args) => {
    const size = plus(sizeAt(args, 0), sizeAt(args, 1))
    return { cost: scaled(size, traversalFactor), size }
  },
}

/** Lists are joined without being copied. */
export const listConcatenationCost: CallCost = {
  actual: () => 1,
  estimate: (args) => ({ cost: exactly(1), size: plus(sizeAt(args, 0), sizeAt(args, 1)) }),
}

/** Goes through one argument and makes something of another size. */
export const conversionCost = (resize: (size: Range) => Range): CallCost => ({
  actual: (args) => Math.ceil(sizeOfArg(args, 0) * traversalFactor),
  estimate: (args) => {
    const size = sizeAt(args, 0)
    return { cost: scaled(size, traversalFactor), size: resize(size) }
  },
})
