/**
 * The JSONPath of printer columns, scale paths and selectable fields: members, indexes, wildcards, slices and filters of one
 * comparison. Compiled once.
 */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError'
}

type Step = (values: readonly unknown[]) => unknown[]

export interface JsonPath {
  /** Everything the path leads to. */
  find(root: unknown): unknown[]
  /** The member names when the path is nothing but names (".spec.replicas"); else undefined. */
  readonly names: readonly string[] | undefined
}

/** Throws JsonPathError. Curly brackets around the path may be left out. */
export function parseJsonPath(text: string): JsonPath {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1] ?? text
  const steps: Step[] = []
  const names: string[] = []
  let plain = true
  let rest = inner.startsWith('$') || inner.startsWith('@') ? inner.slice(1) : inner
  while (rest !== '') {
    const name = /^\.((?:[^.[\]{}()'"\s\\]|\\.)+)/.exec(rest)
    if (name && name[1] !== '*') {
      const member = (name[1] as string).replace(/\\(.)/g, '$1')
      names.push(member)
      steps.push(memberStep(member))
      rest = rest.slice(name[0].length)
      continue
    }
    const bracket = name ? undefined : bracketOf(rest.startsWith('.[') ? rest.slice(1) : rest)
    if (!name && bracket === undefined) throw new JsonPathError(`unexpected ${JSON.stringify(rest)} in the path ${JSON.stringify(text)}`)
    plain = false
    if (name) {
      steps.push(everyStep)
      rest = rest.slice(name[0].length)
    } else {
      steps.push(bracketStep(bracket as string, text))
      rest = rest.slice((rest.startsWith('.[') ? 1 : 0) + (bracket as string).length + 2)
    }
  }
  return { names: plain ? names : undefined, find: (root) => steps.reduce<unknown[]>((values, step) => step(values), [root]) }
}

/** What stands between the brackets that the text begins with; quotes may hold brackets. */
function bracketOf(text: string): string | undefined {
  if (!text.startsWith('[')) return undefined
  let quote = ''
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '"' || char === "'") quote = char
    else if (char === '[') depth++
    else if (char === ']' && --depth === 0) return text.slice(1, i)
  }
  return undefined
}

function bracketStep(inside: string, text: string): Step {
  if (inside === '*') return everyStep
  const quoted = /^(['"])(.*)\1$/s.exec(inside)
  if (quoted) return memberStep(quoted[2] as string)
  if (/^-?\d+$/.test(inside)) return indexStep(Number(inside))
  const slice = /^(-?\d*):(-?\d*)$/.exec(inside)
  if (slice) {
    const [from, to] = [slice[1], slice[2]].map((bound) => (bound ? Number(bound) : undefined))
    return (values) => values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]).slice(from ?? 0, to) : []))
  }
  const filter = /^\?\((.*)\)$/s.exec(inside)
  if (filter) return filterStep(filter[1] as string, text)
  throw new JsonPathError(`unexpected [${inside}] in the path ${JSON.stringify(text)}`)
}

function memberStep(name: string): Step {
  return (values) =>
    values.flatMap((value) => {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return []
      const member = (value as Record<string, unknown>)[name]
      return member === undefined || member === null ? [] : [member]
    })
}

function indexStep(index: number): Step {
  return (values) =>
    values.flatMap((value) => {
      const item: unknown = Array.isArray(value) ? value.at(index) : undefined
      return item === undefined ? [] : [item]
    })
}

const everyStep: Step = (values) => values.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))

type Compare = (left: unknown, right: unknown) => boolean
const comparisons: Readonly<Record<string, Compare>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>=': (left, right) => (left as number) >= (right as number),
  '<=': (left, right) => (left as number) <= (right as number),
  '>': (left, right) => (left as number) > (right as number),
  '<': (left, right) => (left as number) < (right as number),
}

function filterStep(condition: string, text: string): Step {
  const match = /^\s*@(.*?)\s*(?:(==|!=|>=|<=|>|<)\s*(.+?))?\s*$/s.exec(condition)
  if (!match) throw new JsonPathError(`unexpected filter ${JSON.stringify(condition)} in the path ${JSON.stringify(text)}`)
  const left = parseJsonPath(match[1] as string)
  const compare = match[2] ? comparisons[match[2]] : undefined
  const literal = match[3] === undefined ? undefined : literalOf(match[3])
  const holds = (item: unknown) => {
    const found = left.find(item)
    return compare ? found.length > 0 && compare(found[0], literal) : found.length > 0
  }
  return (values) => values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]).filter(holds) : []))
}

function literalOf(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/s.exec(text)
  if (quoted) return quoted[2]
  if (text === 'true' || text === 'false') return text === 'true'
  return Number.isNaN(Number(text)) ? text : Number(text)
}
