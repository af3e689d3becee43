/**
 * Environments: what an expression may use, and programs, which are expressions that were found right in one. A program is made
 * once and evaluated with values for its variables; it knows what it can cost and is stopped at a limit.
 *
 * Nothing here knows of Kubernetes: libraries and types come from outside.
 */
import type { Expr } from './ast.js'
import { type Checked, check, type Declarations } from './checker.js'
import { type Code, compile, CostExceeded, Frame } from './compile.js'
import type { Range } from './cost.js'
import { estimateCost, type SizeHint } from './estimate.js'
import type { FunctionDeclaration, Library, Overload, StructDeclaration } from './functions.js'
import type { Issue } from './issue.js'
import type { Macro } from './macros.js'
import { parse } from './parser.js'
import { type Type, typeOf } from './types.js'
import { CelError, CelTypeValue, type CelValue, TooLarge } from './values.js'

export interface EnvironmentOptions {
  readonly libraries: readonly Library[]
  readonly variables?: Readonly<Record<string, Type>>
  readonly structs?: readonly StructDeclaration[]
  /** Types that are only known by their names. */
  readonly resolveStruct?: (name: string) => StructDeclaration | undefined
  /** Names may leave it out: "a.b". */
  readonly container?: string
  /** Lists and maps in literals have elements of one type. */
  readonly homogeneousLiterals?: boolean
  /** `a.`b-c``: names that are not identifiers. */
  readonly escapedFields?: boolean
  /** More to look at in a checked expression: patterns and times in literals. */
  readonly validate?: (checked: Checked) => readonly Issue[]
}

export interface Outcome {
  readonly value: CelValue
  readonly cost: number
}

export interface Program {
  readonly source: string
  readonly type: Type
  /** Names of the environment's variables that it uses. */
  readonly uses: ReadonlySet<string>
  /** A variable that is left out is an error where it is used. The value of an evaluation beyond its limit is an error. */
  evaluate(variables: Readonly<Record<string, CelValue>>, costLimit?: number): Outcome
  estimate(hint?: SizeHint): Range
}

export type Compilation = { readonly program: Program } | { readonly issues: readonly Issue[] }

export class Environment {
  readonly #options: EnvironmentOptions
  readonly #functions: ReadonlyMap<string, FunctionDeclaration>
  readonly #macros: ReadonlyMap<string, Macro>
  readonly #constants: ReadonlyMap<string, { readonly type: Type; readonly value: CelValue }>
  readonly #structs: ReadonlyMap<string, StructDeclaration>
  readonly #optionalSyntax: boolean
  readonly #declarations: Declarations

