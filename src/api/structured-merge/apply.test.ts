import { describe, expect, it } from 'vitest'
import { kindCodec, type KindCodec } from '../scheme.js'
import type { ManagedFieldsEntry } from '../types/meta-v1.js'
import { apply, type Application, ApplyConflict, conflictPaths, type Ownership } from './apply.js'
import { type Members } from './elements.js'
import { TypedError } from './field-set.js'
import { mergeTypeOf } from './merge-type.js'

const pod = mergeTypeOf((kindCodec({ group: '', version: 'v1', kind: 'Pod' }) as KindCodec).schema)
const ownership: Ownership = { unowned: { top: new Set(['kind']), metadata: new Set() }, owned: (fields) => fields }
const versions = { typeOf: () => pod, convert: (object: Members) => object }
const writer = (manager: string) => ({ manager, apiVersion: 'v1', subresource: '', time: '2026-01-01T00:00:00Z' })

interface State {
  readonly object: Members
  readonly entries: readonly ManagedFieldsEntry[]
}
const blank: State = { object: {}, entries: [] }

function applied({ object, entries }: State, manager: string, configuration: Members, force = false): State {
  const application: Application = { live: object, configuration, entries, writer: writer(manager), force, ownership, versions }
  return apply(application)
}
const containers = (...list: Members[]) => ({ spec: { containers: list } })
const names = (state: State) => (state.object as { spec: { containers: { name: string }[] } }).spec.containers.map(({ name }) => name)

function conflictsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ApplyConflict) return error.conflicts.flatMap((each) => [...conflictPaths(each)])
    throw error
  }
  return []
}

describe('server-side apply (KEP-555)', () => {
  const one = applied(blank, 'one', containers({ name: 'a', image: 'x', ports: [{ containerPort: 80 }] }))

  it('owns what the configuration says, items with themselves, containers without', () => {
    expect(one.entries[0]?.fieldsV1).toEqual({
      'f:spec': {
        'f:containers': {
          'k:{"name":"a"}': {
            '.': {},
            'f:name': {},
            'f:image': {},
            'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
          },
        },
      },
    })
  })
  it('the same again changes nothing, not even the time', () => {
    const again = applied(one, 'one', containers({ name: 'a', image: 'x', ports: [{ containerPort: 80 }] }))
    expect(again.object).toBe(one.object)
    expect(again.entries).toEqual(one.entries)
  })
  it('another value than its owner gave is a conflict, named by its path; force takes it', () => {
    const other = containers({ name: 'a', image: 'y' })
    expect(conflictsOf(() => applied(one, 'two', other))).toEqual(['.spec.containers[name="a"].image'])
    const forced = applied(one, 'two', other, true)
    expect(forced.object).toMatchObject(containers({ name: 'a', image: 'y' }))
    expect(JSON.stringify(forced.entries.find(({ manager }) => manager === 'one'))).not.toContain('f:image')
  })
  it('the same value is shared, and stays until the last owner gives it up', () => {
    const shared = applied(one, 'two', containers({ name: 'a', image: 'x' }))
    expect(shared.object).toBe(one.object)
    const left = applied(shared, 'one', containers({ name: 'a' }))
    expect(left.object).toMatchObject(containers({ name: 'a', image: 'x' }))
    const gone = applied(left, 'two', containers({ name: 'a' }))
    expect(gone.object).toEqual(containers({ name: 'a' }))
  })
  it('an item given up goes with all that nobody owns in it', () => {
    const two = applied(blank, 'one', containers({ name: 'a' }, { name: 'b' }))
    const defaulted: State = { ...two, object: containers({ name: 'a', tty: true }, { name: 'b', tty: true }) }
    expect(names(applied(defaulted, 'one', containers({ name: 'a' })))).toEqual(['a'])
    expect(applied(defaulted, 'one', containers({ name: 'a' })).object).toEqual(containers({ name: 'a', tty: true }))
  })
  it('items keep the live order, and take the configuration’s where both have them', () => {
    const live = applied(blank, 'one', containers({ name: 'a' }, { name: 'b' }))
    expect(names(applied(live, 'two', containers({ name: 'c' }, { name: 'a' })))).toEqual(['c', 'a', 'b'])
    expect(names(applied(live, 'one', containers({ name: 'b' }, { name: 'a' })))).toEqual(['b', 'a'])
  })
  it('refuses what the schema does not have, and items that are there twice', () => {
    expect(() => applied(blank, 'one', { spec: { flavour: 'mint' } })).toThrow(TypedError)
    expect(() => applied(blank, 'one', { spec: { hostname: 5 } })).toThrow(TypedError)
    const twice = containers({ name: 'a', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }] })
    expect(() => applied(blank, 'one', twice)).toThrow(/duplicate entries/)
  })
})
