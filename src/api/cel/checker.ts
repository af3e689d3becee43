/**
 * Gives every part of an expression its type and every name its meaning (cel-spec "Gradual Type Checking"): what cannot be right
 * is told before it runs, and what remains to be found out at run time is known to be dyn.
 */
import { type Call, type Comprehension, type Expr, type MapExpr, qualifiedName, type Select, type StructExpr } from './ast.js'
import type { FunctionDeclaration, Overload, StructDeclaration } from './functions.js'
import type { Issue } from './issue.js'
import {
  boolType,
  bytesType,
  doubleType,
  dynType,
  errorType,
  intType,
  isDynamic,
  isOptional,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  sameType,
  stringType,
  type Type,
  typeOf,
  typeText,
  uintType,
} from './types.js'
import { Substitution } from './unify.js'
import { CelDouble, CelUint, type CelValue } from './values.js'

/** What the checker knows besides the expression. */
export interface Declarations {
  variable(name: string): Type | undefined
  /** A name that stands for a value known beforehand: a type, a constant. */
  constant(name: string): { readonly type: Type; readonly value: CelValue } | undefined
  function(name: string): FunctionDeclaration | undefined
  struct(name: string): StructDeclaration | undefined
  /** The names that a name may mean in the environment's container, the innermost first. */
  candidates(name: string): readonly string[]
  /** Lists and maps in literals have one type of element. */
  readonly homogeneousLiterals: boolean
}

export type Reference =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: CelValue }
  /** `isGlobal`: the receiver is part of the function's name. */
  | { readonly kind: 'function'; readonly overloads: readonly Overload[]; readonly isGlobal: boolean }
  | { readonly kind: 'struct'; readonly struct: StructDeclaration }

export interface Checked {
  readonly expr: Expr
  readonly type: Type
  readonly issues: readonly Issue[]
  typeOf(expr: Expr): Type
  referenceOf(expr: Expr): Reference | undefined
}

export function check(expr: Expr, declarations: Declarations): Checked {
  const checker = new Checker(declarations)
  checker.check(expr)
  return checker.outcome(expr)
}

class Checker {
  readonly #declarations: Declarations
  readonly #substitution = new Substitution()
  readonly #types = new Map<Expr, Type>()
  readonly #references = new Map<Expr, Reference>()
  readonly #issues: Issue[] = []
  readonly #scopes: Map<string, Type>[] = []

  constructor(declarations: Declarations) {
    this.#declarations = declarations
  }

  outcome(expr: Expr): Checked {
    for (const [node, type] of this.#types) this.#types.set(node, this.#substitution.resolve(type, 'dyn'))
    return {
      expr,
      type: this.#types.get(expr) as Type,
      issues: this.#issues,
      typeOf: (node) => this.#types.get(node) ?? dynType,
      referenceOf: (node) => this.#references.get(node),
    }
  }

  check(expr: Expr): Type {
    const type = this.#typed(expr)
    this.#types.set(expr, type)
    return type
  }

  #typed(expr: Expr): Type {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value)
      case 'ident':
        return this.#ident(expr, expr.name) ?? this.#undeclared(expr, expr.name)
      case 'select':
        return this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return listOf(
          this.#joined(
            expr.elements.map((each, i) => ({ expr: each, type: expr.optional.has(i) ? this.#unwrapped(each) : this.check(each) })),
          ),
        )
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'comprehension':
        return this.#comprehension(expr)
    }
  }

  #fail(at: number, message: string): Type {
    this.#issues.push({ at, message })
    return errorType
  }

