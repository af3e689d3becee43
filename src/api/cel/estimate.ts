/**
 * The worst that an expression can cost, before there is a value (cel-go's checker.Cost): sizes come from literals, from types and
 * from what the schema says of a path.
 */
import { accumulatorName, type Call, type Comprehension, type Expr, type Select } from './ast.js'
import type { Checked } from './checker.js'
import {
  type CallEstimate,
  type CostedNode,
  exactly,
  identCost,
  listCost,
  mapCost,
  plus,
  type Range,
  structCost,
  times,
  union,
  unknownSize,
} from './cost.js'
import { dynType, type Type } from './types.js'
import { CelDouble, type CelValue, textLength } from './values.js'

/** What the schema says of the size of a value: ["self", "spec", "@items"]. */
export type SizeHint = (path: readonly string[]) => Range | undefined

export function estimateCost(checked: Checked, hint: SizeHint = () => undefined): Range {
  return new Estimator(checked, hint).cost(checked.expr)
}

/** Sizes of what a list or map holds. */
interface EntrySize {
  readonly of: 'list' | 'map'
  readonly key: Range
  readonly value: Range
}

interface Local {
  readonly path: readonly string[] | undefined
  readonly size: Range | undefined
  readonly entries: EntrySize | undefined
}

const nothing = exactly(0)
const unlimited: Range = { min: Number.POSITIVE_INFINITY, max: 0 }

const joinEntries = (a: EntrySize | undefined, b: EntrySize | undefined): EntrySize | undefined =>
  a && b && { of: a.of, key: union(a.key, b.key), value: union(a.value, b.value) }

class Estimator {
  readonly #checked: Checked
  readonly #hint: SizeHint
  readonly #paths = new Map<Expr, readonly string[]>()
  readonly #sizes = new Map<Expr, Range>()
  readonly #entries = new Map<Expr, EntrySize>()
  readonly #locals = new Map<string, Local[]>()

