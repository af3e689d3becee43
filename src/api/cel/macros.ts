/**
 * Calls that are spelled out before types are checked (cel-spec "Macros", the two-variable comprehensions and the optional types
 * of cel-go's extensions).
 */
import { accumulatorName, type Call, type Comprehension, type Expr, type Ident, type ListExpr, type MapExpr } from './ast.js'
import { SyntaxFault } from './issue.js'

/** What the call stands for; undefined: it is a call of a function. */
export type Macro = (at: number, target: Expr | undefined, args: readonly Expr[]) => Expr | undefined

/** By name and number of arguments, "name/2"; whether it has a receiver is the macro's own affair. */
export type Macros = ReadonlyMap<string, Macro>

const fail = (at: number, message: string): never => {
  throw new SyntaxFault({ at, message })
}
const ident = (at: number, name: string): Ident => ({ kind: 'ident', at, name })
const call = (at: number, fn: string, ...args: Expr[]): Call => ({ kind: 'call', at, fn, target: undefined, args })
const literal = (at: number, value: boolean | number): Expr => ({ kind: 'literal', at, value })
const list = (at: number, ...elements: Expr[]): ListExpr => ({ kind: 'list', at, elements, optional: new Set() })
const emptyMap = (at: number): MapExpr => ({ kind: 'map', at, entries: [] })
const accumulator = (at: number) => ident(at, accumulatorName)

function variable(expr: Expr | undefined, what = 'argument is not an identifier'): string {
  if (expr?.kind !== 'ident' || expr.name.startsWith('.')) return fail(expr?.at ?? 0, what)
  if (expr.name === accumulatorName || expr.name === '__result__')
    return fail(expr.at, 'iteration variable overwrites accumulator variable')
  return expr.name
}

interface Loop {
  readonly init: Expr
  readonly condition: Expr
  readonly step: Expr
  readonly result: Expr
}

function fold(at: number, range: Expr, variables: readonly string[], { init, condition, step, result }: Loop): Comprehension {
  const [first = '', second] = variables
  if (second !== undefined && first === second) fail(at, `duplicate variable name: ${first}`)
  return { kind: 'comprehension', at, range, first, second, accumulator: accumulatorName, init, condition, step, result }
}

const not = (at: number, expr: Expr) => call(at, '!_', expr)

const loops: Readonly<Record<string, (at: number, predicate: Expr) => Loop>> = {
  all: (at, predicate) => ({
    init: literal(at, true),
    condition: call(at, '@not_strictly_false', accumulator(at)),
    step: call(at, '_&&_', accumulator(at), predicate),
    result: accumulator(at),
  }),
  exists: (at, predicate) => ({
    init: literal(at, false),
    condition: call(at, '@not_strictly_false', not(at, accumulator(at))),
    step: call(at, '_||_', accumulator(at), predicate),
    result: accumulator(at),
  }),
  exists_one: (at, predicate) => ({
    init: literal(at, 0),
    condition: literal(at, true),
    step: call(at, '_?_:_', predicate, call(at, '_+_', accumulator(at), literal(at, 1)), accumulator(at)),
    result: call(at, '_==_', accumulator(at), literal(at, 1)),
  }),
}

/** list.all(x, p), list.all(i, x, p) ... */
const quantifier =
  (loop: string): Macro =>
  (at, target, args) => {
    if (!target) return undefined
    const make = loops[loop] as (at: number, predicate: Expr) => Loop
    const names = args.slice(0, -1).map((each) => variable(each))
    return fold(at, target, names, make(at, args.at(-1) as Expr))
  }

const gather = (at: number, value: Expr, filter: Expr | undefined): Loop => {
  const step = call(at, '_+_', accumulator(at), list(at, value))
  return {
    init: list(at),
    condition: literal(at, true),
    step: filter ? call(at, '_?_:_', filter, step, accumulator(at)) : step,
    result: accumulator(at),
  }
}

const gatherMap = (at: number, insert: Call, filter: Expr | undefined): Loop => ({
  init: emptyMap(at),
  condition: literal(at, true),
  step: filter ? call(at, '_?_:_', filter, insert, accumulator(at)) : insert,
  result: accumulator(at),
})

