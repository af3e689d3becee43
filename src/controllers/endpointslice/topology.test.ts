import { describe, expect, it } from 'vitest'
import type { Node } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.js'
import type { SliceChanges } from './slices.js'
import { allocate, withTopologyHints, zoneShares } from './topology.js'

const node = (zone: string | undefined, cpu: string, ready = 'True'): Node => ({
  metadata: { labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] },
})
const slice = (...zones: (string | undefined)[]): EndpointSlice => ({
  metadata: { name: 'x' },
  addressType: 'IPv4',
  endpoints: zones.map((zone, i): Endpoint => ({ addresses: [`10.0.0.${i}`], conditions: { ready: true }, ...(zone ? { zone } : {}) })),
})
const none: SliceChanges = { create: [], update: [], remove: [] }
const hints = (slices: readonly EndpointSlice[]) => {
  const counts: Record<string, number> = {}
  for (const { endpoints } of slices)
    for (const each of endpoints ?? []) for (const { name } of each.hints?.forZones ?? []) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
const even = new Map([
  ['a', 0.5],
  ['b', 0.5],
])

describe('topology aware routing (KEP-2433)', () => {
  it('goes by the CPU of ready workers in each zone', () => {
    expect([...(zoneShares([node('a', '2'), node('b', '4'), node('a', '2'), node('b', '9', 'False')]) ?? [])]).toEqual([
      ['a', 0.5],
      ['b', 0.5],
    ])
    expect([zoneShares([node('a', '2')]), zoneShares([node('a', '2'), node(undefined, '2'), node('b', '2')])]).toEqual([
      undefined,
      undefined,
    ])
  })
  it('needs enough endpoints that none is overloaded by more than a fifth', () => {
    expect([...(allocate(even, 4) ?? [])].map(([zone, { minimum, maximum, desired }]) => [zone, minimum, maximum, desired])).toEqual([
      ['a', 2, 2, 2],
      ['b', 2, 2, 2],
    ])
    expect([allocate(even, 3), allocate(even, 1)]).toEqual([undefined, undefined])
  })
  it('gives endpoints of a zone with many to one with few', () => {
    const { changes, off } = withTopologyHints({ ...none, create: [slice('a', 'a', 'a', 'b')] }, [], even)
    expect([hints(changes.create), off]).toEqual([{ a: 2, b: 2 }, undefined])
    const three = new Map([
      ['a', 1 / 3],
      ['b', 1 / 3],
      ['c', 1 / 3],
    ])
    expect(hints(withTopologyHints({ ...none, create: [slice('a', 'a', 'a', 'b', 'b', 'b', 'c')] }, [], three).changes.create)).toEqual({
      a: 2,
      b: 3,
      c: 2,
    })
  })
  it('writes nothing while the hints are right', () => {
    const { create } = withTopologyHints({ ...none, create: [slice('a', 'a', 'b', 'b')] }, [], even).changes
    expect(withTopologyHints(none, create, even)).toEqual({ changes: none })
  })
  it('is off, its hints taken away, where it cannot be done', () => {
    const { create } = withTopologyHints({ ...none, create: [slice('a', 'a', 'b', 'b')] }, [], even).changes
    const { changes, off } = withTopologyHints(none, create, undefined)
    expect([hints(changes.update), changes.update.length, off !== undefined]).toEqual([{}, 1, true])
    expect(withTopologyHints({ ...none, create: [slice('a', undefined, 'b', 'b')] }, [], even).off).toBe('An endpoint has no zone')
  })
})
