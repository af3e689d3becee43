import { describe, expect, it } from 'vitest'
import type { Node } from '../api/types/core-v1.js'
import { healthCheckAddresses, type RuleConfig, rulesetOptions, topologyOf } from './node-view.js'

const config: RuleConfig = {
  ...{ masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary', bindAddress: '0.0.0.0' },
  detectLocal: { mode: 'ClusterCIDR', ranges: ['10.244.0.0/16', 'fd00::/48'] },
}
const node: Node = {
  metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'a' } },
  spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:0:0:1::/64'] },
  status: {
    addresses: [
      { type: 'ExternalIP', address: '203.0.113.1' },
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '2001:db8::1' },
      { type: 'Hostname', address: 'n' },
    ],
  },
}

describe('what the rules need of a Node', () => {
  it('are its internal addresses by family, external ones only without any', () => {
    expect(rulesetOptions('IPv4', config, node).nodeIps).toEqual(['192.0.2.1'])
    expect(rulesetOptions('IPv6', config, node).nodeIps).toEqual(['2001:db8::1'])
    const outer = { ...node, status: { addresses: [{ type: 'ExternalIP', address: '203.0.113.1' }] } }
    expect(rulesetOptions('IPv4', config, outer).nodeIps).toEqual(['203.0.113.1'])
    expect(rulesetOptions('IPv4', config, undefined).nodeIps).toEqual([])
    expect(rulesetOptions('IPv4', { ...config, bindAddress: '192.0.2.9' }, node).nodeIps).toEqual(['192.0.2.9'])
    expect(rulesetOptions('IPv6', { ...config, bindAddress: '192.0.2.9' }, node).nodeIps).toEqual(['2001:db8::1'])
  })

  it('are the ranges of pods, of the cluster or of the node', () => {
    expect(rulesetOptions('IPv6', config, node).localTraffic).toEqual({ ranges: ['fd00::/48'] })
    const ofNode: RuleConfig = { ...config, detectLocal: { mode: 'NodeCIDR' } }
    expect(rulesetOptions('IPv4', ofNode, node).localTraffic).toEqual({ ranges: ['10.244.1.0/24'] })
    expect(rulesetOptions('IPv6', ofNode, node).localTraffic).toEqual({ ranges: ['fd00:0:0:1::/64'] })
    expect(rulesetOptions('IPv4', ofNode, undefined).localTraffic).toEqual({ ranges: [] })
  })

  it('are the addresses of node ports: ranges, everything for a range of everything, nothing for those of the other family', () => {
    const of = (...ranges: string[]) => rulesetOptions('IPv4', { ...config, nodePortAddresses: ranges }, node).nodePortAddresses
    expect(of('192.0.2.7/24')).toEqual(['192.0.2.0/24'])
    expect(of('0.0.0.0/0', '::/0')).toEqual([])
    expect(of('fd00::/8')).toEqual(['0.0.0.0/32'])
  })

  it('is where health checks of Services listen', () => {
    expect(healthCheckAddresses(config, ['IPv4', 'IPv6'], node)).toEqual(['192.0.2.1', '2001:db8::1'])
    expect(healthCheckAddresses({ ...config, nodePortAddresses: [] }, ['IPv4', 'IPv6'], node)).toEqual(['::'])
    expect(healthCheckAddresses(config, ['IPv4'], undefined)).toEqual(['0.0.0.0'])
  })

  it('is its zone', () => {
    expect([topologyOf('n', node).zone, topologyOf('n', undefined).zone]).toEqual(['a', ''])
  })
})
