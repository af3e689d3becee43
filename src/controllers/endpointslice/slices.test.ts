import { describe, expect, it } from 'vitest'
import type { Node, Pod, Service } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.js'
import { endpointOf } from './endpoints.js'
import { withHints } from './hints.js'
import { layOut, type SliceChanges } from './slices.js'

const service: Service = { metadata: { name: 's', namespace: 'ns', uid: 'u' }, spec: { clusterIP: '10.0.0.1' } }
const endpoint = (n: number, ready = true): Endpoint => ({
  addresses: [`10.1.${n >> 8}.${n & 255}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', name: `p${n}` },
})
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i))
const ports = [{ name: '', port: 80, protocol: 'TCP' as const }]
const run = (present: EndpointSlice[], endpoints: Endpoint[], more: Partial<Parameters<typeof layOut>[0]> = {}) =>
  layOut({ service, family: 'IPv4', present, groups: endpoints.length ? [{ ports, endpoints }] : [], max: 10, ...more })
const named = (changes: SliceChanges, prefix = 'a'): EndpointSlice[] =>
  changes.create.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `${prefix}${i}` } }))
const sizes = (slices: EndpointSlice[]) => slices.map(({ metadata, endpoints }) => [metadata.name, endpoints?.length])

describe('the slices of a Service', () => {
  it('hold at most so many endpoints', () => {
    expect(run([], range(0, 25)).create.map(({ endpoints }) => endpoints?.length)).toEqual([10, 10, 5])
  })
  it('are written only when their own endpoints change', () => {
    const present = named(run([], range(0, 25)))
    expect(run(present, range(0, 25).reverse())).toEqual({ create: [], update: [], remove: [] })
    const { create, update, remove } = run(present, [...range(0, 3), endpoint(3, false), ...range(4, 25)])
    expect([create, sizes(update), remove]).toEqual([[], [['a0', 10]], []])
  })
  it('are filled where they change anyway, before others are touched', () => {
    const present = named(run([], range(0, 25)))
    const { create, update } = run(present, range(2, 27))
    expect([create, sizes(update)]).toEqual([[], [['a0', 10]]])
  })
  it('take newcomers into the fullest unchanged slice with room for all of them', () => {
    const present = named(run([], range(0, 25)))
    expect(sizes(run(present, range(0, 28)).update)).toEqual([['a2', 8]])
    const { create, update } = run(present, range(0, 31))
    expect([create.map(({ endpoints }) => endpoints?.length), update]).toEqual([[6], []])
  })
  it('never vanish: one without endpoints stays', () => {
    const empty = run([], [])
    expect(empty.create.map(({ ports: p, endpoints }) => [p, endpoints])).toEqual([[[], []]])
    expect(run(named(empty), [])).toEqual({ create: [], update: [], remove: [] })
    const present = named(run([], range(0, 3)))
    const { create, update, remove } = run(present, [])
    expect([create, sizes(update), remove]).toEqual([[], [['a0', 0]], []])
  })
  it('of ports that nobody has any more become slices of the new ports', () => {
    const present = named(run([], range(0, 3)))
    const { create, update, remove } = run(present, [], { groups: [{ ports: [{ name: '', port: 81 }], endpoints: range(0, 3) }] })
    expect([create, update.map(({ metadata, ports: p }) => [metadata.name, p]), remove]).toEqual([
      [],
      [['a0', [{ name: '', port: 81 }]]],
      [],
    ])
  })
  it('of an older Service of the same name are removed, not reused', () => {
    const present = named(run([], range(0, 3), { service: { ...service, metadata: { ...service.metadata, uid: 'old' } } }))
    const { create, update, remove } = run(present, range(0, 3))
    expect([create.length, update, sizes(remove)]).toEqual([1, [], [['a0', 3]]])
  })
  it('follow the labels of the Service, reserved ones excepted', () => {
    const present = named(run([], range(0, 3)))
    const labelled = { ...service, metadata: { ...service.metadata, labels: { team: 'x', 'kubernetes.io/service-name': 'other' } } }
    expect(run(present, range(0, 3), { service: labelled }).update[0]?.metadata.labels).toEqual({
      team: 'x',
      'kubernetes.io/service-name': 's',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    })
  })
})

describe('an endpoint', () => {
  const pod = (going: boolean, ready = 'True'): Pod => ({
    metadata: { name: 'p', namespace: 'ns', uid: 'x', ...(going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'n', hostname: 'h', subdomain: 's', containers: [] },
    status: {
      podIP: '10.1.0.1',
      podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }],
      conditions: [{ type: 'Ready', status: ready as 'True' }],
    },
  })
  const node: Node = { metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z' } } }
  it('serves while it ends, but is not ready (KEP-1672)', () => {
    expect(endpointOf(service, pod(true), node, 'IPv4').conditions).toEqual({ ready: false, serving: true, terminating: true })
    const published = { ...service, spec: { publishNotReadyAddresses: true } }
    expect(endpointOf(published, pod(true, 'False'), node, 'IPv4').conditions).toEqual({ ready: true, serving: false, terminating: true })
  })
  it('says where it is', () => {
    expect(endpointOf(service, pod(false), node, 'IPv6')).toMatchObject({ addresses: ['fd00::1'], hostname: 'h', nodeName: 'n', zone: 'z' })
  })
})

describe('hints (KEP-4444)', () => {
  const slice = (endpoints: Endpoint[]): EndpointSlice => ({ metadata: { name: 'x' }, addressType: 'IPv4', endpoints })
  const none: SliceChanges = { create: [], update: [], remove: [] }
  const placed: Endpoint = { ...endpoint(1), zone: 'z', nodeName: 'n' }
  it('name the zone, or the node too', () => {
    const hints = (how: string) => withHints(none, [slice([placed])], how).update[0]?.endpoints?.[0]?.hints
    expect(hints('PreferClose')).toEqual({ forZones: [{ name: 'z' }] })
    expect(hints('PreferSameZone')).toEqual({ forZones: [{ name: 'z' }] })
    expect(hints('PreferSameNode')).toEqual({ forZones: [{ name: 'z' }], forNodes: [{ name: 'n' }] })
    expect(hints('Elsewhere')).toBeUndefined()
  })
  it('go when they are no longer asked for, and cost no write while they are right', () => {
    const hinted = withHints(none, [slice([placed])], 'PreferClose').update
    expect(withHints(none, hinted, 'PreferClose').update).toEqual([])
    expect(withHints(none, hinted, undefined).update[0]?.endpoints).toEqual([placed])
  })
})
