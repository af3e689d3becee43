/**
 * Checked expressions → closures. What can be known beforehand (which overload, which slot a name has) is decided once; a closure
 * evaluates its parts and computes. Every step is charged to the frame, which ends the evaluation at its limit.
 */
import { fieldOf, hasField, indexOf, optionalField, optionalIndex } from './access.js'
import {
  accumulatorName,
  type Call,
  type Comprehension,
  type Expr,
  type ListExpr,
  type MapExpr,
  type Select,
  type StructExpr,
} from './ast.js'
import type { Checked } from './checker.js'
import { identCost, listCost, mapCost, structCost } from './cost.js'
import { accepts, noSuchOverload, type Overload, type StructDeclaration } from './functions.js'
import { isDynamic } from './types.js'
import { ArrayList, CelError, CelList, CelMap, CelOptional, type CelValue, KeyedMap } from './values.js'

/** One evaluation. */
export class Frame {
  cost = 0
  constructor(
    readonly slots: CelValue[],
    readonly costLimit: number,
  ) {}

  charge(cost: number): void {
    this.cost += cost
    if (this.cost > this.costLimit) throw new CostExceeded()
  }
}

/** Ends an evaluation whatever stands around it: no `||` makes up for it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded')
  }
}

export type Code = (frame: Frame) => CelValue

export interface CompileDeps {
  readonly checked: Checked
  /** Overloads by name, for calls that nobody has checked. */
  overloads(name: string): readonly Overload[]
  constant(name: string): CelValue | undefined
  struct(name: string): StructDeclaration | undefined
}

export interface Compiled {
  readonly code: Code
  /** The environment's variables in the order of their slots, which are the first ones. */
  readonly variables: readonly string[]
  /** All slots, those of loops included. */
  readonly slots: number
}

export function compile(deps: CompileDeps): Compiled {
  const compiler = new Compiler(deps)
  const code = compiler.compile(deps.checked.expr)
  return { code, variables: compiler.variables, slots: compiler.slots }
}

class Compiler {
  readonly #deps: CompileDeps
  readonly variables: string[] = []
  readonly #globals = new Map<string, { slot: number }>()
  readonly #locals: Map<string, { slot: number }>[] = []
  readonly #loopSlots: { slot: number }[] = []
  /** The accumulators of loops that gather into a list or map of their own. */
  readonly #gathering = new Set<string>()

  constructor(deps: CompileDeps) {
    this.#deps = deps
  }

  get slots(): number {
    return this.variables.length + this.#loopSlots.length
  }

  compile(expr: Expr): Code {
    const reference = this.#deps.checked.referenceOf(expr)
    if (reference?.kind === 'constant') return constant(reference.value)
    switch (expr.kind) {
      case 'literal':
        return constant(expr.value)
      case 'ident':
        return this.#name(reference?.kind === 'variable' ? reference.name : expr.name)
      case 'select':
        return reference?.kind === 'variable' ? this.#name(reference.name) : this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'comprehension':
        return this.#comprehension(expr)
    }
  }

