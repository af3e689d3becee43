/**
 * The worst that rules can cost, from the sizes that schemas allow: the figures that kube-apiserver reckons for the same schema and
 * rule, without bounds and with `max` for every bound. Definitions that are accepted there must be accepted here.
 */
import { describe, expect, it } from 'vitest'
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { compileRule, ruleEnvironments } from '../../structural/rules/compile-rule.js'
import { schemaType, sizeHint } from './schema-type.js'

type Make = (max: number | undefined) => object

const of = (type: string, max?: number): object => {
  if (type === 'int-or-string') return { 'x-kubernetes-int-or-string': true, ...(max === undefined ? {} : { maxLength: max }) }
  const isTime = ['duration', 'date', 'date-time'].includes(type)
  return { type: isTime ? 'string' : type, ...(isTime ? { format: type } : {}), ...(max === undefined ? {} : { maxLength: max }) }
}
const array =
  (items: object): Make =>
  (max) => ({ type: 'array', items, ...(max === undefined ? {} : { maxItems: max }) })
const map =
  (values: object): Make =>
  (max) => ({ type: 'object', additionalProperties: values, ...(max === undefined ? {} : { maxProperties: max }) })
const text: Make = (max) => of('string', max)
const bytes: Make = (max) => ({ ...of('string', max), format: 'byte' })
const member = { type: 'object', required: ['required'], properties: { required: of('string'), optional: of('string') } }
const texts: Make = (max) => ({ ...array(of('string', max))(max), 'x-kubernetes-list-type': 'atomic' })
const enumerated: Make = (max) => ({ ...of('string', max), enum: ['A', 'B', 'C', 'LongValue'] })
const mapOfTexts: Make = (max) => map(of('string', max))(max)
const nested: Make = (max) => array(map({ ...member, ...(max === undefined ? {} : { maxProperties: max }) })(max) as object)(max)
const replaced: Make = (max) => ({
  type: 'object',
  properties: { str: of('string', max), before: of('string', 2), after: of('string', 4) },
})
const split: Make = (max) => ({ type: 'object', properties: { str: of('string', max), separator: of('string', max) } })

function cost(make: Make, rule: string, max: number | undefined): number {
  const type = schemaType(make(max) as JSONSchemaProps, 'selfType')
  if (!type) throw new Error('no type')
  const compiled = compileRule({ rule }, ruleEnvironments(type))
  if (!compiled.program) throw new Error(compiled.fault)
  return compiled.program.estimate(sizeHint(type)).max
}

const figures: readonly (readonly [make: Make, rule: string, unbounded: number, max: number, bounded: number])[] = [
  [array(of('number')), 'self.all(x, true)', 4718591, 10, 32],
  [array(of('string')), 'self.all(x, true)', 3145727, 20, 62],
  [array(of('boolean')), 'self.all(x, true)', 1887437, 5, 17],
  [array({ type: 'array', items: of('number') }), 'self.all(x, true)', 3145727, 100, 302],
  [array(member), 'self.all(x, true)', 555128, 50, 152],
  [map(of('number')), 'self.all(x, true)', 1348169, 10, 32],
  [map(of('string')), 'self.all(x, true)', 1179647, 3, 11],
  [map(of('boolean')), 'self.all(x, true)', 943718, 100, 302],
  [text, "self.contains('test')", 314574, 10, 5],
  [text, "self.startsWith('test')", 2, 15, 2],
  [text, 'size(self + "hello") > size("hello")', 314578, 4, 7],
  [array(of('number')), 'self[1] == 0.0', 2, 5000, 2],
  [array(of('string')), 'self[1] == self[1]', 314577, 8, 314577],
  [array(of('number')), 'self.all(x, self.all(y, true))', Number.POSITIVE_INFINITY, 10, 352],
  [array(of('number')), 'self.all(x, self.all(y, self.all(z, true)))', Number.POSITIVE_INFINITY, 10, 3552],
  [text, 'self.matches("x")', 314574, 50, 22],
  [text, '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  [text, 'self.matches("")', 1, 100, 1],
  [mapOfTexts, 'self.all(x, x.contains(self[x]))', 2752507, 10, 72],
  [map(of('number')), 'self["x"] == 0.0', 2, 0, 2],
  [text, 'self == "x"', 2, 0, 1],
  [bytes, 'self == b"x"', 2, 0, 1],
  [array(of('number')), 'self.all(x, x == 0.0)', 6291454, 3 * 1024 * 2048, 25165826],
  [nested, 'self.all(x, x["y"].required == "z")', 7340027, 10, 72],
  [array(of('int-or-string')), 'self.all(x, true)', 4718591, 10, 32],
  [array(of('int-or-string')), 'self[0] == 5', 3, 10, 3],
  [array(of('boolean')), 'self[0] == false', 2, 25, 2],
  [array(member), 'self[0] == null', 2, 422, 2],
  [array({ type: 'array', items: of('number') }), 'self[0][0] == -1.0', 3, 51, 3],
  [array({ type: 'object', additionalProperties: of('number') }), 'self.all(x, x.y == 25.2)', 6291452, 12, 74],
  [array({ type: 'object', additionalProperties: of('number') }), 'self[0].x > 2.0', 4, 3000, 4],
  [array(of('duration')), 'self.all(x, true)', 2359295, 5, 17],
  [array(of('duration')), 'self[0].getHours() == 2', 4, 525, 4],
  [array(of('date')), 'self.all(x, true)', 725936, 15, 47],
  [array(of('date-time')), 'self.all(x, true)', 428963, 25, 77],
  [map(of('int-or-string')), 'self.all(x, true)', 1348169, 15, 47],
  [map({ type: 'object', additionalProperties: of('number') }), 'self.all(x, true)', 1179647, 10, 32],
  [map(of('date')), 'self.all(x, true)', 524288, 10, 32],
  [map(of('date-time')), 'self.all(x, true)', 349526, 25, 77],
  [text, "self.find('[0-9]+') == ''", 629147, 10, 11],
  [texts, "self.join(' ') == 'aa bb'", 329853068905, 10, 43],
  [texts, 'self.isSorted() == true', 329854432052, 10, 52],
  [replaced, "self.str.replace(self.before, self.after) == 'does not matter'", 629154, 4, 12],
  [split, 'self.str.split(self.separator) == []', 629160, 10, 22],
  [text, "self.lowerAscii() == 'lower!'", 314575, 10, 6],
  [map(of('integer')), 'oldSelf.size() == self.size()', 5, 10, 5],
  [map(of('date-time')), 'self["a"] == self["b"]', 8, 7, 8],
  [enumerated, "self.contains('A')", 2, 1000, 401],
  [(max) => of('int-or-string', max), 'isQuantity(self)', 314574, 20, 9],
]

/** Beyond this kube-apiserver's own test only says that it is too much. */
const tooMuch = 10_000_000_000

describe('estimated costs of rules', () => {
  it.each(
    figures.map(([make, rule, unbounded, max, bounded]) => ({
      make,
      rule,
      unbounded,
      max,
      bounded,
      schema: JSON.stringify(make(undefined)),
    })),
  )('$rule on $schema', ({ make, rule, unbounded, max, bounded }) => {
    const free = cost(make, rule, undefined)
    if (Number.isFinite(unbounded)) expect(free).toBe(unbounded)
    else expect(free).toBeGreaterThan(tooMuch)
    expect(cost(make, rule, max)).toBe(bounded)
  })
})
