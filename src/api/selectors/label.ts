/**
 * Label selectors in both spellings: the text of a `labelSelector` query and the LabelSelector object of specs. Compiled
 * once, then matched without looking at the text again. Source of the rules: the Kubernetes documentation of labels and
 * selectors.
 */
import { badRequest } from '../status.js'
import type { LabelSelector } from '../types/meta-v1.js'

export type Labels = Readonly<Record<string, string>>

export interface Requirement {
  readonly key: string
  readonly operator: 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'
  readonly values: readonly string[]
}

export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Selects everything. */
  readonly empty: boolean
  /** One spelling for equal selectors; a key for caches. */
  readonly text: string
  matches(labels: Labels | undefined): boolean
}

const noLabels: Labels = {}

export const everything: Selector = { requirements: [], empty: true, text: '', matches: () => true }
export const nothing: Selector = { requirements: [], empty: false, text: '(none)', matches: () => false }

export function selectorOf(requirements: readonly Requirement[]): Selector {
  if (requirements.length === 0) return everything
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const tests = sorted.map(testOf)
  return {
    requirements: sorted,
    empty: false,
    text: sorted.map(textOf).join(','),
    matches(labels = noLabels) {
      for (const test of tests) if (!test(labels)) return false
      return true
    },
  }
}

/** A selector that asks for these labels with these values. */
export function selectorOfLabels(labels: Labels): Selector {
  return selectorOf(Object.entries(labels).map(([key, value]) => ({ key, operator: 'in', values: [value] })))
}

const operators: Readonly<Record<string, Requirement['operator']>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
}

/** Of a LabelSelector object: undefined selects nothing, {} everything (API convention). An unknown operator selects nothing. */
export function labelSelectorOf(selector: LabelSelector | undefined): Selector {
  if (!selector) return nothing
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'in',
    values: [value],
  }))
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = operators[operator]
    if (!known) return nothing
    requirements.push({ key, operator: known, values: values ?? [] })
  }
  return selectorOf(requirements)
}

/** Own members only: a label named "constructor" is a label like any other. */
function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

function testOf({ key, operator, values }: Requirement): (labels: Labels) => boolean {
  const [first = ''] = values
  const number = integerOf(first)
  const several = new Set(values)
  switch (operator) {
    case 'in':
      return values.length === 1 ? (labels) => valueOf(labels, key) === first : (labels) => several.has(valueOf(labels, key) ?? '\0')
    case 'notin':
      return (labels) => !several.has(valueOf(labels, key) ?? '\0')
    case 'exists':
      return (labels) => Object.hasOwn(labels, key)
    case '!':
      return (labels) => !Object.hasOwn(labels, key)
    case 'gt':
      return (labels) => compareIntegers(valueOf(labels, key), number, 1)
    case 'lt':
      return (labels) => compareIntegers(valueOf(labels, key), number, -1)
  }
}

function integerOf(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text) ? BigInt(text) : undefined
}

function compareIntegers(text: string | undefined, than: bigint | undefined, sign: 1 | -1): boolean {
  const value = integerOf(text)
  if (value === undefined || than === undefined) return false
  return sign === 1 ? value > than : value < than
}

function textOf({ key, operator, values }: Requirement): string {
  const list = [...values].sort()
  switch (operator) {
    case 'in':
      return list.length === 1 ? `${key}=${list[0]}` : `${key} in (${list.join(',')})`
    case 'notin':
      return list.length === 1 ? `${key}!=${list[0]}` : `${key} notin (${list.join(',')})`
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'gt':
      return `${key}>${list[0]}`
    case 'lt':
      return `${key}<${list[0]}`
  }
}

const token = /\s*(?:([A-Za-z0-9_./-]+)|(==|!=|[=!<>(),]))\s*/y
const keyForm = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const valueForm = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/

/** Of the text "app=web,tier in (a,b),!legacy". Throws StatusError BadRequest that says what was expected where. */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === '') return everything
  return selectorOf(new Parser(text).requirements())
}

class Parser {
  readonly #text: string
  readonly #tokens: string[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
    token.lastIndex = 0
    while (token.lastIndex < text.length) {
      const start = token.lastIndex
      const match = token.exec(text)
      if (!match) throw this.#error(`unexpected character '${text[start]}'`)
      this.#tokens.push((match[1] ?? match[2]) as string)
    }
  }

  requirements(): Requirement[] {
    const found: Requirement[] = []
    do found.push(this.#requirement())
    while (this.#accept(','))
    if (this.#at < this.#tokens.length) throw this.#error(`found '${this.#tokens[this.#at]}', expected: ',' or 'end of string'`)
    return found
  }

  #requirement(): Requirement {
    if (this.#accept('!')) return { key: this.#key(), operator: '!', values: [] }
    const key = this.#key()
    const next = this.#tokens[this.#at]
    if (next === undefined || next === ',') return { key, operator: 'exists', values: [] }
    this.#at++
    switch (next) {
      case '=':
      case '==':
        return { key, operator: 'in', values: [this.#value()] }
      case '!=':
        return { key, operator: 'notin', values: [this.#value()] }
      case 'in':
      case 'notin':
        return { key, operator: next, values: this.#values() }
      case '>':
      case '<': {
        const value = this.#value()
        if (integerOf(value) === undefined)
          throw this.#error(`values[0][${key}]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`)
        return { key, operator: next === '>' ? 'gt' : 'lt', values: [value] }
      }
      default:
        throw this.#error(`found '${next}', expected: in, notin, =, ==, !=, gt, lt`)
    }
  }

  #key(): string {
    const key = this.#tokens[this.#at++]
    if (key === undefined) throw this.#error("found '', expected: identifier")
    if (!keyForm.test(key)) throw this.#error(`found '${key}', expected: a label key`)
    return key
  }

  /** A value may be empty: "app=" asks for the empty string. */
  #value(): string {
    const next = this.#tokens[this.#at]
    if (next === undefined || next === ',' || next === ')') return ''
    this.#at++
    if (!valueForm.test(next)) throw this.#error(`found '${next}', expected: a label value`)
    return next
  }

  #values(): string[] {
    if (!this.#accept('(')) throw this.#error(`found '${this.#tokens[this.#at] ?? ''}', expected: '('`)
    const values = [this.#value()]
    while (this.#accept(',')) values.push(this.#value())
    if (!this.#accept(')')) throw this.#error(`found '${this.#tokens[this.#at] ?? ''}', expected: ',', or ')'`)
    return values
  }

  #accept(wanted: string): boolean {
    if (this.#tokens[this.#at] !== wanted) return false
    this.#at++
    return true
  }

  #error(why: string): Error {
    return badRequest(`unable to parse requirement: ${why} in "${this.#text}"`)
  }
}
