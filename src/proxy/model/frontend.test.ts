import { describe, expect, it } from 'vitest'
import { endpoint, loadBalancer, service, slice, terminating } from '../testdata/objects.js'
import { type Frontend, proxiedService } from './frontend.js'

const node = { name: 'here', zone: 'a' }
const here = { nodeName: 'here' }
const ips = (endpoints: readonly { ip: string }[] | undefined) => endpoints?.map(({ ip }) => ip)
const frontends = (...args: Parameters<typeof proxiedService> extends [infer S, infer E, ...unknown[]] ? [S, E] : never) =>
  Object.fromEntries(proxiedService(args[0], args[1], 'IPv4', node).frontends.map((frontend) => [frontend.key, frontend]))
const only = (...args: Parameters<typeof frontends>) => Object.values(frontends(...args))[0] as Frontend
const cluster = '10.96.0.10 . tcp . 80'

describe('the frontends of a Service', () => {
  it('are its cluster IP, external and load balancer addresses and its node port', () => {
    const spec = { type: 'LoadBalancer' as const, externalIPs: ['192.0.2.7'], port: { nodePort: 30_080 } }
    const all = frontends(service('s', spec, loadBalancer('203.0.113.5')), [slice('s', ['10.1.0.1'])])
    expect(Object.keys(all)).toEqual([cluster, '192.0.2.7 . tcp . 80', '203.0.113.5 . tcp . 80', 'tcp . 30080'])
    expect(Object.values(all).map(({ masquerade }) => masquerade)).toEqual([false, true, true, true])
    for (const frontend of Object.values(all)) expect(frontend.endpoints.map(({ address }) => address)).toEqual(['10.1.0.1 . 8080'])
  })

  it('are none for headless Services, ExternalName and the other address family', () => {
    expect(frontends(service('s', { clusterIP: 'None' }), [])).toEqual({})
    expect(frontends(service('s', { type: 'ExternalName', clusterIP: '' }), [])).toEqual({})
    expect(frontends(service('s', { clusterIP: 'fd00::10', clusterIPs: ['fd00::10'] }), [])).toEqual({})
    const dual = service('s', { clusterIPs: ['10.96.0.10', 'fd00::0:10'] })
    const six = proxiedService(dual, [slice('s', ['fd01::1'], { addressType: 'IPv6' })], 'IPv6', node)
    expect(six.frontends).toMatchObject([{ key: 'fd00::10 . tcp . 80', endpoints: [{ address: 'fd01::1 . 8080' }] }])
  })

  it('leave out a load balancer that is a proxy (KEP-1860)', () => {
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.5', ipMode: 'Proxy' }] } }
    expect(Object.keys(frontends(service('s', { type: 'LoadBalancer' }, status), []))).toEqual([cluster])
  })

  it('take no text from an object that is not an address', () => {
    const spec = { externalIPs: ['1.2.3.4 }; flush ruleset', '256.0.0.1', '01.2.3.4'] }
    expect(Object.keys(frontends(service('s', spec), [slice('s', ['x', '10.0.0.300', '10.1.0.1'])]))).toEqual([cluster])
    expect(ips(only(service('s'), [slice('s', ['x', '10.0.0.300', '10.1.0.1'])]).endpoints)).toEqual(['10.1.0.1'])
  })

  it('match endpoints by port name and protocol, over all slices, each once', () => {
    const dns = service('dns', {
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53 },
      ],
    })
    const udp = slice('dns', ['10.1.0.1', '10.1.0.2'], { port: 53, protocol: 'UDP', portName: 'dns' })
    const more = slice('dns', ['10.1.0.2', '10.1.0.3'], { name: 'dns-2', port: 53, protocol: 'UDP', portName: 'dns' })
    const all = frontends(dns, [udp, more])
    expect(ips(all['10.96.0.10 . udp . 53']?.endpoints)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3'])
    expect(all['10.96.0.10 . tcp . 53']).toMatchObject({ endpoints: [], refuse: 'reject' })
  })
})