  constructor(options: EnvironmentOptions, base?: Environment) {
    this.#options = options
    const { libraries } = options
    if (base && libraries.length === 0) {
      this.#functions = base.#functions
      this.#macros = base.#macros
      this.#constants = base.#constants
    } else {
      const functions = libraries.flatMap(({ functions: own = [] }) => own)
      this.#functions = mergeFunctions(base ? base.#functions.values() : [], functions)
      this.#macros = new Map([...(base ? base.#macros : []), ...libraries.flatMap(({ macros }) => [...(macros ?? [])])])
      this.#constants = new Map([...(base ? base.#constants : []), ...libraries.flatMap(constantsOf)])
    }
    const structs = (options.structs ?? []).map((struct) => [struct.type.name, struct] as const)
    this.#structs = new Map([...(base ? base.#structs : []), ...structs])
    this.#optionalSyntax = (base ? base.#optionalSyntax : false) || libraries.some(({ optionalSyntax }) => optionalSyntax)
    const variables = new Map(Object.entries(options.variables ?? {}))
    this.#declarations = {
      variable: (name) => variables.get(name),
      constant: (name) => this.#constants.get(name),
      function: (name) => this.#functions.get(name),
      struct: (name) => this.#struct(name),
      candidates: candidatesIn(options.container ?? ''),
      homogeneousLiterals: options.homogeneousLiterals ?? false,
    }
  }

  /** The same with more in it. */
  extend(more: Partial<EnvironmentOptions>): Environment {
    const variables = { ...this.#options.variables, ...more.variables }
    return new Environment({ ...this.#options, libraries: [], structs: [], ...more, variables }, this)
  }

  parse(source: string): { readonly expr: Expr } | { readonly issues: readonly Issue[] } {
    return parse(source, {
      macros: this.#macros,
      optionalSyntax: this.#optionalSyntax,
      escapedFields: this.#options.escapedFields ?? false,
    })
  }

  check(expr: Expr): Checked {
    return check(expr, this.#declarations)
  }

  compile(source: string): Compilation {
    const parsed = this.parse(source)
    if ('issues' in parsed) return parsed
    const checked = this.check(parsed.expr)
    if (checked.issues.length > 0) return { issues: checked.issues }
    const more = this.#options.validate?.(checked) ?? []
    return more.length > 0 ? { issues: more } : { program: this.program(source, checked) }
  }

  /** Of an expression that is known to be right, or that nobody has checked. */
  program(source: string, checked: Checked): Program {
    const { code, variables, slots } = compile({
      checked,
      overloads: (name) => this.#overloads(name),
      constant: (name) => this.#constants.get(name)?.value,
      struct: (name) => this.#struct(name),
    })
    return {
      source,
      type: checked.type,
      uses: new Set(variables),
      evaluate: (values, costLimit = Number.POSITIVE_INFINITY) => evaluate(code, variables, slots, values, costLimit),
      estimate: (hint) => estimateCost(checked, hint),
    }
  }

  #struct(name: string): StructDeclaration | undefined {
    return this.#structs.get(name) ?? this.#options.resolveStruct?.(name)
  }

  #overloads(name: string): readonly Overload[] {
    return this.#functions.get(name)?.overloads ?? []
  }
}

function evaluate(
  code: Code,
  variables: readonly string[],
  slotCount: number,
  values: Readonly<Record<string, CelValue>>,
  costLimit: number,
): Outcome {
  const slots = new Array<CelValue>(slotCount)
  for (let i = 0; i < variables.length; i++) {
    const name = variables[i] as string
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    slots[i] = value === undefined ? new CelError(`no such attribute(s): ${name}`) : value
  }
  const frame = new Frame(slots, costLimit)
  try {
    const value = code(frame)
    frame.charge(0)
    return { value, cost: frame.cost }
  } catch (error) {
    if (error instanceof CostExceeded) return { value: new CelError(error.message), cost: frame.cost }
    // The latter two are the engine's own bounds, of what is deeper or longer than it can hold.
    if (error instanceof TooLarge || error instanceof RangeError) return { value: new CelError(error.message), cost: costLimit + 1 }
    throw error
  }
}

function constantsOf({ types = {}, constants = {} }: Library): [string, { readonly type: Type; readonly value: CelValue }][] {
  const named = Object.entries(types).map(([name, type]): [string, { type: Type; value: CelValue }] => [
    name,
    { type: typeOf(type), value: new CelTypeValue(type) },
  ])
  return [...named, ...Object.entries(constants)]
}

function mergeFunctions(base: Iterable<FunctionDeclaration>, more: readonly FunctionDeclaration[]): Map<string, FunctionDeclaration> {
  const merged = new Map<string, FunctionDeclaration>()
  for (const declaration of [...base, ...more]) {
    const { name, overloads } = declaration
    const found = merged.get(name)
    if (!found) merged.set(name, declaration)
    else {
      // A later library may do better what an earlier one did.
      const known = new Map([...found.overloads, ...overloads].map((overload) => [overload.id, overload]))
      merged.set(name, { name, overloads: [...known.values()] })
    }
  }
  return merged
}

/** In the container a.b the name c may be a.b.c, a.c or c. */
function candidatesIn(container: string): (name: string) => readonly string[] {
  const parts = container === '' ? [] : container.split('.')
  const prefixes = parts.map((_, i) => `${parts.slice(0, parts.length - i).join('.')}.`)
  return (name) =>
    name.startsWith('.') ? [name.slice(1)] : prefixes.length === 0 ? [name] : [...prefixes.map((prefix) => prefix + name), name]
}