  #undeclared(expr: Expr, name: string): Type {
    return this.#fail(expr.at, `undeclared reference to '${name.replace(/^\./, '')}' (in container '')`)
  }

  /** What a name means, of a variable in scope or of the environment. */
  #ident(expr: Expr, name: string): Type | undefined {
    if (!name.startsWith('.'))
      for (let i = this.#scopes.length - 1; i >= 0; i--) {
        const type = this.#scopes[i]?.get(name)
        if (type) {
          this.#references.set(expr, { kind: 'variable', name })
          return type
        }
      }
    for (const candidate of this.#declarations.candidates(name)) {
      const type = this.#declarations.variable(candidate)
      if (type) {
        this.#references.set(expr, { kind: 'variable', name: candidate })
        return type
      }
      const constant = this.#declarations.constant(candidate)
      if (constant) {
        this.#references.set(expr, { kind: 'constant', value: constant.value })
        return constant.type
      }
      const struct = this.#declarations.struct(candidate)
      if (struct) return typeOf(struct.type)
    }
    return undefined
  }

  #isLocal(name: string): boolean {
    const [first = ''] = name.split('.')
    return this.#scopes.some((scope) => scope.has(first))
  }

  #select(expr: Select): Type {
    const name = qualifiedName(expr)
    if (name !== undefined && !this.#isLocal(name)) {
      const type = this.#ident(expr, name)
      if (type) return type
    }
    const field = this.#field(expr, this.check(expr.operand), expr.field)
    return expr.test ? boolType : field
  }

  #field(expr: Expr, of: Type, field: string): Type {
    const type = this.#substitution.resolve(of)
    if (isOptional(type)) {
      const inner = this.#field(expr, type.parameters[0] ?? dynType, field)
      return isOptional(inner) ? inner : optionalOf(inner)
    }
    switch (type.kind) {
      case 'map':
        return type.value
      case 'object':
        return type.fields.get(field)?.type ?? this.#fail(expr.at, `undefined field '${field}'`)
      case 'parameter':
        this.#substitution.assignable([dynType], [type])
        return dynType
      case 'dyn':
        return dynType
      case 'error':
        return errorType
      default:
        return this.#fail(expr.at, `type '${typeText(type)}' does not support field selection`)
    }
  }

  #call(expr: Call): Type {
    if (expr.fn === '_?._' && !expr.target) return this.#optionalSelect(expr)
    if (!expr.target) {
      const args = expr.args.map((each) => this.check(each))
      for (const candidate of this.#declarations.candidates(expr.fn)) {
        const found = this.#declarations.function(candidate)
        if (found) return this.#resolve(expr, found, args, false)
      }
      return this.#undeclared(expr, expr.fn)
    }
    const target = qualifiedName(expr.target)
    if (target !== undefined && !this.#isLocal(target))
      for (const candidate of this.#declarations.candidates(`${target}.${expr.fn}`)) {
        const found = this.#declarations.function(candidate)
        if (!found) continue
        const args = expr.args.map((each) => this.check(each))
        return this.#resolve(expr, found, args, true)
      }
    const receiver = this.check(expr.target)
    const args = expr.args.map((each) => this.check(each))
    const found = this.#declarations.function(expr.fn)
    return found ? this.#resolve(expr, found, [receiver, ...args], false) : this.#undeclared(expr, expr.fn)
  }

  #optionalSelect(expr: Call): Type {
    const [operand, field] = expr.args as [Expr, Expr]
    this.check(field)
    const name = field.kind === 'literal' ? String(field.value) : ''
    const inner = this.#field(expr, this.check(operand), name)
    return isOptional(inner) || inner.kind === 'error' ? inner : optionalOf(inner)
  }

  #resolve(expr: Call, { name, overloads }: FunctionDeclaration, args: readonly Type[], isGlobal: boolean): Type {
    const isMember = expr.target !== undefined && !isGlobal
    const fitting: Overload[] = []
    let result: Type | undefined
    for (const overload of overloads) {
      if (overload.member !== isMember || overload.args.length !== args.length) continue
      const { returned, wanted } = this.#instance(overload)
      if (!this.#substitution.assignable(args, wanted)) continue
      fitting.push(overload)
      const type = this.#substitution.resolve(returned)
      if (!result) result = type
      else if (!isDynamic(result) && !sameType(result, type)) result = dynType
    }
    if (!result) {
      const texts = args.map((type) => typeText(this.#substitution.resolve(type)))
      const shown = isMember ? `${texts[0]}.(${texts.slice(1).join(', ')})` : `(${texts.join(', ')})`
      if (args.some((type) => type.kind === 'error')) return errorType
      return this.#fail(expr.at, `found no matching overload for '${name}' applied to '${shown}'`)
    }
    this.#references.set(expr, { kind: 'function', overloads: fitting, isGlobal })
    return result
  }

  /** A signature with parameters of its own. */
  #instance({ result, args }: Overload): { readonly returned: Type; readonly wanted: readonly Type[] } {
    const [returned, ...wanted] = this.#substitution.instantiate([result, ...args]) as [Type, ...Type[]]
    return { returned, wanted }
  }

  /** The type inside what must be an optional. */
  #unwrapped(expr: Expr): Type {
    const type = this.#substitution.resolve(this.check(expr))
    if (isOptional(type)) return type.parameters[0] ?? dynType
    if (isDynamic(type)) return type
    return this.#fail(expr.at, `expected type 'optional_type(${typeText(type)})' but found '${typeText(type)}'`)
  }

  #joined(parts: readonly { readonly expr: Expr; readonly type: Type }[]): Type {
    let joined: Type | undefined
    for (const { expr, type } of parts) {
      if (!joined) joined = type
      else if (this.#substitution.assignable([joined], [type])) joined = this.#substitution.mostGeneral(joined, type)
      else if (!this.#declarations.homogeneousLiterals) joined = dynType
      else return this.#fail(expr.at, `expected type '${typeText(joined)}' but found '${typeText(type)}'`)
    }
    return joined ?? this.#substitution.fresh()
  }

  #map({ entries }: MapExpr): Type {
    const keys = entries.map(({ key }) => ({ expr: key, type: this.check(key) }))
    const values = entries.map(({ value, optional }) => ({ expr: value, type: optional ? this.#unwrapped(value) : this.check(value) }))
    return mapOf(this.#joined(keys), this.#joined(values))
  }

  #struct(expr: StructExpr): Type {
    const struct = this.#declarations
      .candidates(expr.type)
      .map((name) => this.#declarations.struct(name))
      .find((each) => each !== undefined)
    if (!struct) {
      for (const { value } of expr.fields) this.check(value)
      return this.#undeclared(expr, expr.type)
    }
    this.#references.set(expr, { kind: 'struct', struct })
    for (const { name, value, optional, at } of expr.fields) {
      const type = optional ? this.#unwrapped(value) : this.check(value)
      const field = struct.type.fields.get(name)
      if (!field) this.#fail(at, `undefined field '${name}'`)
      else if (!this.#substitution.assignable([type], [field.type]))
        this.#fail(
          at,
          `expected type of field '${name}' is '${typeText(field.type)}' but provided type is '${typeText(this.#substitution.resolve(type))}'`,
        )
    }
    return struct.type
  }

  #comprehension(expr: Comprehension): Type {
    const accumulator = this.check(expr.init)
    const range = this.#substitution.resolve(this.check(expr.range))
    const [first, second] = this.#loopTypes(expr, range)
    this.#scopes.push(new Map([[expr.accumulator, accumulator]]))
    this.#scopes.push(new Map([[expr.first, first], ...(expr.second === undefined ? [] : ([[expr.second, second]] as const))]))
    this.#expect(expr.condition, this.check(expr.condition), boolType)
    this.#expect(expr.step, this.check(expr.step), accumulator)
    this.#scopes.pop()
    const result = this.check(expr.result)
    this.#scopes.pop()
    return this.#substitution.resolve(result)
  }

  #loopTypes(expr: Comprehension, range: Type): [Type, Type] {
    switch (range.kind) {
      case 'list':
        return expr.second === undefined ? [range.element, dynType] : [intType, range.element]
      case 'map':
        return [range.key, range.value]
      case 'parameter':
        this.#substitution.assignable([dynType], [range])
        return [dynType, dynType]
      case 'dyn':
      case 'error':
        return [dynType, dynType]
      default:
        this.#fail(
          expr.range.at,
          `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        )
        return [errorType, errorType]
    }
  }

  #expect(expr: Expr, type: Type, wanted: Type): void {
    if (this.#substitution.assignable([type], [wanted])) return
    const text = (each: Type) => typeText(this.#substitution.resolve(each))
    this.#fail(expr.at, `expected type '${text(wanted)}' but found '${text(type)}'`)
  }
}

function literalType(value: unknown): Type {
  if (value === null) return nullType
  if (typeof value === 'boolean') return boolType
  if (typeof value === 'string') return stringType
  if (value instanceof CelDouble) return doubleType
  if (value instanceof CelUint) return uintType
  return value instanceof Uint8Array ? bytesType : intType
}
