import { describe, expect, it } from 'vitest'
import type { Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { proxiedService } from '../model/frontend.js'
import { loadBalancer, service, slice } from '../testdata/objects.js'
import { slotsOf } from './endpoint-slots.js'
import { Ruleset } from './ruleset.js'

const options = { masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary' as const, nodeIps: ['192.0.2.1'] }
const make = () => {
  const ruleset = new Ruleset({ ...options, family: 'IPv4', localTraffic: { ranges: ['10.244.0.0/16'] } })
  const script = [...ruleset.replacement()].join('')
  const put = (of: Service, ...slices: EndpointSlice[]) => {
    ruleset.put(of.metadata.name ?? '', proxiedService(of, slices, 'IPv4', { name: 'here', zone: '' }))
    return ruleset.transaction().trim().split('\n')
  }
  return { ruleset, script, put }
}
const ips = (count: number) => Array.from({ length: count }, (_, at) => `10.244.${at >> 8}.${at & 255}`)

describe('places of endpoints', () => {
  it('are kept by those that stay: who comes takes a place that is free', () => {
    expect(slotsOf([], ['a', 'b'])).toEqual(['a', 'b'])
    expect(slotsOf(['a', 'b', 'c'], ['b', 'c'])).toEqual(['c', 'b'])
    expect(slotsOf(['a', 'b'], ['b', 'c', 'd'])).toEqual(['c', 'b', 'd'])
    const shown = ['a', 'b']
    expect(slotsOf(shown, ['a', 'b'])).toBe(shown)
  })
})

describe('the difference of a table', () => {
  it('of a new Service is its elements and one chain for its number of endpoints', () => {
    const { put } = make()
    expect(put(service('s'), slice('s', ['10.244.1.2', '10.244.2.2']))).toEqual([
      'add chain ip kube-proxy endpoints-tcp-2',
      'add rule ip kube-proxy endpoints-tcp-2 dnat ip to ip daddr . tcp dport . numgen random mod 2 map @endpoints-tcp',
      'add element ip kube-proxy endpoints-tcp { 10.96.0.10 . 80 . 0 : 10.244.1.2 . 8080, 10.96.0.10 . 80 . 1 : 10.244.2.2 . 8080 }',
      'add element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 : goto endpoints-tcp-2 }',
      'add element ip kube-proxy cluster-ips { 10.96.0.10 }',
    ])
    // The chain is there already.
    expect(put(service('t', { clusterIP: '10.96.0.11' }), slice('t', ['10.244.1.2', '10.244.2.2'])).join()).not.toContain('chain')
  })

  it('is nothing when nothing changed, and when only what rules do not show changed', () => {
    const { put } = make()
    put(service('s'), slice('s', ['10.244.1.2']))
    expect(put(service('s'), slice('s', ['10.244.1.2', { address: '10.244.1.3', conditions: { ready: false } }]))).toEqual([''])
  })

  it('of one endpoint among a thousand is a few elements', () => {
    const { put } = make()
    const thousand = ips(1_000)
    put(service('s'), slice('s', thousand))
    const lines = put(service('s'), slice('s', thousand.slice(1)))
    expect(lines).toEqual([
      'add chain ip kube-proxy endpoints-tcp-999',
      expect.stringContaining('mod 999'),
      'delete element ip kube-proxy endpoints-tcp { 10.96.0.10 . 80 . 0, 10.96.0.10 . 80 . 999 }',
      'delete element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 }',
      expect.stringMatching(/^add element ip kube-proxy endpoints-tcp { 10\.96\.0\.10 \. 80 \. 0 : [\d.]+ \. 8080 }$/),
      'add element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 : goto endpoints-tcp-999 }',
    ])
  })

  it('of a Service that is gone leaves nothing of it, with whatever it had', () => {
    const { put } = make()
    const spec = {
      ...{ type: 'LoadBalancer' as const, sessionAffinity: 'ClientIP' as const, loadBalancerSourceRanges: ['198.51.100.0/24'] },
      ...{ externalTrafficPolicy: 'Local' as const, port: { nodePort: 30_080 } },
    }
    const added = put(service('s', spec, loadBalancer('203.0.113.5')), slice('s', [{ address: '10.244.1.2', nodeName: 'here' }]))
    const deleted = put(service('s', { clusterIP: 'None' }))
    const named = (lines: readonly string[], verb: RegExp) =>
      lines.flatMap((line) => (verb.test(line) ? [line.replace(verb, '').replace(/ {.*/, '')] : [])).sort()
    expect(named(deleted, /^delete (chain|set) /)).toEqual(named(added, /^add (chain|set) /))
    const keys = (lines: readonly string[], verb: string) =>
      lines
        .filter((line) => line.startsWith(`${verb} element`))
        .map((line) => line.slice(verb.length).replace(/ : goto [^ ,}]+/g, ''))
        .sort()
    expect(keys(deleted, 'delete')).toEqual(keys(added, 'add'))
  })

  it('of a whole table is one transaction that first takes the old one away', () => {
    const { script, ruleset, put } = make()
    expect(script.startsWith('add table ip kube-proxy\ndelete table ip kube-proxy\ntable ip kube-proxy {')).toBe(true)
    put(service('s'), slice('s', ['10.244.1.2']))
    const again = [...ruleset.replacement()].join('')
    for (const part of [
      'add chain ip kube-proxy endpoints-tcp-1',
      'cluster-ips { 10.96.0.10 }',
      'nodeport-ips { 192.0.2.1 }',
      '10.244.1.2 . 8080',
    ])
      expect(again).toContain(part)
    expect(ruleset.transaction()).toBe('')
  })

  it('of a whole table has what Services need for themselves, written before or not', () => {
    const spec = { sessionAffinity: 'ClientIP' as const }
    const { ruleset, put } = make()
    put(service('s', spec), slice('s', ['10.244.1.2']))
    const of = service('t', { ...spec, clusterIP: '10.96.0.11' })
    ruleset.put('t', proxiedService(of, [slice('t', ['10.244.1.2'])], 'IPv4', { name: 'here', zone: '' }))
    const script = [...ruleset.replacement()].join('')
    for (const kind of ['chain', 'set'])
      expect(script.split('\n').filter((line) => line.startsWith(`add ${kind} `) && !line.includes('endpoints-tcp'))).toHaveLength(
        kind === 'chain' ? 4 : 2,
      )
    expect(script.indexOf('add chain ip kube-proxy service-')).toBeLessThan(script.indexOf('goto service-'))
  })

  it('keeps an endpoint that two Services have for hairpins until both are gone', () => {
    const { put } = make()
    const here = { address: '10.244.1.2', nodeName: 'here' }
    expect(put(service('s'), slice('s', [here])).join()).toContain('hairpin-connections { 10.244.1.2 . 10.244.1.2 }')
    put(service('t', { clusterIP: '10.96.0.11' }), slice('t', [here]))
    expect(put(service('s', { clusterIP: 'None' })).join()).not.toContain('hairpin')
    expect(put(service('t', { clusterIP: 'None' })).join()).toContain('delete element ip kube-proxy hairpin-connections')
  })

  it('lets nobody take the cluster IP of another Service by naming it as an external address', () => {
    const { put } = make()
    put(service('thief', { externalIPs: ['10.96.0.11'] }), slice('thief', ['10.244.1.2']))
    const lines = put(service('victim', { clusterIP: '10.96.0.11' }), slice('victim', ['10.244.1.3']))
    expect(lines).toContain('add element ip kube-proxy service-ips { 10.96.0.11 . tcp . 80 : goto endpoints-tcp-1 }')
    expect(put(service('thief', { externalIPs: ['10.96.0.11'] }), slice('thief', ['10.244.1.4'])).join()).not.toContain('10.96.0.11')
  })

  it('needs no chain with a name that nftables would not take, however long a Service is named', () => {
    const { put } = make()
    const name = 'n'.repeat(63)
    const of = { ...service(name, { sessionAffinity: 'ClientIP', ports: [{ name: 'p'.repeat(63), port: 80 }] }) }
    of.metadata.namespace = 'm'.repeat(63)
    const lines = put(of, { ...slice(name, ['10.244.1.2', '10.244.1.3'], { portName: 'p'.repeat(63) }) })
    const names = lines.flatMap((line) => /^add (?:chain|set) ip kube-proxy (\S+)/.exec(line)?.[1] ?? [])
    expect(names.length).toBeGreaterThan(3)
    expect(new Set(names).size).toBe(names.length)
    for (const each of names) expect(each.length).toBeLessThan(128)
  })
})

describe('the detection of pods', () => {
  const rules = (localTraffic: ConstructorParameters<typeof Ruleset>[0]['localTraffic'], masqueradeAll = false) =>
    [...new Ruleset({ ...options, masqueradeAll, family: 'IPv4', localTraffic }).replacement()].join('')

  it('is by range, bridge or interface prefix; without any nothing is masqueraded for being no pod', () => {
    expect(rules({ ranges: ['10.244.0.0/16'] })).toContain('@cluster-ips ip saddr != { 10.244.0.0/16 } jump mark-for-masquerade')
    expect(rules({ bridge: 'cni0' })).toContain('@cluster-ips iifname != "cni0" jump mark-for-masquerade')
    expect(rules({ interfacePrefix: 'veth' })).toContain('@cluster-ips iifname != "veth*" jump mark-for-masquerade')
    expect(rules({ ranges: [] })).not.toContain('@cluster-ips jump')
    expect(rules({ ranges: [] }, true)).toContain('@cluster-ips jump mark-for-masquerade')
  })
})
