/** The rules, judged by what becomes of packets: every case loads the difference into a node's namespace and sends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import type { IpFamily } from '../../api/ip.js'
import { proxiedService } from '../model/frontend.js'
import { loadBalancer, service, slice, terminating } from '../testdata/objects.js'
import { missingForPackets, TestNetwork } from '../testdata/network.js'
import { Ruleset } from './ruleset.js'

const why = missingForPackets()
const nodeOptions = { masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary' as const }

describe.skipIf(why !== '')(`packets through the rules${why && ` (skipped: ${why})`}`, () => {
  let network: TestNetwork
  let four: Ruleset
  let six: Ruleset
  beforeAll(async () => {
    network = await TestNetwork.create('rules', ['a', 'b', 'c'])
  }, 60_000)
  afterAll(() => network?.remove())

  beforeEach(async () => {
    four = new Ruleset({ ...nodeOptions, family: 'IPv4', localTraffic: { ranges: ['10.244.0.0/16'] }, nodeIps: ['192.0.2.1'] })
    six = new Ruleset({ ...nodeOptions, family: 'IPv6', localTraffic: { ranges: ['fd00::/16'] }, nodeIps: ['2001:db8::1'] })
    await network.onNode('nft', ['-f', '-'], [...four.replacement(), ...six.replacement()])
    await network.onNode('conntrack', ['-F']).catch(() => undefined)
  })

  const node = { name: 'here', zone: '' }
  const put = async (of: Service, ...slices: EndpointSlice[]) => {
    for (const [ruleset, family] of [[four, 'IPv4'] as const, [six, 'IPv6'] as const] satisfies [Ruleset, IpFamily][])
      ruleset.put(of.metadata.name ?? '', proxiedService(of, slices, family, node))
    await network.onNode('nft', ['-f', '-'], [four.transaction() + six.transaction()])
  }
  const outside = () => network.agent('outside')
  const [a, b, c] = [{ address: '10.244.0.2', nodeName: 'here' }, { address: '10.244.1.2' }, { address: '10.244.2.2' }]
  const many = async (call: () => Promise<string>) => {
    const counts = new Map<string, number>()
    for (let i = 0; i < 40; i++) {
      const [who = ''] = (await call()).split(' ')
      counts.set(who, (counts.get(who) ?? 0) + 1)
    }
    return counts
  }

  it('spread over all endpoints of a cluster IP, and follow the difference when one goes or comes', async () => {
    await put(service('s'), slice('s', [a, b, c]))
    expect([...(await many(() => network.agent('a').tcp('10.96.0.10', 80))).keys()].sort()).toEqual(['a', 'b', 'c'])
    await put(service('s'), slice('s', [b, c]))
    expect([...(await many(() => network.agent('a').tcp('10.96.0.10', 80))).keys()].sort()).toEqual(['b', 'c'])
    await put(service('s'), slice('s', [a, b, c]))
    expect([...(await many(() => network.agent('node').tcp('10.96.0.10', 80))).keys()].sort()).toEqual(['a', 'b', 'c'])
  })

  it('keep the source of a pod, and get the node for their source from elsewhere (ClusterCIDR)', async () => {
    await put(service('s'), slice('s', [b]))
    expect(await network.agent('a').tcp('10.96.0.10', 80)).toBe('b 10.244.0.2')
    expect(await outside().tcp('10.96.0.10', 80)).toBe('b 10.244.1.1')
  })

  it('reach the pod that sent them (hairpin)', async () => {
    await put(service('s'), slice('s', [a]))
    expect(await network.agent('a').tcp('10.96.0.10', 80)).toBe('a 10.244.0.1')
  })

  it('are UDP as well', async () => {
    const of = service('s', { port: { protocol: 'UDP', port: 53 } })
    await put(of, slice('s', [b], { protocol: 'UDP' }))
    expect(await network.agent('a').udp('10.96.0.10', 53)).toBe('b 10.244.0.2')
  })

  it('are IPv6 as well: cluster IP, node port, reject', async () => {
    const spec = { type: 'NodePort' as const, clusterIPs: ['10.96.0.10', 'fd96::10'], port: { nodePort: 30_080 } }
    await put(service('s', spec), slice('s', ['fd00:1::2'], { addressType: 'IPv6' }))
    expect(await network.agent('a').tcp('fd96::10', 80)).toBe('b fd00::2')
    expect(await outside().tcp('2001:db8::1', 30_080)).toBe('b fd00:1::1')
    expect(await network.agent('a').tcp('10.96.0.10', 80)).toBe('ECONNREFUSED')
    await put(service('s', spec))
    expect(await network.agent('a').tcp('fd96::10', 80)).toBe('ECONNREFUSED')
  })

  it('come to a node port, on the primary address only (KEP-3866)', async () => {
    const spec = { type: 'NodePort' as const, port: { nodePort: 30_080 } }
    await put(service('s', spec), slice('s', [b]))
    expect(await outside().tcp('192.0.2.1', 30_080)).toBe('b 10.244.1.1')
    expect(await network.agent('node').tcp('192.0.2.1', 30_080)).toBe('b 10.244.1.1')
    expect(await outside().tcp('10.244.0.1', 30_080)).toBe('ECONNREFUSED')
  })

  it('keep their source under externalTrafficPolicy Local, and are dropped where no endpoint is', async () => {
    const spec = { type: 'LoadBalancer' as const, externalTrafficPolicy: 'Local' as const, port: { nodePort: 30_080 } }
    const of = service('s', spec, loadBalancer('203.0.113.5'))
    await put(of, slice('s', [a, b]))
    for (const [host, port] of [['192.0.2.1', 30_080] as const, ['203.0.113.5', 80] as const]) {
      expect(await many(() => outside().tcp(host, port))).toEqual(new Map([['a', 40]]))
      expect(await outside().tcp(host, port)).toBe('a 192.0.2.2')
    }
    await put(of, slice('s', [b]))
    expect(await outside().tcp('192.0.2.1', 30_080, { timeoutMs: 300 })).toBe('timeout')
    expect(await outside().tcp('203.0.113.5', 80, { timeoutMs: 300 })).toBe('timeout')
    // Pods and the node itself are no outside: their way is cut short to every endpoint.
    expect(await network.agent('c').tcp('203.0.113.5', 80)).toBe('b 10.244.2.2')
    expect(await network.agent('node').tcp('203.0.113.5', 80)).toBe('b 10.244.1.1')
    expect(await network.agent('node').tcp('192.0.2.1', 30_080)).toBe('b 10.244.1.1')
    await put(of)
    expect(await outside().tcp('203.0.113.5', 80)).toBe('ECONNREFUSED')
    expect(await outside().tcp('192.0.2.1', 30_080)).toBe('ECONNREFUSED')
  })

  it('stay on the node under internalTrafficPolicy Local', async () => {
    const spec = { internalTrafficPolicy: 'Local' as const }
    await put(service('s', spec), slice('s', [a, b]))
    expect(await many(() => network.agent('c').tcp('10.96.0.10', 80))).toEqual(new Map([['a', 40]]))
    await put(service('s', spec), slice('s', [b]))
    expect(await network.agent('c').tcp('10.96.0.10', 80, { timeoutMs: 300 })).toBe('timeout')
  })

  it('go to a terminating endpoint only while there is no other', async () => {
    await put(service('s'), slice('s', [{ ...a, conditions: terminating }, b]))
    expect(await many(() => network.agent('c').tcp('10.96.0.10', 80))).toEqual(new Map([['b', 40]]))
    await put(service('s'), slice('s', [{ ...a, conditions: terminating }]))
    expect(await network.agent('c').tcp('10.96.0.10', 80)).toBe('a 10.244.2.2')
  })

  it('are rejected at once without endpoints and on ports that the Service does not have', async () => {
    await put(service('s'))
    for (const from of ['a', 'node', 'outside']) expect(await network.agent(from).tcp('10.96.0.10', 80)).toBe('ECONNREFUSED')
    await put(service('s'), slice('s', [b]))
    expect(await network.agent('a').tcp('10.96.0.10', 81)).toBe('ECONNREFUSED')
    expect(await network.agent('a').udp('10.96.0.10', 80)).toBe('ECONNREFUSED')
  })

  it('stay with an endpoint under ClientIP affinity, also when others come and go', async () => {
    const spec = { type: 'NodePort' as const, sessionAffinity: 'ClientIP' as const, port: { nodePort: 30_080 } }
    await put(service('s', spec), slice('s', [a, b, c]))
    const first = await many(() => outside().tcp('192.0.2.1', 30_080))
    expect(first.size).toBe(1)
    const [chosen = ''] = first.keys()
    // One memory for all addresses of the port, as upstream has it.
    expect([...(await many(() => outside().tcp('10.96.0.10', 80))).keys()]).toEqual([chosen])
    const others = [a, b, c].filter((_, at) => ['a', 'b', 'c'][at] !== chosen)
    await put(service('s', spec), slice('s', [others[0] as typeof a, [a, b, c][['a', 'b', 'c'].indexOf(chosen)] as typeof a]))
    expect([...(await many(() => outside().tcp('192.0.2.1', 30_080))).keys()]).toEqual([chosen])
    await put(service('s', spec), slice('s', others))
    const next = await many(() => outside().tcp('192.0.2.1', 30_080))
    expect(next.size).toBe(1)
    expect(next.has(chosen)).toBe(false)
    await network.onNode('nft', ['-f', '-'], [...four.replacement()])
    expect((await many(() => outside().tcp('192.0.2.1', 30_080))).size).toBe(1)
    await put(service('s'), slice('s', others))
    expect((await many(() => network.agent('node').tcp('10.96.0.10', 80))).size).toBe(2)
  })

  it('come to external addresses, and to a load balancer only from its source ranges', async () => {
    const spec = { type: 'LoadBalancer' as const, externalIPs: ['198.51.100.7'], loadBalancerSourceRanges: ['192.0.2.2/32'] }
    const of = service('s', spec, loadBalancer('203.0.113.5'))
    await put(of, slice('s', [b]))
    expect(await outside().tcp('203.0.113.5', 80)).toBe('b 10.244.1.1')
    expect(await network.agent('c').tcp('203.0.113.5', 80, { timeoutMs: 300 })).toBe('timeout')
    expect(await network.agent('c').tcp('198.51.100.7', 80)).toBe('b 10.244.1.1')
    await put(service('s', { ...spec, loadBalancerSourceRanges: [] }, loadBalancer('203.0.113.5')), slice('s', [b]))
    expect(await network.agent('c').tcp('203.0.113.5', 80)).toBe('b 10.244.1.1')
  })

  it('go to one of two Services that claim an address, and to the other when that is gone', async () => {
    const spec = { externalIPs: ['198.51.100.7'] }
    await put(service('t', { ...spec, clusterIP: '10.96.0.11' }), slice('t', [c]))
    expect(await outside().tcp('198.51.100.7', 80)).toMatch(/^c /)
    await put(service('s', spec), slice('s', [b]))
    expect(await outside().tcp('198.51.100.7', 80)).toMatch(/^b /)
    await put(service('s', { clusterIP: 'None' }))
    expect(await outside().tcp('198.51.100.7', 80)).toMatch(/^c /)
    expect(await network.onNode('nft', ['list', 'set', 'ip', 'kube-proxy', 'cluster-ips'])).not.toContain('10.96.0.10')
  })
})
