/**
 * The CEL of Kubernetes: which libraries there are since which version. An expression that is new may use what the version before
 * also knows (so that a roll back reads it); one that is stored may use everything.
 */
import type { Expr } from '../ast.js'
import { children } from '../ast.js'
import type { Checked } from '../checker.js'
import { Environment } from '../environment.js'
import type { Library } from '../functions.js'
import type { Issue } from '../issue.js'
import { optionalLibrary } from '../library/optionals.js'
import { standardLibrary } from '../library/standard.js'
import { olderStringsLibrary } from '../library/strings.js'
import { twoVariableLibrary } from '../library/two-variables.js'
import { patternOf } from '../patterns.js'
import { parseDuration, parseTimestamp } from '../time.js'
import { dynType, isOptional, sameType, type Type, typeText } from '../types.js'
import { CelError } from '../values.js'
import { authorizerLibrary } from './authorizer.js'
import { formatLibrary } from './format.js'
import { kubernetesLists, listsLibrary, setsLibrary } from './lists.js'
import { cidrLibrary, ipLibrary } from './network.js'
import { quantityLibrary } from './quantity.js'
import { regexLibrary } from './regex.js'
import { semverLibrary } from './semver.js'
import { urlLibrary } from './url.js'

/** One expression may do this much at run time, all of an object's together that much (in cel-go's units). */
export const perCallCostLimit = 1_000_000
export const runtimeCostBudget = 10_000_000
/** Rules of a definition are refused when the worst case of one, or of all, is beyond. */
export const estimatedCostLimit = 10_000_000
export const estimatedTotalCostLimit = 100_000_000

const libraries: readonly { readonly since: number; readonly library: Library }[] = [
  { since: 0, library: standardLibrary },
  { since: 0, library: urlLibrary },
  { since: 0, library: regexLibrary },
  { since: 0, library: kubernetesLists },
  { since: 27, library: authorizerLibrary },
  { since: 28, library: optionalLibrary },
  { since: 28, library: quantityLibrary },
  { since: 29, library: olderStringsLibrary },
  { since: 29, library: setsLibrary },
  { since: 30, library: ipLibrary },
  { since: 30, library: cidrLibrary },
  { since: 31, library: formatLibrary },
  { since: 32, library: twoVariableLibrary },
  { since: 33, library: semverLibrary },
  { since: 34, library: listsLibrary },
]

/** The minor version that is served, and the one that new expressions have to be readable by. */
export const servedMinor = 36
export const compatibleMinor = servedMinor - 1

const made = new Map<number, Environment>()

/** What every expression of Kubernetes v1.MINOR may use, without variables. */
export function kubernetesEnvironment(minor = servedMinor): Environment {
  let found = made.get(minor)
  if (!found) {
    found = new Environment({
      libraries: libraries.filter(({ since }) => since <= minor).map(({ library }) => library),
      validate: literalIssues,
    })
    made.set(minor, found)
  }
  return found
}

/** Patterns and times that are written down are looked at beforehand, and that a literal's parts are of one type. */
function literalIssues(checked: Checked): Issue[] {
  const issues: Issue[] = []
  const visit = (expr: Expr, isFormatted: boolean) => {
    if (expr.kind === 'call') {
      const fault = literalFault(expr.fn, expr.args, expr.target !== undefined)
      if (fault) issues.push({ at: expr.at, message: fault })
    } else if (!isFormatted) {
      issues.push(...mixedIssues(expr, checked))
    }
    const formatsBelow = isFormatted || (expr.kind === 'call' && expr.fn === 'format')
    for (const child of children(expr)) visit(child, formatsBelow)
  }
  visit(checked.expr, false)
  return issues
}

/** What format() is given may be of every type, all other lists and maps have one. */
function mixedIssues(expr: Expr, checked: Checked): Issue[] {
  if (expr.kind === 'list') {
    return mixed(expr.elements.map((each, i) => ({ at: each.at, type: partType(checked.typeOf(each), expr.optional.has(i)) })))
  }
  if (expr.kind !== 'map') return []
  return [
    ...mixed(expr.entries.map(({ key }) => ({ at: key.at, type: checked.typeOf(key) }))),
    ...mixed(expr.entries.map(({ value, optional }) => ({ at: value.at, type: partType(checked.typeOf(value), optional) }))),
  ]
}

const partType = (type: Type, optional: boolean): Type => (optional && isOptional(type) ? (type.parameters[0] ?? dynType) : type)

function mixed([first, ...others]: readonly { readonly at: number; readonly type: Type }[]): Issue[] {
  const other = first && others.find(({ type }) => !sameType(first.type, type))
  if (!other) return []
  return [{ at: other.at, message: `expected type '${typeText(first.type)}' but found '${typeText(other.type)}'` }]
}

function literalFault(fn: string, args: readonly Expr[], isMember: boolean): string | undefined {
  const argument = args[fn === 'matches' && !isMember ? 1 : 0]
  const text = argument?.kind === 'literal' && typeof argument.value === 'string' ? argument.value : undefined
  if (text === undefined) return undefined
  if (fn === 'matches' || (isMember && (fn === 'find' || fn === 'findAll'))) {
    const pattern = patternOf(text)
    return typeof pattern === 'string' ? `invalid matches argument: ${pattern}` : undefined
  }
  if (isMember) return undefined
  if (fn === 'duration' && parseDuration(text) instanceof CelError) return 'invalid duration argument'
  return fn === 'timestamp' && parseTimestamp(text) instanceof CelError ? 'invalid timestamp argument' : undefined
}
