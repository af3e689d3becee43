import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ManagedFieldsEntry } from '../types/meta-v1.js'
import { apply, ApplyConflict, conflictPaths, type Ownership } from './apply.js'
import { compareObjects } from './compare.js'
import type { Members } from './elements.js'
import { difference, type FieldTree, intersection, isFieldTree, isSubset, pathTexts, union } from './field-tree.js'
import { fieldsOfConfiguration, fieldsOfObject } from './field-set.js'
import { mergeObjects } from './merge.js'
import { customMergeType } from './merge-type.js'

/** A kind with everything that a schema can say of a list or a map. */
const text = { type: 'string' }
const type = customMergeType({
  properties: {
    size: { type: 'integer' },
    color: text,
    labels: { type: 'object', additionalProperties: text },
    point: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { x: { type: 'integer' }, y: { type: 'integer' } } },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
    steps: { type: 'array', items: text },
    items: {
      type: 'array',
      ...{ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'protocol'] },
      items: { type: 'object', properties: { name: text, protocol: { ...text, default: 'TCP' }, value: text, more: { type: 'object' } } },
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
} as never)

const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor')
const value = fc.constantFrom('x', 'y')
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })
const item = fc.record(
  { name, protocol: fc.constantFrom('TCP', 'UDP'), value, more: fc.dictionary(value, value) },
  { requiredKeys: ['name'] },
)
const configuration: fc.Arbitrary<Members> = fc
  .record({
    size: optional(fc.integer({ min: 0, max: 3 })),
    color: optional(value),
    labels: optional(fc.dictionary(name, value)),
    point: optional(fc.record({ x: fc.integer({ min: 0, max: 1 }), y: fc.integer({ min: 0, max: 1 }) })),
    tags: optional(fc.uniqueArray(name)),
    steps: optional(fc.array(value, { maxLength: 2 })),
    items: optional(fc.uniqueArray(item, { selector: (each) => `${each.name}/${each.protocol ?? 'TCP'}` })),
    free: optional(fc.dictionary(name, fc.oneof(value, fc.dictionary(value, value)))),
  })
  .map((object) => JSON.parse(JSON.stringify(object)) as Members)

const ownership: Ownership = { unowned: { top: new Set(), metadata: new Set() }, owned: (fields) => fields }
const versions = { typeOf: () => type, convert: (object: Members) => object }

interface State {
  readonly object: Members
  readonly entries: readonly ManagedFieldsEntry[]
}
const blank: State = { object: {}, entries: [] }

function applied({ object, entries }: State, manager: string, wanted: Members, force = true): State {
  const writer = { manager, apiVersion: 'v1', subresource: '', time: '2026-01-01T00:00:00Z' }
  return apply({ live: object, configuration: wanted, entries, writer, force, ownership, versions })
}

/** As much of a configuration as can be applied without a conflict. */
function peaceful(state: State, manager: string, wanted: Members): Members {
  try {
    applied(state, manager, wanted, false)
    return wanted
  } catch (error) {
    if (!(error instanceof ApplyConflict)) throw error
    const disputed = new Set(error.conflicts.flatMap((each) => conflictPaths(each)).map((path) => /^\.(\w+)/.exec(path)?.[1]))
    return Object.fromEntries(Object.entries(wanted).filter(([member]) => !disputed.has(member)))
  }
}

/** What an object says whatever the order of its lists that have none, without what is empty. */
function meaning(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((each) => meaning(each))
    if (items.length === 0) return undefined
    return key === 'tags' || key === 'items' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items
  }
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const members = Object.keys(value)
    .sort()
    .map((each) => [each, meaning((value as Members)[each], each)] as const)
    .filter(([, member]) => member !== undefined)
  return members.length === 0 ? undefined : members
}

const paths = (tree: FieldTree | undefined) => (tree ? pathTexts(tree).sort() : [])
const fields = configuration.map((each) => fieldsOfConfiguration(type, each) ?? {})

describe('laws of sets of fields', () => {
  it('FieldsV1 is their text: they come back from it', () =>
    fc.assert(
      fc.property(fields, (tree) => {
        const back = JSON.parse(JSON.stringify(tree)) as FieldTree
        expect(paths(back)).toEqual(paths(tree))
        expect(isFieldTree(back)).toBe(true)
      }),
    ))
  it('union, intersection and difference are those of sets', () =>
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        const [inA, inB] = [new Set(paths(a)), new Set(paths(b))]
        expect(paths(union(a, b))).toEqual([...new Set([...inA, ...inB])].sort())
        expect(paths(intersection(a, b))).toEqual([...inA].filter((path) => inB.has(path)))
        expect(paths(difference(a, b))).toEqual([...inA].filter((path) => !inB.has(path)))
        expect(isSubset(a, union(a, b))).toBe(true)
      }),
    ))
})

describe('laws of comparing', () => {
  it('nothing differs from itself, and what differs is in one of the two', () =>
    fc.assert(
      fc.property(configuration, configuration, (a, b) => {
        expect(compareObjects(type, a, structuredClone(a))).toEqual({ changed: undefined, removed: undefined })
        const { changed, removed } = compareObjects(type, a, b)
        const back = compareObjects(type, b, a)
        // What comes one way goes the other way.
        expect(paths(difference(back.changed ?? {}, changed ?? {}))).toEqual(paths(difference(removed ?? {}, changed ?? {})))
      }),
    ))
})

describe('laws of apply', () => {
  it('the same twice is the same once', () =>
    fc.assert(
      fc.property(configuration, configuration, (base, wanted) => {
        const once = applied(applied(blank, 'base', base), 'one', wanted)
        const twice = applied(once, 'one', wanted)
        expect(twice.object).toBe(once.object)
        expect(twice.entries).toEqual(once.entries)
      }),
    ))
  it('what is applied is there, and owned by who applied it', () =>
    fc.assert(
      fc.property(configuration, configuration, (base, wanted) => {
        const { object, entries } = applied(applied(blank, 'base', base), 'one', wanted)
        expect(meaning(mergeObjects(type, object, wanted))).toEqual(meaning(object))
        const own = entries.find(({ manager }) => manager === 'one')
        expect(paths(own?.fieldsV1 as FieldTree | undefined)).toEqual(paths(fieldsOfConfiguration(type, wanted)))
      }),
    ))
  it('managers that do not conflict may apply in any order', () =>
    fc.assert(
      fc.property(configuration, configuration, (a, all) => {
        const first = applied(blank, 'a', a)
        const b = peaceful(first, 'b', all)
        const orders = [applied(first, 'b', b, false), applied(applied(blank, 'b', b), 'a', a, false)]
        expect(meaning(orders[0]?.object)).toEqual(meaning(orders[1]?.object))
      }),
      { numRuns: 300 },
    ))
  it('who gives everything up leaves what the others own', () =>
    fc.assert(
      fc.property(configuration, configuration, (base, all) => {
        const alone = applied(blank, 'base', base)
        const both = applied(alone, 'one', peaceful(alone, 'one', all), false)
        const left = applied(both, 'one', {})
        expect(meaning(left.object)).toEqual(meaning(alone.object))
        expect(left.entries.map(({ manager }) => manager)).not.toContain('one')
      }),
      { numRuns: 300 },
    ))
  it('nothing reaches a prototype', () => {
    expect(({} as Record<string, unknown>).x).toBeUndefined()
    expect(fieldsOfObject(type, JSON.parse('{"labels":{"__proto__":"x"}}') as Members)).toEqual({ 'f:labels': { 'f:__proto__': {} } })
  })
})
