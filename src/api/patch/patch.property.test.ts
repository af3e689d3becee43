import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cloneJson } from '../clone-json.js'
import type { JsonObject, JsonValue } from '../object.js'
import { kindSchema, type StructSchema } from '../schema/schema.js'
import { PatchError } from './json.js'
import { jsonPatch } from './json-patch.js'
import { mergePatch } from './merge-patch.js'
import { strategicMergePatch } from './strategic-merge.js'

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '$patch', 'metadata')
const json = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, 0, 1, 'x', 'merge', 'delete'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonObject>,
}))
/** As they come off the wire. */
const value = json.value.map((each) => JSON.parse(JSON.stringify(each)) as JsonValue)
const object = json.object.map((each) => JSON.parse(JSON.stringify(each)) as JsonObject)

/** A refusal is a PatchError and nothing else. */
function tried(run: () => JsonValue): JsonValue | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof PatchError) return undefined
    throw error
  }
}

describe('laws of patches', () => {
  it('a copy is equal and shares nothing', () =>
    fc.assert(
      fc.property(object, (each) => {
        const copy = cloneJson(each)
        expect(JSON.stringify(copy)).toBe(JSON.stringify(each))
        expect(copy).not.toBe(each)
      }),
    ))

  it('merge patch: the same twice is the same once, and the target stays as it was', () =>
    fc.assert(
      fc.property(value, object, (target, patch) => {
        const before = JSON.stringify(target)
        const once = mergePatch(target, patch)
        expect(mergePatch(once, patch)).toEqual(once)
        expect(JSON.stringify(target)).toBe(before)
      }),
    ))

  const pointer = fc
    .array(fc.oneof(key, fc.constantFrom('0', '1', '-', '')), { maxLength: 3 })
    .map((parts) => parts.map((p) => `/${p}`).join(''))
  const operation = fc.record(
    { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), path: pointer, from: pointer, value },
    { requiredKeys: ['op', 'path'] },
  )
  it('JSON patch: all operations or none, and the target stays as it was', () =>
    fc.assert(
      fc.property(object, fc.array(operation, { maxLength: 4 }), (target, patch) => {
        const before = JSON.stringify(target)
        tried(() => jsonPatch(target, patch as unknown as JsonValue))
        expect(JSON.stringify(target)).toBe(before)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    ))
  it('JSON patch: what has been added is found by a test, and gone after a remove', () =>
    fc.assert(
      fc.property(object, value, (target, added) => {
        const add: JsonObject = { op: 'add', path: '/new', value: added }
        const patched = jsonPatch(target, [add, { op: 'test', path: '/new', value: added }])
        expect(jsonPatch(patched, [{ op: 'remove', path: '/new' }])).toEqual(target)
      }),
    ))

  const schema = kindSchema({ group: '', version: 'v1', kind: 'Pod' }) as StructSchema
  const name = fc.constantFrom('a', 'b', 'c')
  const container = fc.record({ name, image: name }, { requiredKeys: ['name'] })
  const unique = <T extends { name: string }>(of: fc.Arbitrary<T>) => fc.uniqueArray(of, { selector: (each) => each.name })
  const pod = fc
    .record({
      spec: fc.record({ containers: unique(container), nodeSelector: fc.dictionary(name, name) }, { requiredKeys: [] }),
      metadata: fc.record({ finalizers: fc.uniqueArray(name), labels: fc.dictionary(name, name) }, { requiredKeys: [] }),
    })
    .map((each) => JSON.parse(JSON.stringify(each)) as JsonObject)

  it('strategic merge patch: the same twice is the same once; what it names is there', () =>
    fc.assert(
      fc.property(pod, pod, (target, patch) => {
        const before = JSON.stringify(target)
        const once = strategicMergePatch(schema, target, patch)
        expect(strategicMergePatch(schema, once, patch)).toEqual(once)
        const { labels } = patch.metadata as { labels?: JsonObject }
        if (labels) expect((once as { metadata: { labels: JsonObject } }).metadata.labels).toMatchObject(labels)
        expect(JSON.stringify(target)).toBe(before)
      }),
    ))
  it('strategic merge patch: whatever comes is merged or refused', () =>
    fc.assert(
      fc.property(object, object, (target, patch) => {
        tried(() => strategicMergePatch(schema, { metadata: target }, { metadata: patch, spec: patch }))
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    ))
})