describe('the endpoints of a frontend', () => {
  it('are those that are ready; nothing said is ready (discovery/v1)', () => {
    const slices = [slice('s', ['10.1.0.1', { address: '10.1.0.2', conditions: { ready: false } }])]
    expect(ips(only(service('s'), slices).endpoints)).toEqual(['10.1.0.1'])
  })

  it('are, while none is ready, those that serve while they terminate (KEP-1669)', () => {
    const slices = [
      slice('s', [
        { address: '10.1.0.1', conditions: terminating },
        { address: '10.1.0.2', conditions: { ready: false } },
      ]),
    ]
    expect(only(service('s'), slices)).toMatchObject({ endpoints: [{ ip: '10.1.0.1' }] })
    const ended = [slice('s', [{ address: '10.1.0.1', conditions: { ready: false, serving: false, terminating: true } }])]
    expect(only(service('s'), ended)).toMatchObject({ endpoints: [], refuse: 'reject' })
  })

  it('are those of the zone when every ready one has a hint and one is for here (KEP-2433)', () => {
    const hinted = [
      { address: '10.1.0.1', zones: ['a'] },
      { address: '10.1.0.2', zones: ['b'] },
    ]
    expect(ips(only(service('s'), [slice('s', hinted)]).endpoints)).toEqual(['10.1.0.1'])
    expect(ips(only(service('s'), [slice('s', [...hinted, '10.1.0.3'])]).endpoints)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3'])
    const elsewhere = [{ address: '10.1.0.2', zones: ['b'] }]
    expect(ips(only(service('s'), [slice('s', elsewhere)]).endpoints)).toEqual(['10.1.0.2'])
  })

  it('are those of the node before those of the zone (KEP-3015, PreferSameNode)', () => {
    const hinted = [
      { address: '10.1.0.1', zones: ['a'], nodes: ['here'] },
      { address: '10.1.0.2', zones: ['a'], nodes: ['other'] },
    ]
    expect(ips(only(service('s'), [slice('s', hinted)]).endpoints)).toEqual(['10.1.0.1'])
    const elsewhere = hinted.map((each) => ({ ...each, nodes: ['other'] }))
    expect(ips(only(service('s'), [slice('s', elsewhere)]).endpoints)).toEqual(['10.1.0.1', '10.1.0.2'])
  })

  it('are those of this node under internalTrafficPolicy Local; without one, traffic is dropped', () => {
    const local = service('s', { internalTrafficPolicy: 'Local' })
    expect(ips(only(local, [slice('s', ['10.1.0.1', { address: '10.1.0.2', ...here }])]).endpoints)).toEqual(['10.1.0.2'])
    expect(only(local, [slice('s', ['10.1.0.1'])])).toMatchObject({ endpoints: [], refuse: 'drop' })
    expect(only(local, [slice('s', [])])).toMatchObject({ endpoints: [], refuse: 'reject' })
  })

  it('split under externalTrafficPolicy Local: the outside sees this node, pods see all', () => {
    const spec = { type: 'NodePort' as const, externalTrafficPolicy: 'Local' as const, port: { nodePort: 30_080 } }
    const both = frontends(service('s', spec), [slice('s', ['10.1.0.1', { address: '10.1.0.2', ...here }])])
    expect(ips(both[cluster]?.endpoints)).toEqual(['10.1.0.1', '10.1.0.2'])
    const outer = both['tcp . 30080'] as Frontend
    expect([ips(outer.endpoints), ips(outer.outside), outer.masquerade, outer.refuse]).toEqual([
      ['10.1.0.1', '10.1.0.2'],
      ['10.1.0.2'],
      false,
      undefined,
    ])
    const none = frontends(service('s', spec), [slice('s', ['10.1.0.1'])])
    expect(none['tcp . 30080']).toMatchObject({ outside: [], refuse: 'drop' })
  })

  it('fall back on this node alone to a terminating one (KEP-1669)', () => {
    const spec = { type: 'NodePort' as const, externalTrafficPolicy: 'Local' as const, port: { nodePort: 30_080 } }
    const slices = [slice('s', ['10.1.0.1', { address: '10.1.0.2', ...here, conditions: terminating }])]
    const both = frontends(service('s', spec), slices)
    expect(ips(both['tcp . 30080']?.outside)).toEqual(['10.1.0.2'])
    expect(ips(both[cluster]?.endpoints)).toEqual(['10.1.0.1'])
    // A load balancer must move away all the same.
    expect(proxiedService(service('s', spec), slices, 'IPv4', node).localEndpoints).toBe(0)
  })
})

describe('what goes with the frontends', () => {
  it('are the local addresses for hairpins, also those whose node nobody names', () => {
    const unknown = { ...endpoint({ address: '10.1.0.3' }), nodeName: undefined }
    const slices = [{ ...slice('s', ['10.1.0.1', { address: '10.1.0.2', ...here }]), metadata: { name: 's-1' } }]
    slices[0]?.endpoints?.push(unknown)
    expect(proxiedService(service('s'), slices, 'IPv4', node)).toMatchObject({ localIps: ['10.1.0.2', '10.1.0.3'], localEndpoints: 1 })
  })

  it('are source ranges on load balancer addresses only', () => {
    const spec = {
      type: 'LoadBalancer' as const,
      externalIPs: ['192.0.2.7'],
      loadBalancerSourceRanges: [' 198.51.100.0/24', '2001:db8::/32'],
    }
    const all = frontends(service('s', spec, loadBalancer('203.0.113.5')), [])
    expect(Object.values(all).map(({ sourceRanges }) => sourceRanges)).toEqual([undefined, undefined, ['198.51.100.0/24']])
  })
})