  /** Slots of variables come first, and are numbered as they are met; those of loops are counted from the end. */
  #name(name: string): Code {
    for (let i = this.#locals.length - 1; i >= 0; i--) {
      const local = this.#locals[i]?.get(name)
      if (local) return this.#load(local)
    }
    const plain = name.replace(/^\./, '')
    let found = this.#globals.get(plain)
    if (!found) {
      const known = this.#deps.constant(plain)
      if (known !== undefined) return constant(known)
      found = { slot: this.variables.length }
      this.variables.push(plain)
      this.#globals.set(plain, found)
    }
    return this.#load(found)
  }

  #load({ slot }: { readonly slot: number }): Code {
    if (slot >= 0)
      return (frame) => {
        frame.cost += identCost
        return frame.slots[slot] as CelValue
      }
    return (frame) => {
      frame.cost += identCost
      return frame.slots[frame.slots.length + slot] as CelValue
    }
  }

  #newSlot(): { slot: number } {
    const slot = { slot: -1 - this.#loopSlots.length }
    this.#loopSlots.push(slot)
    return slot
  }

  #select({ operand, field, test }: Select): Code {
    const of = this.compile(operand)
    if (test) return (frame) => hasField(of(frame), field)
    return (frame) => {
      const value = of(frame)
      frame.cost += identCost
      return fieldOf(value, field)
    }
  }

  #call(expr: Call): Code {
    switch (expr.fn) {
      case '_&&_':
        return and(this.compile(expr.args[0] as Expr), this.compile(expr.args[1] as Expr))
      case '_||_':
        return or(this.compile(expr.args[0] as Expr), this.compile(expr.args[1] as Expr))
      case '_?_:_':
        return conditional(...(expr.args.map((each) => this.compile(each)) as [Code, Code, Code]))
      case '@not_strictly_false':
        return notStrictlyFalse(this.compile(expr.args[0] as Expr))
      case '_?._':
        return this.#optionalSelect(expr)
      case '_[_]':
        return this.#index(expr, indexOf)
      case '_[?_]':
        return this.#index(expr, optionalIndex)
      case '_+_':
      case 'cel.@mapInsert':
        return this.#gather(expr) ?? this.#function(expr)
      case 'or':
      case 'orValue':
        return (expr.target && expr.args.length === 1 && this.#otherwise(expr, expr.target)) || this.#function(expr)
      default:
        return this.#function(expr)
    }
  }

  #optionalSelect({ args: [operand, field] }: Call): Code {
    const of = this.compile(operand as Expr)
    const name = field?.kind === 'literal' ? String(field.value) : ''
    return (frame) => {
      const value = of(frame)
      frame.cost += identCost
      return value instanceof CelError ? value : optionalField(value, name)
    }
  }

  #index({ args }: Call, read: (value: CelValue, index: CelValue) => CelValue): Code {
    const [of, at] = args.map((each) => this.compile(each)) as [Code, Code]
    return (frame) => {
      const value = of(frame)
      if (value instanceof CelError) return value
      const index = at(frame)
      frame.cost += identCost
      return index instanceof CelError ? index : read(value, index)
    }
  }

  /** a.or(b), a.orValue(b): b is looked at only when a has nothing. */
  #otherwise({ fn, args }: Call, target: Expr): Code {
    const first = this.compile(target)
    const second = this.compile(args[0] as Expr)
    const unwrap = fn === 'orValue'
    return (frame) => {
      const value = first(frame)
      if (value instanceof CelError) return value
      if (!(value instanceof CelOptional)) return noSuchOverload
      frame.charge(1)
      if (value.value === undefined) return second(frame)
      return unwrap ? value.value : value
    }
  }

  #function(expr: Call): Code {
    const { checked } = this.#deps
    const reference = checked.referenceOf(expr)
    const isFunction = reference?.kind === 'function'
    const parts = expr.target && !(isFunction && reference.isGlobal) ? [expr.target, ...expr.args] : expr.args
    const overloads = isFunction
      ? reference.overloads
      : this.#deps.overloads(expr.fn).filter((each) => each.args.length === parts.length && each.member === (expr.target !== undefined))
    const args = parts.map((each) => this.compile(each))
    const [only] = overloads
    if (only && overloads.length === 1 && isFunction && parts.every((each) => !isDynamic(checked.typeOf(each))))
      return apply(args, () => only)
    return apply(args, dispatch(overloads))
  }

  /** `accumulator + [element]` of a macro: the list belongs to the loop alone, so it grows in place. */
  #gather(expr: Call): Code | undefined {
    const [into, ...more] = expr.args
    if (into?.kind !== 'ident' || !this.#gathering.has(into.name)) return undefined
    const target = this.#name(into.name)
    if (expr.fn === 'cel.@mapInsert')
      return more.length === 2 ? insertInto(target, more.map((each) => this.compile(each)) as [Code, Code]) : undefined
    const [added] = more
    if (added?.kind !== 'list' || added.elements.length !== 1) return undefined
    const element = this.compile(added.elements[0] as Expr)
    return (frame) => {
      const list = target(frame)
      if (!(list instanceof ArrayList)) return list
      const value = element(frame)
      if (value instanceof CelError) return value
      frame.charge(listCost + 1)
      list.items.push(value)
      return list
    }
  }

  #list({ elements, optional }: ListExpr): Code {
    const parts = elements.map((each) => this.compile(each))
    return (frame) => {
      const items: CelValue[] = []
      frame.cost += listCost
      for (let i = 0; i < parts.length; i++) {
        let value = (parts[i] as Code)(frame)
        if (value instanceof CelError) return value
        if (optional.has(i)) {
          if (!(value instanceof CelOptional)) return noSuchOverload
          if (value.value === undefined) continue
          value = value.value
        }
        items.push(value)
      }
      return new ArrayList(items)
    }
  }

  #map({ entries }: MapExpr): Code {
    const parts = entries.map(({ key, value, optional }) => ({ key: this.compile(key), value: this.compile(value), optional }))
    return (frame) => {
      const map = new KeyedMap()
      frame.cost += mapCost
      for (const part of parts) {
        const key = part.key(frame)
        if (key instanceof CelError) return key
        let value = part.value(frame)
        if (value instanceof CelError) return value
        if (!isMapKey(key)) return new CelError('unsupported key type')
        if (map.has(key)) return new CelError(`Failed with repeated key: ${String(key)}`)
        if (part.optional) {
          if (!(value instanceof CelOptional)) return noSuchOverload
          if (value.value === undefined) continue
          value = value.value
        }
        map.set(key, value)
      }
      return map
    }
  }

  #struct(expr: StructExpr): Code {
    const reference = this.#deps.checked.referenceOf(expr)
    const struct = reference?.kind === 'struct' ? reference.struct : this.#deps.struct(expr.type)
    const parts = expr.fields.map(({ name, value, optional }) => ({ name, value: this.compile(value), optional }))
    if (!struct) return constant(new CelError(`unknown type: ${expr.type}`))
    return (frame) => {
      frame.cost += structCost
      const fields = new Map<string, CelValue>()
      for (const part of parts) {
        let value = part.value(frame)
        if (value instanceof CelError) return value
        if (part.optional) {
          if (!(value instanceof CelOptional)) return noSuchOverload
          if (value.value === undefined) continue
          value = value.value
        }
        fields.set(part.name, value)
      }
      return struct.create(fields)
    }
  }

  #comprehension(expr: Comprehension): Code {
    const range = this.compile(expr.range)
    const init = this.compile(expr.init)
    const [accumulator, first, second] = [this.#newSlot(), this.#newSlot(), expr.second === undefined ? undefined : this.#newSlot()]
    const wasGathering = this.#gathering.has(expr.accumulator)
    const { init: start } = expr
    const isEmpty = (start.kind === 'list' && start.elements.length === 0) || (start.kind === 'map' && start.entries.length === 0)
    if (isEmpty && expr.accumulator === accumulatorName) this.#gathering.add(expr.accumulator)
    else this.#gathering.delete(expr.accumulator)
    this.#locals.push(new Map([[expr.accumulator, accumulator]]))
    const names = new Map([[expr.first, first]])
    if (second && expr.second !== undefined) names.set(expr.second, second)
    this.#locals.push(names)
    const condition = this.compile(expr.condition)
    const step = this.compile(expr.step)
    this.#locals.pop()
    if (wasGathering) this.#gathering.add(expr.accumulator)
    else this.#gathering.delete(expr.accumulator)
    const result = this.compile(expr.result)
    this.#locals.pop()
    return loop({ range, init, condition, step, result, slots: [accumulator.slot, first.slot, second?.slot] })
  }
}

