import { describe, expect, it } from 'vitest'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { classify, verdictOn } from './references.js'

const a: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'a' }
const b: OwnerReference = { ...a, name: 'b', uid: 'b' }
const object = { metadata: { name: 'x' } }
const none = { count: 0, isDeletingDependents: false }
const classified = (more: object) => ({ solid: [], dangling: [], waiting: [], ...more })

describe('owners', () => {
  it('are solid, dangling or waiting for this object to go', async () => {
    const going = { metadata: { deletionTimestamp: 'now', finalizers: ['foregroundDeletion'] } }
    const owners: Record<string, typeof going | typeof object | undefined> = { a: object, b: undefined, c: going }
    const c = { ...a, name: 'c', uid: 'c' }
    const result = await classify([a, b, c], ({ uid }) => owners[uid] as typeof object | undefined)
    expect(result).toEqual({ solid: [a], dangling: [b], waiting: [c] })
  })
})

describe('the verdict', () => {
  it('keeps an object with a solid owner, which loses its other references', () => {
    expect(verdictOn(object, classified({ solid: [a] }), none)).toEqual({ do: 'nothing' })
    expect(verdictOn(object, classified({ solid: [a], dangling: [b] }), none)).toEqual({ do: 'disown', keep: [a] })
    expect(verdictOn(object, classified({ solid: [a], waiting: [b] }), none)).toEqual({ do: 'disown', keep: [a] })
  })

  it('deletes the others in the background, or as their finalizers ask', () => {
    const gone = classified({ dangling: [a] })
    expect(verdictOn(object, gone, none)).toMatchObject({ do: 'delete', policy: 'Background' })
    expect(verdictOn({ metadata: { finalizers: ['orphan'] } }, gone, none)).toMatchObject({ policy: 'Orphan' })
    expect(verdictOn({ metadata: { finalizers: ['foregroundDeletion'] } }, gone, none)).toMatchObject({ policy: 'Foreground' })
  })

  it('goes in the foreground when an owner waits and it has dependents; a circle is broken', () => {
    const waiting = classified({ waiting: [a] })
    expect(verdictOn(object, waiting, none)).toMatchObject({ policy: 'Background', unblock: false })
    expect(verdictOn(object, waiting, { count: 2, isDeletingDependents: false })).toMatchObject({ policy: 'Foreground', unblock: false })
    expect(verdictOn(object, waiting, { count: 2, isDeletingDependents: true })).toMatchObject({ policy: 'Foreground', unblock: true })
  })
})