  constructor(checked: Checked, hint: SizeHint) {
    this.#checked = checked
    this.#hint = hint
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return nothing
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? (this.#local(expr.name) ? [] : [expr.name]))
        return exactly(identCost)
      case 'select':
        return this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list': {
        const parts = expr.elements.map((each) => this.cost(each))
        const value = expr.elements.length === 0 ? nothing : expr.elements.map((each) => this.#sizeOrUnknown(each)).reduce(union, unlimited)
        this.#entries.set(expr, { of: 'list', key: exactly(1), value })
        return parts.reduce(plus, exactly(listCost))
      }
      case 'map': {
        const parts = expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)])
        const sizes = (which: 'key' | 'value') =>
          expr.entries.length === 0 ? nothing : expr.entries.map((each) => this.#sizeOrUnknown(each[which])).reduce(union, unlimited)
        this.#entries.set(expr, { of: 'map', key: sizes('key'), value: sizes('value') })
        return parts.reduce(plus, exactly(mapCost))
      }
      case 'struct':
        return expr.fields.map(({ value }) => this.cost(value)).reduce(plus, exactly(structCost))
      case 'comprehension':
        return isBinding(expr) ? this.#binding(expr) : this.#comprehension(expr)
    }
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1)
  }

  #push(name: string, local: Local): void {
    const found = this.#locals.get(name)
    if (found) found.push(local)
    else this.#locals.set(name, [local])
  }

  #pop(name: string): void {
    this.#locals.get(name)?.pop()
  }

  #select(expr: Select): Range {
    const operand = this.cost(expr.operand)
    // A test of presence costs nothing beyond what it is asked of (Kubernetes keeps cel-go's first reckoning).
    if (expr.test) return operand
    this.#paths.set(expr, [...(this.#paths.get(expr.operand) ?? []), expr.field])
    const { kind } = this.#checked.typeOf(expr.operand)
    return kind === 'map' || kind === 'object' || kind === 'parameter' ? plus(operand, exactly(identCost)) : operand
  }

  #call(expr: Call): Range {
    if (expr.fn === 'dyn' && expr.args[0]) {
      const inner = this.cost(expr.args[0])
      this.#copySizes(expr, expr.args[0])
      return plus(inner, exactly(1))
    }
    const reference = this.#checked.referenceOf(expr)
    if (expr.fn === '_?._') return plus(this.cost(expr.args[0] as Expr), exactly(1))
    if (reference?.kind !== 'function') return nothing
    const parts = expr.target && !reference.isGlobal ? [expr.target, ...expr.args] : expr.args
    const costs = parts.map((each) => this.cost(each))
    const nodes = parts.map((each) => this.#node(each))
    let cost = unlimited
    let size: Range | undefined
    for (const overload of reference.overloads) {
      const estimate = this.#special(expr, parts, costs) ?? this.#plain(overload.cost?.estimate(nodes), costs)
      cost = union(cost, estimate.cost)
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size
      if (expr.fn === '_[_]') size = this.#index(expr, parts[0] as Expr, overload.id === 'index_map' ? '@values' : '@items')
      if (expr.fn === '_+_') this.#setEntries(expr, joinEntries(this.#entrySize(parts[0] as Expr), this.#entrySize(parts[1] as Expr)))
      size ??= this.#size(expr)
    }
    if (size) this.#sizes.set(expr, size)
    return cost
  }

  #plain(estimate: CallEstimate | undefined, costs: readonly Range[]): CallEstimate {
    const own = estimate ?? { cost: exactly(1) }
    return { ...own, cost: costs.reduce(plus, own.cost) }
  }

  /** Calls that do not always look at all of their arguments. */
  #special(expr: Call, parts: readonly Expr[], costs: readonly Range[]): CallEstimate | undefined {
    const [first = nothing, second = nothing, third = nothing] = costs
    if (expr.fn === '_&&_' || expr.fn === '_||_') return { cost: { min: first.min, max: plus(first, second).max } }
    if (expr.fn !== '_?_:_') return undefined
    const [, yes, no] = parts as [Expr, Expr, Expr]
    this.#setEntries(expr, joinEntries(this.#entrySize(yes), this.#entrySize(no)))
    return { cost: plus(first, union(second, third)), size: union(this.#sizeOrUnknown(yes), this.#sizeOrUnknown(no)) }
  }

  #index(expr: Call, of: Expr, step: string): Range | undefined {
    this.#paths.set(expr, [...(this.#paths.get(of) ?? []), step])
    return this.#entrySize(of)?.value
  }

  #comprehension(expr: Comprehension): Range {
    let sum = plus(this.cost(expr.range), this.cost(expr.init))
    this.#push(expr.accumulator, {
      path: this.#paths.get(expr.init),
      size: this.#size(expr.init),
      entries: this.#entrySize(expr.init),
    })
    const entries = this.#entrySize(expr.range)
    const isList = entries ? entries.of === 'list' : this.#checked.typeOf(expr.range).kind === 'list'
    const below = (step: string) => [...(this.#paths.get(expr.range) ?? []), step]
    const key: Local = { path: below(isList ? '@indices' : '@keys'), size: entries?.key, entries: undefined }
    const value: Local = { path: below(isList ? '@items' : '@values'), size: entries?.value, entries: undefined }
    this.#push(expr.first, expr.second === undefined ? (isList ? value : key) : key)
    if (expr.second !== undefined) this.#push(expr.second, value)
    const condition = this.cost(expr.condition)
    const step = this.cost(expr.step)
    this.#pop(expr.first)
    if (expr.second !== undefined) this.#pop(expr.second)
    sum = plus(sum, this.cost(expr.result))
    this.#pop(expr.accumulator)
    const count = this.#sizeOrUnknown(expr.range)
    if (expr.init.kind === 'literal') {
      const size = this.#size(expr.init)
      if (size) this.#sizes.set(expr, size)
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#sizes.set(expr, count)
      this.#setEntries(expr, this.#entrySize(expr.step))
    }
    return plus(sum, times(count, plus(condition, step)))
  }

  #binding(expr: Comprehension): Range {
    const sum = plus(this.cost(expr.range), this.cost(expr.init))
    const { init } = expr
    this.#push(expr.accumulator, { path: this.#paths.get(init), size: this.#size(init), entries: this.#entrySize(init) })
    const result = this.cost(expr.result)
    this.#pop(expr.accumulator)
    this.#copySizes(expr, expr.result)
    return plus(sum, result)
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#size(from)
    if (size) this.#sizes.set(to, size)
    this.#setEntries(to, this.#entrySize(from))
  }

  #setEntries(expr: Expr, entries: EntrySize | undefined): void {
    if (entries) this.#entries.set(expr, entries)
  }

  #entrySize(expr: Expr): EntrySize | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined)
  }

  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownSize
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr)
    if (known) return known
    const hinted = this.#hinted(this.#paths.get(expr))
    if (hinted) {
      this.#sizes.set(expr, hinted)
      return hinted
    }
    if (isScalar(this.#checked.typeOf(expr))) return exactly(1)
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined
  }

  #hinted(path: readonly string[] | undefined): Range | undefined {
    return path && path.length > 0 && path[0] !== accumulatorName ? this.#hint(path) : undefined
  }

  #node(expr: Expr): CostedNode {
    const type = this.#checked.typeOf(expr)
    return {
      type,
      size: this.#size(expr),
      literal: expr.kind === 'literal' ? (expr.value as CelValue) : undefined,
      element: () => this.#element(type, this.#paths.get(expr)),
    }
  }

  #element(type: Type, path: readonly string[] | undefined): CostedNode | undefined {
    if (type.kind !== 'list') return undefined
    const { element } = type
    const inner = path && path.length > 0 ? [...path, '@items'] : undefined
    return { type: element, size: this.#hinted(inner), literal: undefined, element: () => this.#element(element, inner) }
  }
}

function isBinding({ range, condition, accumulator }: Comprehension): boolean {
  const isEmpty = range.kind === 'list' && range.elements.length === 0
  return isEmpty && condition.kind === 'literal' && condition.value === false && accumulator !== accumulatorName
}

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return exactly(expr.elements.length)
  if (expr.kind === 'map') return exactly(expr.entries.length)
  if (expr.kind !== 'literal') return undefined
  const { value } = expr
  if (typeof value === 'string') return exactly(textLength(value))
  if (value instanceof Uint8Array) return exactly(value.length)
  return value instanceof CelDouble || value !== undefined ? exactly(1) : undefined
}

const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint'])

function isScalar(type: Type): boolean {
  if (type.kind === 'opaque' && type.name === 'optional_type') return isScalar(type.parameters[0] ?? dynType)
  return scalars.has(type.kind)
}
