/** Which way packets go to each node: directly on one link, through the overlay elsewhere. */
import { describe, expect, it } from 'vitest'
import { type NetworkNode, networkNodeOf } from '../network-node.js'
import { type Backend, macOf, planRoutes, podMtu, type Reach, vxlanMtu } from './plan.js'

function nodeOf(name: string, podCIDRs: string[], addresses: string[]): NetworkNode {
  const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) }
  return networkNodeOf({ metadata: { name }, spec: { podCIDRs }, status })
}

const local = nodeOf('a', ['10.244.0.0/24', 'fd00:a::/64'], ['192.0.2.1', '2001:db8::1'])
const near = nodeOf('b', ['10.244.1.0/24', 'fd00:a:0:1::/64'], ['192.0.2.2', '2001:db8::2'])
const far = nodeOf('c', ['10.244.2.0/24', 'fd00:a:0:2::/64'], ['198.51.100.3', '2001:db8:1::3'])
const reach = new Map<string, Reach>([
  ['192.0.2.2', { device: 'eth0' }],
  ['2001:db8::2', { device: 'eth0' }],
  ['198.51.100.3', { device: 'eth0', gateway: '192.0.2.254' }],
  ['2001:db8:1::3', { device: 'eth0', gateway: '2001:db8::fe' }],
])
const optionsOf = (backend: Backend) => ({ backend, vxlan: { id: 1, port: 8472 }, bridge: 'cni0' })
const plan = (backend: Backend, others: readonly NetworkNode[] = [near, far], reached = reach) =>
  planRoutes(local, others, reached, optionsOf(backend))

describe('auto', () => {
  it('goes directly to a node on the link, through the overlay to others, in both families', () => {
    const { routes, neighbors, tunnels, faults } = plan('auto')
    expect(routes.map(({ to, via, device, onlink }) => [to, via, device, onlink])).toEqual([
      ['10.244.1.0/24', '192.0.2.2', 'eth0', false],
      ['fd00:a:0:1::/64', '2001:db8::2', 'eth0', false],
      ['10.244.2.0/24', '10.244.2.0', 'quorate.1', true],
      ['fd00:a:0:2::/64', 'fd00:a:0:2::', 'quorate.1', true],
    ])
    expect(neighbors.map(({ address }) => address)).toEqual(['10.244.2.0', 'fd00:a:0:2::'])
    expect(tunnels).toEqual([{ mac: macOf(far), to: '198.51.100.3' }])
    expect(faults).toEqual([])
  })

  it('takes part in the overlay even when it reaches all directly: the other way there may be a router', () => {
    expect(plan('auto', [near]).vxlan).toEqual({
      ...{ name: 'quorate.1', id: 1, port: 8472, local: '192.0.2.1', mac: '02:71:0a:f4:00:00' },
      addresses: ['10.244.0.0/32', 'fd00:a::/128'],
    })
  })

  it('does not route directly over its own devices', () => {
    const looped = new Map<string, Reach>([['192.0.2.2', { device: 'quorate.1' }]])
    expect(plan('auto', [near], looped).routes.every(({ device, onlink }) => device === 'quorate.1' && onlink)).toBe(true)
  })

  it('names what it cannot reach, and why', () => {
    expect(plan('auto', [far], new Map()).faults).toEqual([
      '10.244.2.0/24 of c cannot be reached: there is no route to 198.51.100.3',
      'fd00:a:0:2::/64 of c cannot be reached: there is no route to 198.51.100.3',
    ])
    expect(plan('auto', [nodeOf('d', ['10.244.3.0/24'], [])]).faults).toEqual([
      '10.244.3.0/24 of d cannot be reached: the node has no InternalIP',
    ])
  })

  it('carries one family over the other when a node has addresses of one alone', () => {
    const half = nodeOf('e', ['fd00:a:0:4::/64'], ['192.0.2.2'])
    expect(plan('auto', [half]).routes).toMatchObject([{ to: 'fd00:a:0:4::/64', device: 'quorate.1', onlink: true }])
  })
})

describe('a backend that is told', () => {
  it('vxlan goes through the overlay even on one link', () => {
    expect(plan('vxlan', [near]).tunnels).toEqual([{ mac: macOf(near), to: '192.0.2.2' }])
  })

  it('host-gw has no overlay, and says what is not on the link', () => {
    const { vxlan, routes, faults } = plan('host-gw')
    expect(vxlan).toBeUndefined()
    expect(routes.map(({ to }) => to)).toEqual(['10.244.1.0/24', 'fd00:a:0:1::/64'])
    expect(faults[0]).toBe('10.244.2.0/24 of c cannot be reached: 198.51.100.3 is not on the same link, and the backend is host-gw')
  })
})

describe('MTU', () => {
  it("is the uplink's, less the overlay's headers where packets go through it", () => {
    expect(podMtu(1500, plan('auto', [near]), optionsOf('auto'), 'IPv4')).toBe(1500)
    expect(podMtu(1500, plan('auto'), optionsOf('auto'), 'IPv4')).toBe(1450)
    expect(podMtu(9000, plan('vxlan', []), optionsOf('vxlan'), 'IPv6')).toBe(8930)
    expect(vxlanMtu(1500, 'IPv6')).toBe(1430)
  })
})

describe('a node', () => {
  it('without a pod range needs no route', () => {
    expect(plan('auto', [nodeOf('new', [], ['192.0.2.9'])])).toMatchObject({ routes: [], tunnels: [], faults: [] })
  })

  it('has a MAC of its own, also where ranges are IPv6', () => {
    const ranges = [['10.244.0.0/24'], ['10.244.1.0/24'], ['fd00:a::/64'], ['fd00:a:0:1::/64'], ['fd00:a:0:100::/64']]
    const macs = ranges.map((podCIDRs) => macOf(nodeOf('x', podCIDRs, [])))
    expect(new Set(macs).size).toBe(macs.length)
    // Locally administered, for one receiver.
    for (const mac of macs) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2)
  })
})
