/** The lines of `rewrite`, as functions on queries and their answers. */
import type { Directive } from '../../corefile/corefile.js'
import { argumentError, fault } from '../../plugin.js'
import { classOf, rcodeOf, types, typeOf } from '../../wire/constants.js'
import { isName, keyOfName } from '../../wire/name.js'
import type { Query } from '../../wire/reader.js'
import type { Rr } from '../../wire/record.js'
import { integer } from '../../corefile/values.js'
import { byPattern, matching, matchKinds, type Renaming, renaming } from './names.js'

export interface Change {
  readonly query?: { readonly name?: string; readonly type?: number; readonly class?: number }
  /** What is to become of the records of the answer. */
  readonly record?: (record: Rr) => Rr
  readonly rcode?: (rcode: number) => number
}

export interface Rule {
  readonly stop: boolean
  /** undefined: the rule does not match. */
  apply(query: Query): Change | undefined
}

/** `rewrite [continue|stop] FIELD …`, or the same in braces. Throws CorefileError. */
export function ruleOf(directive: Directive): Rule {
  const words = [...directive.args, ...(directive.block ?? []).flatMap(({ name, args }) => [name, ...args])]
  const first = words[0]
  const stop = first !== 'continue'
  if (first === 'continue' || first === 'stop') words.shift()
  const field = words.shift()
  const at = directive
  switch (field) {
    case 'name':
      return { stop, apply: nameRule(at, words) }
    case 'type':
      return { stop, apply: codeRule(at, words, 'type', typeOf) }
    case 'class':
      return { stop, apply: codeRule(at, words, 'class', classOf) }
    case 'ttl':
      return { stop, apply: ttlRule(at, words) }
    case 'cname':
      return { stop, apply: cnameRule(at, words) }
    case 'rcode':
      return { stop, apply: rcodeRule(at, words) }
    case 'edns0':
      throw fault(at, "the field 'edns0' is known to CoreDNS but not implemented by Quorate")
    case undefined:
      throw argumentError(at)
    default:
      throw fault(at, `invalid rule type '${field}'`)
  }
}

function kindOf(words: string[]): string {
  return words.length > 2 && matchKinds.includes(words[0] as string) ? (words.shift() as string) : 'exact'
}

function nameRule(at: Directive, words: string[]): Rule['apply'] {
  const kind = kindOf(words)
  const [from, to, ...options] = words
  if (from === undefined || to === undefined) throw argumentError(at)
  const rename = renaming(at, kind, from, to)
  const answers = answerRules(at, options, kind === 'suffix' ? renaming(at, 'suffix', to, from) : undefined)
  return (query) => {
    const name = rename(query.key)
    if (name === undefined) return undefined
    if (!isName(name)) return { rcode: () => 1, query: {} }
    const key = keyOfName(name)
    // The client asked for its own name and takes an answer for no other.
    const back: Renaming = (owner) => (owner === key ? query.name : undefined)
    const auto = kind === 'exact' ? [back] : answers.auto && [back, ...answers.auto]
    const owners = [...(auto ?? []), ...answers.owners]
    const values = [...(auto ?? []), ...answers.values]
    return { query: { name }, record: (record) => renamed(record, owners, values) }
  }
}

interface AnswerRules {
  readonly owners: readonly Renaming[]
  readonly values: readonly Renaming[]
  readonly auto: readonly Renaming[] | undefined
}

/** `answer auto`, `answer name FROM TO`, `answer value FROM TO`; `answer` once is enough. */
function answerRules(at: Directive, words: readonly string[], reverse: Renaming | undefined): AnswerRules {
  const owners: Renaming[] = []
  const values: Renaming[] = []
  let auto: Renaming[] | undefined
  const rest = [...words]
  if (rest.length > 0 && rest[0] !== 'answer') throw fault(at, `unexpected '${rest[0]}'; options begin with 'answer'`)
  while (rest.length > 0) {
    const word = rest.shift()
    if (word === 'answer') continue
    if (word === 'auto' || (word === 'name' && rest[0] === 'auto')) {
      if (word === 'name') rest.shift()
      auto = reverse ? [reverse] : []
      continue
    }
    const [from, to] = rest.splice(0, 2)
    if ((word !== 'name' && word !== 'value') || from === undefined || to === undefined)
      throw fault(at, `invalid option '${word}' of the answer; there are auto, name FROM TO, value FROM TO`)
    ;(word === 'name' ? owners : values).push(byPattern(at, from, to))
  }
  return { owners, values, auto }
}

function renamed(record: Rr, owners: readonly Renaming[], values: readonly Renaming[]): Rr {
  const by = (rules: readonly Renaming[], name: string) => {
    for (const rule of rules) {
      const instead = rule(keyOfName(name))
      if (instead !== undefined && isName(instead)) return instead
    }
    return name
  }
  const data = values.length === 0 ? record.data : record.data.map((part) => (typeof part === 'string' ? by(values, part) : part))
  return { ...record, name: by(owners, record.name), data }
}

function codeRule(
  at: Directive,
  words: readonly string[],
  field: 'type' | 'class',
  read: (name: string) => number | undefined,
): Rule['apply'] {
  if (words.length !== 2) throw argumentError(at)
  const [from, to] = words.map((word) => {
    const code = read(word)
    if (code === undefined) throw fault(at, `invalid ${field} '${word}'`)
    return code
  })
  return (query) => (query[field] === from ? { query: { [field]: to } } : undefined)
}

function ttlRule(at: Directive, words: string[]): Rule['apply'] {
  const kind = kindOf(words)
  const [from, seconds] = words
  if (from === undefined || seconds === undefined || words.length !== 2) throw argumentError(at)
  const matches = matching(at, kind, from)
  const range = /^(\d*)-(\d*)$/.exec(seconds)
  const max = 2 ** 31 - 1
  const least = integer(at, range ? range[1] || '0' : seconds, 0, max)
  const most = integer(at, range ? range[2] || String(max) : seconds, 0, max)
  if (least > most) throw fault(at, `invalid range '${seconds}'`)
  const record = (each: Rr) => ({ ...each, ttl: Math.min(most, Math.max(least, each.ttl)) })
  return (query) => (matches(query.key) ? { record } : undefined)
}

function cnameRule(at: Directive, words: string[]): Rule['apply'] {
  const kind = kindOf(words)
  const [from, to] = words
  if (from === undefined || to === undefined || words.length !== 2) throw argumentError(at)
  const rename = renaming(at, kind, from, to)
  const record = (each: Rr) => {
    const instead = each.type === types.CNAME ? rename(keyOfName(String(each.data[0]))) : undefined
    return instead === undefined || !isName(instead) ? each : { ...each, data: [instead] }
  }
  return () => ({ record })
}

function rcodeRule(at: Directive, words: string[]): Rule['apply'] {
  const kind = words.length > 3 && matchKinds.includes(words[0] as string) ? (words.shift() as string) : 'exact'
  const [name, from, to] = words
  if (name === undefined || from === undefined || to === undefined || words.length !== 3) throw argumentError(at)
  const matches = matching(at, kind, name)
  const [old, instead] = [from, to].map((word) => {
    const code = rcodeOf(word) ?? (/^\d+$/.test(word) ? Number(word) : undefined)
    if (code === undefined) throw fault(at, `invalid rcode '${word}'`)
    return code
  })
  return (query) => (matches(query.key) ? { rcode: (rcode) => (rcode === old ? (instead as number) : rcode) } : undefined)
}