export const mapMacro: Macro = (at, target, args) => {
  if (!target) return undefined
  const filter = args.length === 3 ? args[1] : undefined
  return fold(at, target, [variable(args[0])], gather(at, args.at(-1) as Expr, filter))
}

const filter: Macro = (at, target, args) => target && fold(at, target, [variable(args[0])], gather(at, args[0] as Expr, args[1] as Expr))

const has: Macro = (at, target, args) => {
  if (target) return undefined
  const [asked] = args
  if (asked?.kind !== 'select' || asked.test) return fail(at, 'invalid argument to has() macro')
  return { ...asked, test: true }
}

export const standardMacros: Macros = new Map([
  ['has/1', has],
  ['all/2', quantifier('all')],
  ['exists/2', quantifier('exists')],
  ['exists_one/2', quantifier('exists_one')],
  ['existsOne/2', quantifier('exists_one')],
  ['map/2', mapMacro],
  ['map/3', mapMacro],
  ['filter/2', filter],
])

const two = (args: readonly Expr[]) => args.slice(0, 2).map((each) => variable(each))

const transformList: Macro = (at, target, args) =>
  target && fold(at, target, two(args), gather(at, args.at(-1) as Expr, args.length === 4 ? args[2] : undefined))

const transformMap: Macro = (at, target, args) => {
  if (!target) return undefined
  const insert = call(at, 'cel.@mapInsert', accumulator(at), args[0] as Expr, args.at(-1) as Expr)
  return fold(at, target, two(args), gatherMap(at, insert, args.length === 4 ? args[2] : undefined))
}

const transformMapEntry: Macro = (at, target, args) => {
  if (!target) return undefined
  const insert = call(at, 'cel.@mapInsert', accumulator(at), args.at(-1) as Expr)
  return fold(at, target, two(args), gatherMap(at, insert, args.length === 4 ? args[2] : undefined))
}

/** cel-go's ext.TwoVarComprehensions. */
export const twoVariableMacros: Macros = new Map([
  ['all/3', quantifier('all')],
  ['exists/3', quantifier('exists')],
  ['existsOne/3', quantifier('exists_one')],
  ['transformList/3', transformList],
  ['transformList/4', transformList],
  ['transformMap/3', transformMap],
  ['transformMap/4', transformMap],
  ['transformMapEntry/3', transformMapEntry],
  ['transformMapEntry/4', transformMapEntry],
])

/** A name for a value: a loop over nothing, whose result is the body. */
export function bindingOf(at: number, name: string, value: Expr, body: Expr): Comprehension {
  return {
    ...{ kind: 'comprehension', at, range: list(at), first: '#unused', second: undefined },
    ...{ accumulator: name, init: value, condition: literal(at, false), step: ident(at, name), result: body },
  }
}

const isNamespace = (target: Expr | undefined, name: string) => target?.kind === 'ident' && target.name === name

/** cel-go's ext.Bindings. */
export const bindingMacros: Macros = new Map<string, Macro>([
  [
    'bind/3',
    (at, target, args) =>
      isNamespace(target, 'cel')
        ? bindingOf(at, variable(args[0], 'cel.bind() variable names must be simple identifiers'), args[1] as Expr, args[2] as Expr)
        : undefined,
  ],
])

const member = (at: number, target: Expr, fn: string): Call => ({ kind: 'call', at, fn, target, args: [] })

const optionalMap =
  (wrap: boolean): Macro =>
  (at, target, args) => {
    if (!target) return undefined
    const name = variable(args[0])
    const body = args[1] as Expr
    const bound = bindingOf(at, name, member(at, target, 'value'), body)
    const some = wrap ? call(at, 'optional.of', bound) : bound
    return call(at, '_?_:_', member(at, target, 'hasValue'), some, call(at, 'optional.none'))
  }

/** cel-go's optional types. */
export const optionalMacros: Macros = new Map([
  ['optMap/2', optionalMap(true)],
  ['optFlatMap/2', optionalMap(false)],
])
