/** x-kubernetes-validations on objects (KEP-2876, ratcheting and the rest of KEP-4008). */
import { describe, expect, it } from 'vitest'
import type { Fault } from '../../status.js'
import type { JSONSchemaProps, ValidationRule } from '../../types/apiextensions-v1.js'
import { ruleFieldPath } from './field-path.js'
import { compileRules } from './rules.js'

const schema = (value: object): JSONSchemaProps => value as JSONSchemaProps
const object = (properties: object, ...rules: Partial<ValidationRule>[]) =>
  schema({ type: 'object', properties, ...(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {}) })

function faults(of: JSONSchemaProps, value: unknown, old?: unknown): string[] {
  return (compileRules(of, false)?.validate(value, old) ?? []).map(({ path, reason, detail }: Fault) => `${path} ${reason} ${detail}`)
}
const int = { type: 'integer' }

describe('rules of a schema', () => {
  it('are none where there are none', () => expect(compileRules(object({ a: int }), true)).toBeUndefined())

  it('tell where a value is: members, elements, keys', () => {
    const rule = { 'x-kubernetes-validations': [{ rule: 'self > 0', message: 'small' }] }
    const of = object({
      list: { type: 'array', items: { ...int, ...rule } },
      map: { type: 'object', additionalProperties: { ...int, ...rule } },
      deep: object({ 'a-b': { ...int, ...rule } }),
    })
    const found = faults(of, { list: [1, 0], map: { k: 0 }, deep: { 'a-b': 0 }, other: {} })
    expect(found).toEqual(['list[1] FieldValueInvalid small', 'map[k] FieldValueInvalid small', 'deep.a-b FieldValueInvalid small'])
  })

  it('say their message, or the one that is worked out, at the path and with the reason that they name', () => {
    const of = object(
      { a: int, b: { type: 'object', additionalProperties: int } },
      {
        rule: 'self.a > 1',
        message: 'never seen',
        messageExpression: "'a is %d'.format([self.a])",
        reason: 'FieldValueForbidden',
        fieldPath: ".b['x.y']",
      },
    )
    expect(faults(of, { a: 1 })).toEqual(['b[x.y] FieldValueForbidden a is 1'])
  })

  it('about a change are asked only when there was something, or with an optional', () => {
    const of = object({ a: int }, { rule: 'self.a >= oldSelf.a' })
    expect(faults(of, { a: 1 })).toEqual([])
    expect(faults(of, { a: 1 }, { a: 2 })).toHaveLength(1)
    const optional = object({ a: int }, { rule: 'oldSelf.hasValue() || self.a == 0', optionalOldSelf: true })
    expect(faults(optional, { a: 1 })).toHaveLength(1)
    expect(faults(optional, { a: 1 }, { a: 5 })).toEqual([])
  })

  it('find the elements of a map list by their keys, and what they were', () => {
    const of = object({
      list: schema({
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        items: object({ k: { type: 'string' }, v: int }, { rule: 'self.v >= oldSelf.v' }),
      }),
    })
    const before = {
      list: [
        { k: 'a', v: 1 },
        { k: 'b', v: 5 },
      ],
    }
    expect(
      faults(
        of,
        {
          list: [
            { k: 'b', v: 5 },
            { k: 'a', v: 0 },
            { k: 'c', v: 0 },
          ],
        },
        before,
      ),
    ).toEqual(['list[1] FieldValueInvalid failed rule: self.v >= oldSelf.v'])
  })

  it('leave alone what was wrong before and is as it was, but not what is about the change (KEP-4008)', () => {
    const of = object({ a: object({ x: int }, { rule: 'self.x > 0' }), b: int })
    expect(faults(of, { a: { x: 0 }, b: 2 }, { a: { x: 0 }, b: 1 })).toEqual([])
    expect(faults(of, { a: { x: -1 }, b: 2 }, { a: { x: 0 }, b: 1 })).toHaveLength(1)
    const change = object({ a: int }, { rule: 'self.a != oldSelf.a' })
    expect(faults(change, { a: 0 }, { a: 0 })).toHaveLength(1)
  })

  it('that fail to run are faults, and one does not hide the next', () => {
    const of = object({ a: int, b: int }, { rule: '10 / self.a > 0' }, { rule: 'self.b > 0' })
    expect(faults(of, { a: 0, b: 0 })).toHaveLength(2)
  })

  it('share a budget: the one that goes beyond is the last', () => {
    const of = object({ l: { type: 'array', items: int } }, { rule: 'self.l.all(x, self.l.all(y, x + y >= 0))' }, { rule: 'false' })
    const found = faults(of, { l: Array.from({ length: 1000 }, (_, i) => i) })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain('cost budget')
  })

  it('see members whose names are no identifiers, sets without order, embedded resources with their type', () => {
    const of = object(
      {
        namespace: { type: 'string' },
        'a-b': int,
        set: schema({ type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' }),
      },
      { rule: "self.__namespace__ == 'x' && self.a__dash__b == 1 && self.set == ['b', 'a'] && self.set + ['c'] == ['c', 'b', 'a']" },
    )
    expect(faults(of, { namespace: 'x', 'a-b': 1, set: ['a', 'b'] })).toEqual([])
    const embedded = object({
      t: schema({
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
        'x-kubernetes-validations': [{ rule: "self.kind == 'A' && self.metadata.name == 'n'" }],
      }),
    })
    expect(faults(embedded, { t: { kind: 'A', metadata: { name: 'n' } } })).toEqual([])
  })
})

describe('fieldPath', () => {
  const of = object({ a: object({ b: int }), m: { type: 'object', additionalProperties: int } })
  it.each([
    ['.a.b', 'a.b'],
    [".a['b']", 'a.b'],
    [".m['x.y']", 'm[x.y]'],
    ['.m.x', 'm[x]'],
    ['.nope', undefined],
    ['a', undefined],
    ['.a[0]', undefined],
  ])('%s is %s', (path, wanted) => expect(ruleFieldPath(path, of)).toBe(wanted))
})
