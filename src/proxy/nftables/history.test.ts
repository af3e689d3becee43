/** Random histories of Services: every difference is one that nftables takes, and leads where a table made anew would be. */
import { describe, expect, it } from 'vitest'
import { type Random, seededRandom } from '../../base/random.js'
import type { Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { proxiedService } from '../model/frontend.js'
import { missingForPackets, TestNetwork } from '../testdata/network.js'
import { loadBalancer, service, slice, terminating } from '../testdata/objects.js'
import { TableModel } from '../testdata/table-model.js'
import { Ruleset } from './ruleset.js'

const node = { name: 'here', zone: 'a' }
const options = {
  ...{ family: 'IPv4' as const, masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary' as const, nodeIps: ['192.0.2.1'] },
  localTraffic: { ranges: ['10.244.0.0/16'] },
}

interface Step {
  readonly key: string
  readonly of: Service | undefined
  readonly slices: readonly EndpointSlice[]
}

function step(random: Random): Step {
  const pick = <T>(...values: readonly T[]) => values[Math.floor(random.next() * values.length)] as T
  const number = Math.floor(random.next() * 6)
  const key = `s${number}`
  if (random.next() < 0.15) return { key, of: undefined, slices: [] }
  const type = pick('ClusterIP' as const, 'NodePort' as const, 'LoadBalancer' as const)
  const policy = () => pick<'Cluster' | 'Local'>('Cluster', 'Local')
  const protocol = pick<'TCP' | 'UDP'>('TCP', 'UDP')
  const spec = {
    ...{ type, clusterIP: `10.96.0.${number}`, internalTrafficPolicy: policy(), externalTrafficPolicy: policy() },
    externalIPs: random.next() < 0.3 ? [pick('198.51.100.1', '198.51.100.2', '10.96.0.3')] : [],
    sessionAffinity: pick<'None' | 'ClientIP'>('None', 'None', 'ClientIP'),
    sessionAffinityConfig: { clientIP: { timeoutSeconds: pick(10, 10_800) } },
    loadBalancerSourceRanges: pick<string[]>([], ['192.0.2.0/24'], ['192.0.2.0/24', '192.0.0.0/16', '203.0.113.1/32']),
    ports: [{ port: pick(80, 81), protocol, nodePort: type === 'ClusterIP' ? 0 : 30_000 + number }],
  }
  const ingress = type === 'LoadBalancer' ? [pick('203.0.113.1', '203.0.113.2')] : []
  const endpoints = Array.from({ length: Math.floor(random.next() * 5) }, () => ({
    address: `10.244.0.${Math.floor(random.next() * 8)}`,
    nodeName: pick('here', 'other'),
    ...(random.next() < 0.2 ? { conditions: pick<typeof terminating | { ready: boolean }>(terminating, { ready: false }) } : {}),
    ...(random.next() < 0.3 ? { zones: [pick('a', 'b')] } : {}),
  }))
  return { key, of: service(key, spec, loadBalancer(...ingress)), slices: [slice(key, endpoints, { protocol })] }
}

/** The same places, since a history may put endpoints elsewhere than a fresh start. */
function unplaced(state: unknown): string[] {
  return JSON.stringify(state)
    .replace(/(endpoints-(?:tcp|udp)",\[.*?\]\])(?=,\[")/g, (elements) => elements.replace(/ \. \d+"/g, '"'))
    .split(/(?=\[")/)
    .map((text) => text.replace(/[\],]+$/, ''))
    .sort()
}

describe('histories of a table', () => {
  for (const seed of Array.from({ length: 12 }, (_, at) => at + 1))
    it(`end as a table made anew, and leave nothing when all is gone (seed ${seed})`, () => {
      const random = seededRandom(seed)
      const ruleset = new Ruleset(options)
      const kernel = new TableModel()
      kernel.run([...ruleset.replacement()].join(''))
      const empty = JSON.stringify(kernel.state)
      const last = new Map<string, Step>()
      for (let i = 0; i < 40; i++) {
        for (let many = Math.floor(random.next() * 3); many >= 0; many--) {
          const next = step(random)
          last.set(next.key, next)
          ruleset.put(next.key, proxiedService(next.of, next.slices, 'IPv4', node))
        }
        kernel.run(random.next() < 0.1 ? [...ruleset.replacement()].join('') : ruleset.transaction())
      }
      const fresh = new Ruleset(options)
      for (const { key, of, slices } of last.values()) fresh.put(key, proxiedService(of, slices, 'IPv4', node))
      const anew = new TableModel()
      anew.run([...fresh.replacement()].join(''))
      expect(unplaced(kernel.state)).toEqual(unplaced(anew.state))
      for (const key of last.keys()) ruleset.put(key, proxiedService(undefined, [], 'IPv4', node))
      kernel.run(ruleset.transaction())
      expect(JSON.stringify(kernel.state)).toBe(empty)
    })

  const why = missingForPackets()
  it.skipIf(why !== '')(
    `are taken by nftables itself${why && ` (skipped: ${why})`}`,
    async () => {
      const network = await TestNetwork.create('history', [])
      try {
        const random = seededRandom(7)
        const ruleset = new Ruleset(options)
        await network.onNode('nft', ['-f', '-'], ruleset.replacement())
        for (let i = 0; i < 40; i++) {
          for (let many = 0; many < 4; many++) {
            const { key, of, slices } = step(random)
            ruleset.put(key, proxiedService(of, slices, 'IPv4', node))
          }
          await network.onNode('nft', ['-f', '-'], i % 20 === 19 ? ruleset.replacement() : [ruleset.transaction()])
        }
      } finally {
        await network.remove()
      }
    },
    60_000,
  )
})
