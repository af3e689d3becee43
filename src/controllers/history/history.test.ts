import { describe, expect, it } from 'vitest'
import type { ControllerRevision } from '../../api/types/apps-v1.js'
import { byRevision, isOfTemplate, makeRevision, nextRevision, revisionsToForget, templateOf, templatePatch } from './history.js'

const kind = { group: 'apps', version: 'v1', kind: 'StatefulSet' }
const template = { metadata: { labels: { app: 's' } }, spec: { containers: [{ name: 'c', image: 'one' }] } }
const make = (image: string, revision: number, collisionCount = 0) =>
  makeRevision({
    ...{ owner: { metadata: { name: 's', namespace: 'n', uid: 'u' } }, kind, revision, hashLabel: 'hash', collisionCount },
    template: { ...template, spec: { containers: [{ name: 'c', image }] } },
  })

describe('a revision', () => {
  it('is a patch that replaces the template, as kubectl rollout undo applies it', () => {
    expect(templatePatch(template)).toEqual({ spec: { template: { ...template, $patch: 'replace' } } })
    expect(templateOf(make('one', 1))).toEqual(template)
    expect([isOfTemplate(make('one', 1), template), isOfTemplate(make('two', 1), template)]).toEqual([true, false])
  })
  it('has one name a template, until names collide', () => {
    expect(make('one', 1).metadata.name).toBe(make('one', 7).metadata.name)
    expect(make('one', 1).metadata.name).not.toBe(make('two', 1).metadata.name)
    expect(make('one', 1).metadata.name).not.toBe(make('one', 1, 1).metadata.name)
    expect(make('one', 1).metadata.labels?.['hash']).toBe(make('one', 1).metadata.name?.slice('s-'.length))
  })
})

describe('the history', () => {
  const named = (name: string, revision: number): ControllerRevision => ({ metadata: { name }, revision })
  const sorted = [named('c', 3), named('a', 1), named('d', 4), named('b', 2)].sort(byRevision)
  it('goes on from the highest number', () => {
    expect(sorted.map((each) => each.revision)).toEqual([1, 2, 3, 4])
    expect([nextRevision(sorted), nextRevision([])]).toEqual([5, 1])
  })
  it('forgets the oldest that nothing uses', () => {
    const forgotten = (limit: number, ...live: string[]) =>
      revisionsToForget(sorted, (name) => live.includes(name), limit).map((each) => each.metadata.name)
    expect(forgotten(1, 'd')).toEqual(['a', 'b'])
    expect(forgotten(0, 'd', 'a')).toEqual(['b', 'c'])
    expect(forgotten(9, 'd')).toEqual([])
  })
})
