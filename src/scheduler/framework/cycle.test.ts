import { describe, expect, it } from 'vitest'
import { PodInfo } from '../cache/pod-info.js'
import { TestCluster } from '../testdata/cluster.js'
import { node, pod } from '../testdata/scheduler.js'
import { nodesToFind } from './cycle.js'

const zone = (name: string, of: string) => node(name, { labels: { 'topology.kubernetes.io/zone': of } })

describe('a scheduling cycle', () => {
  it('counts why no node takes a pod, in upstream’s words', () => {
    const cluster = new TestCluster([
      node('a', { allocatable: { cpu: '1' } }),
      node('b', { allocatable: { cpu: '1', memory: '1Gi' } }),
      node('c', { spec: { unschedulable: true } }),
      node('d', { spec: { taints: [{ key: 'only', value: 'db', effect: 'NoSchedule' }] } }),
    ])
    expect(cluster.choose(pod('p', { requests: { cpu: '2', memory: '2Gi' } }))).toBe(
      '0/4 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {only: db}, 1 node(s) were unschedulable, 2 Insufficient cpu.',
    )
    expect(new TestCluster([]).choose(pod('p'))).toBe('no nodes available to schedule pods')
  })

  it('looks at a share of a large cluster that falls with its size (50 % of a hundred, 5 % at least, never below a hundred nodes)', () => {
    expect([50, 100, 1_000, 5_000, 10_000].map((count) => nodesToFind(count, 0))).toEqual([50, 100, 420, 500, 500])
    expect(nodesToFind(1_000, 20)).toBe(200)
    expect(nodesToFind(1_000, 100)).toBe(1_000)
  })

  it('starts where the last cycle ended, and takes zones in turn', () => {
    const cluster = new TestCluster(Array.from({ length: 6 }, (_, i) => zone(`n${i}`, i < 3 ? 'x' : 'y')))
    const { nodes } = cluster.cache
    expect([...nodes.order].map((slot) => nodes.names[slot])).toEqual(['n0', 'n3', 'n1', 'n4', 'n2', 'n5'])
  })

  it('keeps the room of a nominated pod from pods that matter no more, not from more important ones', () => {
    const cluster = new TestCluster([node('a', { allocatable: { cpu: '2' } })])
    cluster.nominator.nominate(new PodInfo(pod('promised', { priority: 10, requests: { cpu: '2' } })), 'a')
    expect(cluster.choose(pod('same', { priority: 10, requests: { cpu: '1' } }))).toContain('Insufficient cpu')
    expect(cluster.choose(pod('more', { priority: 11, requests: { cpu: '1' } }))).toBe('a')
    expect(cluster.choose(pod('promised', { priority: 10, requests: { cpu: '2' } }))).toBe('a')
  })

  it('tries the node a pod is nominated to before better ones', () => {
    const cluster = new TestCluster([node('a'), node('b')])
    cluster.runs('a', pod('load', { requests: { cpu: '2', memory: '4Gi' } }))
    expect(cluster.choose(pod('p', { requests: { cpu: '1' } }))).toBe('b')
    cluster.nominator.nominate(new PodInfo(pod('p')), 'a')
    expect(cluster.choose(pod('p', { requests: { cpu: '1' } }))).toBe('a')
  })
})

describe('resources', () => {
  it('count containers, the worst moment of starting, sidecars and overhead (KEP-753)', () => {
    const init = (cpu: string, restartPolicy?: 'Always') => ({
      name: `i${cpu}${restartPolicy}`,
      resources: { requests: { cpu } },
      ...(restartPolicy ? { restartPolicy } : {}),
    })
    const info = new PodInfo(
      pod('p', { requests: { cpu: '1' }, initContainers: [init('500m', 'Always'), init('2')], overhead: { cpu: '100m' } }),
    )
    // Main and sidecar take 1500m, starting the second init container beside the sidecar 2500m; and the overhead.
    expect(info.requests.milliCpu).toBe(2_600)
  })

  it('of the pod itself take the place of its containers’ (KEP-2837)', () => {
    const info = new PodInfo(pod('p', { requests: { cpu: '1', memory: '1Gi' }, resources: { requests: { cpu: '3' } } }))
    expect(info.requests.milliCpu).toBe(3_000)
    expect(info.requests.memory).toBe(2 ** 30)
  })

  it('of pods without requests count 100m and 200 MiB when nodes are ranked', () => {
    const info = new PodInfo(pod('p'))
    expect([info.requests.milliCpu, info.requests.nonZeroMilliCpu, info.requests.nonZeroMemory]).toEqual([0, 100, 200 * 2 ** 20])
    const cluster = new TestCluster([node('a'), node('b')])
    cluster.runs('a', pod('idle'))
    expect(cluster.choices(pod('p'))).toEqual(['b'])
  })

  it('are freed for others when a pod goes, and not before', () => {
    const cluster = new TestCluster([node('a', { allocatable: { cpu: '1', 'vendor.test/gpu': '1' } })])
    const taker = pod('taker', { requests: { 'vendor.test/gpu': '1' } })
    cluster.runs('a', taker)
    expect(cluster.choose(pod('p', { requests: { 'vendor.test/gpu': '1' } }))).toContain('1 Insufficient vendor.test/gpu')
    cluster.cache.removePod('default/taker')
    expect(cluster.choose(pod('p', { requests: { 'vendor.test/gpu': '1' } }))).toBe('a')
  })

  it('rank nodes as the strategy of the profile says', () => {
    const full = (type: string, more = {}) => ({
      plugins: { multiPoint: { disabled: [{ name: 'NodeResourcesBalancedAllocation' }] } },
      pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type, ...more } } }],
    })
    const with2 = (profile: object) => {
      const cluster = new TestCluster([node('a'), node('b')], { profile })
      cluster.runs('a', pod('load', { requests: { cpu: '1', memory: '2Gi' } }))
      return cluster.choices(pod('p', { requests: { cpu: '500m', memory: '1Gi' } }))
    }
    const shape = [
      { utilization: 0, score: 0 },
      { utilization: 100, score: 10 },
    ]
    expect(with2(full('LeastAllocated'))).toEqual(['b'])
    expect(with2(full('MostAllocated'))).toEqual(['a'])
    expect(with2(full('RequestedToCapacityRatio', { requestedToCapacityRatio: { shape } }))).toEqual(['a'])
  })
})
