import { describe, expect, it } from 'vitest'
import type { JsonValue } from '../object.js'
import { kindSchema } from '../schema/schema.js'
import { PatchError } from './json.js'
import { jsonPatch } from './json-patch.js'
import { mergePatch } from './merge-patch.js'
import { strategicMergePatch } from './strategic-merge.js'

describe('merge patch (RFC 7386, appendix A)', () => {
  it.each<[JsonValue, JsonValue, JsonValue]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j', (target, patch, result) => expect(mergePatch(target, patch)).toEqual(result))
})

describe('JSON patch (RFC 6902)', () => {
  it.each<[JsonValue, JsonValue, JsonValue]>([
    [{ a: 1 }, [{ op: 'add', path: '/b', value: [1] }], { a: 1, b: [1] }],
    [{ a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [{ a: [1, 2] }, [{ op: 'remove', path: '/a/0' }], { a: [2] }],
    [{ 'x/y': { '~': 1 } }, [{ op: 'replace', path: '/x~1y/~0', value: 2 }], { 'x/y': { '~': 2 } }],
    [{ a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
    [{ a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
    [{ a: { b: [1] } }, [{ op: 'test', path: '/a', value: { b: [1] } }], { a: { b: [1] } }],
  ])('%j + %j = %j', (target, patch, result) => {
    const before = structuredClone(target)
    expect(jsonPatch(target, patch)).toEqual(result)
    expect(target).toEqual(before)
  })

  it.each<[string, JsonValue]>([
    ['a failed test', [{ op: 'test', path: '/a', value: 2 }]],
    ['a missing path', [{ op: 'remove', path: '/nope' }]],
    ['an index out of range', [{ op: 'add', path: '/l/5', value: 1 }]],
    ['an unknown operation', [{ op: 'spin', path: '/a' }]],
    ['something that is no list', { op: 'add' }],
  ])('refuses %s', (_, patch) => expect(() => jsonPatch({ a: 1, l: [] }, patch)).toThrow(PatchError))

  it('copies no more than the largest object has', () => {
    const doubling = Array.from({ length: 40 }, () => ({ op: 'copy', from: '', path: '/a/-' }))
    expect(() => jsonPatch({ a: ['x'.repeat(1000)] }, doubling)).toThrow(/accumulated size/)
  })
  it('takes ten thousand operations, no more', () => {
    const tests = (count: number) => Array.from({ length: count }, () => ({ op: 'test', path: '/a', value: 1 }))
    expect(jsonPatch({ a: 1 }, tests(10_000))).toEqual({ a: 1 })
    expect(() => jsonPatch({ a: 1 }, tests(10_001))).toThrow(/maximum operations/)
  })
  it('cannot reach a prototype', () => {
    jsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }])
    expect(() => jsonPatch({}, [{ op: 'add', path: '/__proto__/polluted', value: 1 }])).toThrow(PatchError)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('strategic merge patch', () => {
  const schema = kindSchema({ group: '', version: 'v1', kind: 'Pod' })
  const patch = (target: JsonValue, change: JsonValue) => strategicMergePatch(schema as NonNullable<typeof schema>, target, change)
  const containers = (list: JsonValue) => ({ spec: { containers: list } })

  it('merges a list of objects by its key and appends new ones', () => {
    expect(
      patch(
        containers([
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ]),
        containers([
          { name: 'b', image: '2' },
          { name: 'c', image: '3' },
        ]),
      ),
    ).toEqual(
      containers([
        { name: 'a', image: '1' },
        { name: 'b', image: '2' },
        { name: 'c', image: '3' },
      ]),
    )
  })
  it('deletes an element by directive', () => {
    expect(patch(containers([{ name: 'a' }, { name: 'b' }]), containers([{ $patch: 'delete', name: 'a' }]))).toEqual(
      containers([{ name: 'b' }]),
    )
  })
  it('replaces a whole list by directive', () => {
    expect(patch(containers([{ name: 'a' }, { name: 'b' }]), containers([{ $patch: 'replace' }, { name: 'c' }]))).toEqual(
      containers([{ name: 'c' }]),
    )
  })
  it('replaces an atomic list', () => {
    expect(
      patch({ spec: { containers: [{ name: 'a', args: ['1', '2'] }] } }, { spec: { containers: [{ name: 'a', args: ['3'] }] } }),
    ).toEqual({ spec: { containers: [{ name: 'a', args: ['3'] }] } })
  })
  it('merges a list of values as a set, and deletes from it', () => {
    expect(
      patch({ metadata: { finalizers: ['a', 'b'] } }, { metadata: { finalizers: ['c'], '$deleteFromPrimitiveList/finalizers': ['a'] } }),
    ).toEqual({ metadata: { finalizers: ['c', 'b'] } })
  })
  it('keeps to the order that is asked for', () => {
    const change = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'b', image: '2' }] } }
    expect(patch(containers([{ name: 'a' }, { name: 'b' }]), change)).toEqual(containers([{ name: 'b', image: '2' }, { name: 'a' }]))
  })
  it('removes by null and keeps only retained keys', () => {
    expect(patch({ metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { a: null } } })).toEqual({
      metadata: { labels: { b: '2' } },
    })
    expect(
      patch(
        { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
        { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } },
      ),
    ).toEqual({
      spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
    })
  })
  it('puts new elements before those that the patch does not name', () => {
    expect(patch(containers([{ name: 'a' }, { name: 'b' }]), containers([{ name: 'c' }, { name: 'b' }]))).toEqual(
      containers([{ name: 'c' }, { name: 'a' }, { name: 'b' }]),
    )
  })
  it('deletes every element that has the key', () => {
    const ports = (...list: JsonValue[]) => containers([{ name: 'a', ports: list }])
    const port = (protocol: string) => ({ containerPort: 53, protocol })
    const [udp, tcp] = [port('UDP'), port('TCP')]
    expect(patch(ports(udp, tcp, { containerPort: 80 }), ports({ containerPort: 53, $patch: 'delete' }))).toEqual(
      ports({ containerPort: 80 }),
    )
  })
  it.each<[string, JsonValue]>([
    ['retained keys that are no list', { spec: { $retainKeys: 'x' } }],
    ['a member that is not among the retained keys', { spec: { $retainKeys: ['a'], hostname: 'x' } }],
    ['an unknown directive', { spec: { $patch: 'merge' } }],
    ['a list that is not in the order it says', { spec: { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'a' }] } }],
    ['values among objects', containers(['x'])],
  ])('refuses %s', (_, change) => expect(() => patch({ spec: { containers: [{ name: 'a' }] } }, change)).toThrow(PatchError))

  it('refuses an element without its key', () => {
    expect(() => patch(containers([]), containers([{ image: 'x' }]))).toThrow(/merge key/)
  })
})