interface LoopCode {
  readonly range: Code
  readonly init: Code
  readonly condition: Code
  readonly step: Code
  readonly result: Code
  readonly slots: readonly [accumulator: number, first: number, second: number | undefined]
}

function loop({ range, init, condition, step, result, slots: [accumulatorFromEnd, firstFromEnd, secondFromEnd] }: LoopCode): Code {
  return (frame) => {
    const over = range(frame)
    if (over instanceof CelError) return over
    const { slots } = frame
    const accumulator = slots.length + accumulatorFromEnd
    const first = slots.length + firstFromEnd
    const second = secondFromEnd === undefined ? undefined : slots.length + secondFromEnd
    slots[accumulator] = init(frame)
    const keys = over instanceof CelMap ? over.keys() : undefined
    if (!keys && !(over instanceof CelList)) return noSuchOverload
    const size = keys ? keys.length : (over as CelList).size
    for (let i = 0; i < size; i++) {
      if (second === undefined) slots[first] = keys ? (keys[i] as CelValue) : (over as CelList).at(i)
      else {
        slots[first] = keys ? (keys[i] as CelValue) : i
        slots[second] = keys ? ((over as CelMap).get(keys[i] as CelValue) as CelValue) : (over as CelList).at(i)
      }
      if (condition(frame) === false) break
      slots[accumulator] = step(frame)
      frame.charge(0)
    }
    return result(frame)
  }
}

