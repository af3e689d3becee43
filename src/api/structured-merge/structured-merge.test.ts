import { describe, expect, it } from 'vitest'
import { kindCodec } from '../scheme.js'
import type { KindCodec } from '../scheme.js'
import { compareObjects } from './compare.js'
import { difference, type FieldTree, union } from './field-tree.js'
import { afterUpdate } from './managed-fields.js'
import { customMergeType, deduced, mergeTypeOf } from './merge-type.js'

const pod = kindCodec({ group: '', version: 'v1', kind: 'Pod' }) as KindCodec
const blank = pod.decode({ metadata: {} })
const compare = (before: object, after: object) => compareObjects(mergeTypeOf(pod.schema), before as never, after as never)

describe('comparing objects field by field', () => {
  const web = pod.decode({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'a', image: 'x', ports: [{ containerPort: 80 }], args: ['-v'] }], nodeSelector: { disk: 'ssd' } },
  })

  it('a new object has all its fields; containers that Go has from the start are none themselves', () => {
    expect(compare(blank, web)).toEqual({
      changed: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"a"}': {
              '.': {},
              'f:name': {},
              'f:image': {},
              'f:args': {},
              'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              'f:resources': {},
            },
          },
          // A node selector is of one piece.
          'f:nodeSelector': {},
        },
      },
      removed: undefined,
    })
  })

  it('tells what changed from what is gone', () => {
    const next = structuredClone(web) as unknown as { metadata: { labels?: object }; spec: { containers: { image: string }[] } }
    delete next.metadata.labels
    ;(next.spec.containers[0] as { image: string }).image = 'y'
    expect(compare(web, next)).toEqual({
      changed: { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { 'f:image': {} } } } },
      removed: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } } },
    })
    expect(compare(web, structuredClone(web))).toEqual({ changed: undefined, removed: undefined })
  })

  it('custom kinds fall apart as their schema says, and where it says nothing lists are of one piece', () => {
    const items = { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'integer' } } }
    const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items }
    const type = customMergeType({
      properties: { spec: { type: 'object', properties: { list, set: { type: 'array', 'x-kubernetes-list-type': 'set' } } } },
    })
    expect(compareObjects(type, {}, { spec: { list: [{ k: 'a', v: 1 }], set: ['x'] } }).changed).toEqual({
      'f:spec': { '.': {}, 'f:list': { '.': {}, 'k:{"k":"a"}': { '.': {}, 'f:k': {}, 'f:v': {} } }, 'f:set': { '.': {}, 'v:"x"': {} } },
    })
    expect(compareObjects(deduced, {}, {}).changed).toBeUndefined()
  })
})

describe('sets of fields', () => {
  const a = { 'f:x': {}, 'f:m': { '.': {}, 'f:one': {} } }
  it('add up', () => {
    expect(union(a, { 'f:m': { 'f:two': {} }, 'f:y': {} })).toEqual({ 'f:x': {}, 'f:y': {}, 'f:m': { '.': {}, 'f:one': {}, 'f:two': {} } })
    expect(union({ 'f:m': {} }, { 'f:m': { 'f:one': {} } })).toEqual({ 'f:m': { '.': {}, 'f:one': {} } })
  })
  it('take away members one by one, a container only by itself', () => {
    expect(difference(a, { 'f:m': { 'f:one': {} } })).toEqual({ 'f:x': {}, 'f:m': {} })
    expect(difference(a, { 'f:m': {} })).toEqual({ 'f:x': {}, 'f:m': { 'f:one': {} } })
    expect(difference(a, a)).toBeUndefined()
    expect(difference(a, { 'f:other': {} })).toBe(a)
  })
})

describe('managedFields after a write', () => {
  const writer = (manager: string, time = '2026-01-01T00:00:00Z') => ({ manager, apiVersion: 'v1', subresource: '', time })
  const changing = (changed: FieldTree | undefined, removed?: FieldTree) => () => ({ changed, removed })
  const first = afterUpdate([], changing({ 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } }), writer('one'))

  it('the writer owns what it changed, the others lose it', () => {
    const second = afterUpdate(first, changing({ 'f:data': { 'f:b': {} } }), writer('two', '2026-01-01T00:00:01Z'))
    expect(second.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['one', { 'f:data': { '.': {}, 'f:a': {} } }],
      ['two', { 'f:data': { 'f:b': {} } }],
    ])
  })
  it("what is gone is nobody's, and who owns nothing is not listed", () => {
    expect(afterUpdate(first, changing(undefined, { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } }), writer('two'))).toEqual([])
  })
  it('a write that changes nothing leaves the list alone', () => {
    expect(afterUpdate(first, changing(undefined), writer('one', '2027-01-01T00:00:00Z'))).toBe(first)
  })
  it('more than ten writers are not told apart: the oldest become one', () => {
    let entries = first
    for (let i = 0; i < 12; i++)
      entries = afterUpdate(entries, changing({ [`f:${i}`]: {} }), writer(`w${i}`, `2026-01-02T00:00:${10 + i}Z`))
    expect(entries).toHaveLength(10)
    expect(entries.find(({ manager }) => manager === 'ancient-changes')?.fieldsV1).toHaveProperty(['f:data', 'f:a'])
  })
})
