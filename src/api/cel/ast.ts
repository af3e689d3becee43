/** Expressions as the parser makes them; macros are already spelled out as comprehensions. */
import type { CelDouble, CelInt, CelUint } from './values.js'

interface Node {
  /** Offset in the source, in UTF-16 units. */
  readonly at: number
}
export interface Literal extends Node {
  readonly kind: 'literal'
  readonly value: boolean | CelInt | string | null | CelDouble | CelUint | Uint8Array
}
export interface Ident extends Node {
  readonly kind: 'ident'
  /** With a leading dot when it is meant from the root. */
  readonly name: string
}
export interface Select extends Node {
  readonly kind: 'select'
  readonly operand: Expr
  readonly field: string
  /** has(operand.field) */
  readonly test: boolean
}
export interface Call extends Node {
  readonly kind: 'call'
  readonly fn: string
  readonly target: Expr | undefined
  readonly args: readonly Expr[]
}
export interface ListExpr extends Node {
  readonly kind: 'list'
  readonly elements: readonly Expr[]
  /** Indexes of elements that are left out when they are optional.none(). */
  readonly optional: ReadonlySet<number>
}
export interface MapEntry {
  readonly key: Expr
  readonly value: Expr
  readonly optional: boolean
}
export interface MapExpr extends Node {
  readonly kind: 'map'
  readonly entries: readonly MapEntry[]
}
export interface StructField extends Node {
  readonly name: string
  readonly value: Expr
  readonly optional: boolean
}
export interface StructExpr extends Node {
  readonly kind: 'struct'
  readonly type: string
  readonly fields: readonly StructField[]
}
export interface Comprehension extends Node {
  readonly kind: 'comprehension'
  readonly range: Expr
  /** The element or key; with `second`, the index or key. */
  readonly first: string
  readonly second: string | undefined
  readonly accumulator: string
  readonly init: Expr
  readonly condition: Expr
  readonly step: Expr
  readonly result: Expr
}
export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension

/** Its name cannot be written in an expression. */
export const accumulatorName = '@result'

/** "a.b.c" of an expression that may be a qualified name. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name
  if (expr.kind !== 'select' || expr.test) return undefined
  const start = qualifiedName(expr.operand)
  return start === undefined ? undefined : `${start}.${expr.field}`
}

export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand]
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args
    case 'list':
      return expr.elements
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value])
    case 'struct':
      return expr.fields.map(({ value }) => value)
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result]
    default:
      return []
  }
}