const constant =
  (value: CelValue): Code =>
  () =>
    value

function and(left: Code, right: Code): Code {
  return (frame) => {
    const a = left(frame)
    if (a === false) return false
    const b = right(frame)
    if (b === false) return false
    if (a === true && b === true) return true
    return a instanceof CelError ? a : b instanceof CelError ? b : noSuchOverload
  }
}

function or(left: Code, right: Code): Code {
  return (frame) => {
    const a = left(frame)
    if (a === true) return true
    const b = right(frame)
    if (b === true) return true
    if (a === false && b === false) return false
    return a instanceof CelError ? a : b instanceof CelError ? b : noSuchOverload
  }
}

function conditional(condition: Code, yes: Code, no: Code): Code {
  return (frame) => {
    const value = condition(frame)
    if (value === true) return yes(frame)
    if (value === false) return no(frame)
    return value instanceof CelError ? value : noSuchOverload
  }
}

function notStrictlyFalse(of: Code): Code {
  return (frame) => {
    const value = of(frame)
    frame.cost += 1
    return value !== false
  }
}

function insertInto(target: Code, [keyOf, valueOf]: [Code, Code]): Code {
  return (frame) => {
    const map = target(frame)
    if (!(map instanceof KeyedMap)) return map
    const key = keyOf(frame)
    if (key instanceof CelError) return key
    const value = valueOf(frame)
    if (value instanceof CelError) return value
    frame.charge(1)
    if (!isMapKey(key)) return new CelError('unsupported key type')
    if (map.has(key)) return new CelError(`insert failed: key ${String(key)} already exists`)
    map.set(key, value)
    return map
  }
}

function isMapKey(key: CelValue): boolean {
  return typeof key === 'string' || typeof key === 'boolean' || accepts({ kind: 'int' })(key) || accepts({ kind: 'uint' })(key)
}

type Choose = (...args: CelValue[]) => Overload | undefined

function dispatch(overloads: readonly Overload[]): Choose {
  const guarded = overloads.map((overload) => ({ overload, guards: overload.args.map(accepts) }))
  return (...args) => guarded.find(({ guards }) => guards.every((guard, i) => guard(args[i] as CelValue)))?.overload
}

/** Calls the chosen overload with what its arguments are, unless one is an error. */
function apply(args: readonly Code[], choose: Choose): Code {
  const [first, second] = args
  if (first && args.length === 1)
    return (frame) => {
      const a = first(frame)
      return a instanceof CelError ? a : run(frame, choose(a), a)
    }
  if (first && second && args.length === 2)
    return (frame) => {
      const a = first(frame)
      if (a instanceof CelError) return a
      const b = second(frame)
      return b instanceof CelError ? b : run(frame, choose(a, b), a, b)
    }
  return (frame) => {
    const values: CelValue[] = []
    for (const arg of args) {
      const value = arg(frame)
      if (value instanceof CelError) return value
      values.push(value)
    }
    return run(frame, choose(...values), ...values)
  }
}

function run(frame: Frame, overload: Overload | undefined, ...args: CelValue[]): CelValue {
  if (!overload) return noSuchOverload
  const call = overload.call as (...args: CelValue[]) => CelValue
  if (overload.cost?.upfront) {
    frame.charge(overload.cost.actual(args, null))
    return call(...args)
  }
  const result = args.length === 2 ? call(args[0] as CelValue, args[1] as CelValue) : call(...args)
  frame.charge(overload.cost ? overload.cost.actual(args, result) : 1)
  return result
}
