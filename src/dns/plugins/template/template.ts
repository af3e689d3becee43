/** Answers made from the question by templates: records for names of a pattern. */
import { messageOf } from '../../../base/errors.js'
import { type Answer, authoritative, Body, failure } from '../../answer.js'
import type { Directive } from '../../corefile/corefile.js'
import { type Fallthrough, fallthrough, noFallthrough, zonesOrServer } from '../../corefile/values.js'
import { type Match, type Pattern, pattern } from '../../pattern.js'
import { argsOf, argumentError, fault, type Link, notImplemented, type Plugin, type Setup, unknownProperty } from '../../plugin.js'
import { className, classes, classOf, rcodeOf, rcodes, typeName, typeOf, types } from '../../wire/constants.js'
import { zoneOf } from '../../wire/name.js'
import { parseRecord } from '../../wire/presentation.js'
import type { Query } from '../../wire/reader.js'
import type { Rr } from '../../wire/record.js'
import { compileTemplate, type Template, type TemplateData } from './go-template.js'

interface Rule {
  readonly class: number
  readonly type: number
  readonly zones: readonly string[]
  readonly patterns: Pattern[]
  readonly answer: Template[]
  readonly additional: Template[]
  readonly authority: Template[]
  rcode: number
  fallthrough: Fallthrough
}

export const template: Plugin = {
  name: 'template',
  setup(directives, setup): Link {
    const rules = directives.map((directive) => ruleOf(directive, setup.zones))
    return {
      handler: (next) => (query) => {
        for (const rule of rules) {
          const zone = scopeOf(rule, query)
          if (zone === undefined) continue
          const match = matchOf(rule, query)
          if (match) return answerOf(rule, { query, zone, match, setup })
          if (!rule.fallthrough(query.key)) return failure(rcodes.SERVFAIL)
        }
        return next(query)
      },
    }
  },
}

/** The rule's zone that the query is in, when it is one of the rule's class and type. */
function scopeOf(rule: Rule, query: Query): string | undefined {
  if (rule.class !== classes.ANY && query.class !== classes.ANY && rule.class !== query.class) return undefined
  if (rule.type !== types.ANY && query.type !== types.ANY && rule.type !== query.type) return undefined
  return zoneOf(rule.zones, query.key)
}

function matchOf({ patterns }: Rule, { key }: Query): Match | undefined {
  if (patterns.length === 0) return { groups: [key], named: new Map() }
  for (const each of patterns) {
    const match = each.match(key)
    if (match) return match
  }
  return undefined
}

interface Matched {
  readonly query: Query
  readonly zone: string
  readonly match: Match
  readonly setup: Setup
}

function answerOf(rule: Rule, { query, zone, match, setup }: Matched): Answer | Promise<Answer> {
  const { key, type, class: cls, client, id } = query
  setup.metrics.templateMatches.inc([setup.server, zone, '', className(rule.class), typeName(rule.type)])
  const data: TemplateData = {
    Zone: zone,
    Name: key,
    Class: className(cls),
    Type: typeName(type),
    Remote: client.address,
    Match: match.groups,
    Group: match.named,
    Question: { Name: key },
    Message: { Id: id },
  }
  try {
    const records = (templates: readonly Template[]): Rr[] => templates.map((each) => parseRecord(each(data)))
    const answers = records(rule.answer)
    const body = new Body(answers, records(rule.authority), records(rule.additional))
    return authoritative('template', body, rule.rcode)
  } catch (error) {
    return failure(rcodes.SERVFAIL, messageOf(error))
  }
}

function ruleOf(directive: Directive, serverZones: readonly string[]): Rule {
  const [clsText, typeText, ...zones] = directive.args
  if (clsText === undefined || typeText === undefined) throw argumentError(directive)
  const cls = classOf(clsText)
  if (cls === undefined) throw fault(directive, `invalid query class ${clsText}`)
  const type = typeOf(typeText)
  if (type === undefined) throw fault(directive, `invalid RR class ${typeText}`)
  const rule: Rule = {
    class: cls,
    type,
    zones: zonesOrServer(directive, zones, serverZones),
    ...{ patterns: [], answer: [], additional: [], authority: [] },
    rcode: rcodes.NOERROR,
    fallthrough: noFallthrough,
  }
  for (const property of directive.block ?? []) read(property, rule)
  return rule
}

function read(property: Directive, rule: Rule): void {
  const { name, args } = property
  switch (name) {
    case 'match':
      if (args.length === 0) throw argumentError(property)
      for (const text of args) rule.patterns.push(pattern(property, text))
      return
    case 'answer':
    case 'additional':
    case 'authority':
      if (args.length === 0) throw argumentError(property)
      for (const text of args) rule[name].push(compiled(property, text))
      return
    case 'rcode': {
      const [code = ''] = argsOf(property, 1)
      const rcode = rcodeOf(code)
      if (rcode === undefined) throw fault(property, `unknown rcode ${code}`)
      rule.rcode = rcode
      return
    }
    case 'fallthrough':
      rule.fallthrough = fallthrough(property)
      return
    case 'var':
    case 'expr':
    case 'ederror':
      throw notImplemented(property)
    default:
      throw unknownProperty(property)
  }
}

function compiled(property: Directive, text: string): Template {
  try {
    return compileTemplate(text)
  } catch (error) {
    throw fault(property, messageOf(error))
  }
}
