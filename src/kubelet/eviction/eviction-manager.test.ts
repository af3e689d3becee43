import { describe, expect, it } from 'vitest'
import type { Pod } from '../../api/types/core-v1.js'
import { EvictionManager } from './eviction-manager.js'
import { type Candidate, type PodUse, ranked } from './ranking.js'
import { type EvictionConfiguration, type Observations, type Signal, thresholdsOf } from './signals.js'

const Mi = 2 ** 20
const config: EvictionConfiguration = {
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'pid.available': '20' },
  evictionSoft: {},
  evictionSoftGracePeriod: {},
  evictionMinimumReclaim: {},
  enforceNodeAllocatable: [],
}
const manager = (more: Partial<EvictionConfiguration> = {}) =>
  new EvictionManager({ thresholds: thresholdsOf({ ...config, ...more }), transitionMs: 300_000, graceSecondsMax: 30 })
const seen = (values: Partial<Record<Signal, readonly [available: number, capacity: number]>>): Observations =>
  new Map(Object.entries(values).map(([signal, [available, capacity]]) => [signal as Signal, { available, capacity }]))
const use = (more: Partial<PodUse>): PodUse => ({
  memoryBytes: 0,
  diskBytes: 0,
  inodes: 0,
  processes: 0,
  containers: [],
  volumes: [],
  ...more,
})
const pod = (name: string, requests: Record<string, string> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name, namespace: 'default', uid: name },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...spec },
})
const names = (candidates: readonly Candidate[]) => candidates.map(({ pod: { metadata } }) => metadata.name)

describe('thresholds', () => {
  it('are met below an amount or a share of the capacity, memory being looked at first', () => {
    const node = manager()
    expect(node.observe(seen({ 'memory.available': [200 * Mi, 1000 * Mi], 'nodefs.available': [11, 100] }), 0).pressures.size).toBe(0)
    const { pressures, reclaim } = node.observe(seen({ 'nodefs.available': [9, 100], 'memory.available': [99 * Mi, 1000 * Mi] }), 10)
    expect([...pressures].sort()).toEqual(['DiskPressure', 'MemoryPressure'])
    expect(reclaim).toEqual({ signal: 'memory.available', resource: 'memory' })
  })

  it('keep the pressure shown for the transition period after they were last met', () => {
    const node = manager()
    node.observe(seen({ 'pid.available': [5, 100] }), 1_000)
    const well = seen({ 'pid.available': [50, 100] })
    expect([...node.observe(well, 300_999).pressures]).toEqual(['PIDPressure'])
    expect(node.observe(well, 301_001).pressures.size).toBe(0)
  })

  it('that are soft count once they have held for their grace period, and start anew when they did not', () => {
    const node = manager({
      evictionHard: {},
      evictionSoft: { 'memory.available': '1Gi' },
      evictionSoftGracePeriod: { 'memory.available': '1m' },
    })
    const low = seen({ 'memory.available': [500 * Mi, 4000 * Mi] })
    expect(node.observe(low, 0).reclaim).toBeUndefined()
    node.observe(seen({ 'memory.available': [2000 * Mi, 4000 * Mi] }), 30_000)
    expect(node.observe(low, 40_000).reclaim).toBeUndefined()
    expect(node.observe(low, 99_999).reclaim).toBeUndefined()
    expect(node.observe(low, 100_000).reclaim).toBeDefined()
    expect(node.evictions([{ pod: pod('a'), use: use({}) }], low)[0]?.graceSeconds).toBe(30)
  })

  it('with a minimum reclaim are over only when that much more is free', () => {
    const node = manager({ evictionMinimumReclaim: { 'memory.available': '50Mi' } })
    node.observe(seen({ 'memory.available': [90 * Mi, 1000 * Mi] }), 0)
    expect(node.observe(seen({ 'memory.available': [120 * Mi, 1000 * Mi] }), 10).reclaim).toBeDefined()
    expect(node.observe(seen({ 'memory.available': [151 * Mi, 1000 * Mi] }), 20).reclaim).toBeUndefined()
  })

  it('of a signal that does not exist are refused', () => {
    expect(() => manager({ evictionHard: { 'memory.free': '1Gi' } })).toThrow('unsupported eviction signal memory.free')
  })
})

describe('the order of eviction', () => {
  it('for memory: who exceeds its requests, then the lesser priority, then who exceeds most', () => {
    const candidates = [
      { pod: pod('within', { memory: '100Mi' }, { priority: -5 }), use: use({ memoryBytes: 90 * Mi }) },
      { pod: pod('important', { memory: '10Mi' }, { priority: 100 }), use: use({ memoryBytes: 900 * Mi }) },
      { pod: pod('little-over', { memory: '50Mi' }), use: use({ memoryBytes: 60 * Mi }) },
      { pod: pod('far-over'), use: use({ memoryBytes: 55 * Mi }) },
    ]
    expect(names(ranked(candidates, 'memory.available'))).toEqual(['far-over', 'little-over', 'important', 'within'])
  })

  it('for processes: the lesser priority, then who has most', () => {
    const candidates = [
      { pod: pod('few'), use: use({ processes: 3 }) },
      { pod: pod('many'), use: use({ processes: 300 }) },
      { pod: pod('low', {}, { priority: -1 }), use: use({ processes: 1 }) },
    ]
    expect(names(ranked(candidates, 'pid.available'))).toEqual(['low', 'many', 'few'])
  })

  it('spares static pods and those of the system, and names the threshold and the containers to blame', () => {
    const node = manager()
    const low = seen({ 'memory.available': [80 * Mi, 1000 * Mi] })
    node.observe(low, 0)
    const critical = pod('critical', {}, { priority: 2_000_001_000 })
    const fixed = { ...pod('static'), metadata: { name: 'static', annotations: { 'kubernetes.io/config.source': 'file' } } }
    const guilty = {
      pod: pod('guilty', { memory: '10Mi' }),
      use: use({ memoryBytes: 40 * Mi, containers: [{ name: 'c', memoryBytes: 40 * Mi, diskBytes: 0 }] }),
    }
    const [eviction, ...more] = node.evictions(
      [{ pod: critical, use: use({ memoryBytes: 900 * Mi }) }, { pod: fixed, use: use({ memoryBytes: 900 * Mi }) }, guilty],
      low,
    )
    expect(more).toEqual([])
    expect(eviction).toMatchObject({ pod: { metadata: { name: 'guilty' } }, graceSeconds: 1 })
    expect(eviction?.message).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. Container c was using 40Mi, request is 10Mi, has larger consumption of memory. ',
    )
  })

  it('takes pods that passed a limit of their own first, whatever the node has', () => {
    const node = manager()
    const filled = pod('filled', {}, { volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Mi' } }] })
    const candidates = [{ pod: filled, use: use({ volumes: [{ name: 'tmp', bytes: 2 * Mi }], diskBytes: 2 * Mi }) }]
    expect(node.evictions(candidates, seen({}))).toMatchObject([{ message: 'Usage of EmptyDir volume "tmp" exceeds the limit "1Mi". ' }])
    const limited = pod('limited', {}, { containers: [{ name: 'c', image: 'i', resources: { limits: { 'ephemeral-storage': '1Mi' } } }] })
    expect(node.evictions([{ pod: limited, use: use({ diskBytes: 2 * Mi }) }], seen({}))[0]?.message).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
    )
  })
})

describe('admission under pressure', () => {
  it('lets in who asked for memory under memory pressure, and nobody but the critical under others', () => {
    const node = manager()
    node.observe(seen({ 'memory.available': [1, 1000 * Mi] }), 0)
    expect(node.refusal(pod('best-effort'))).toEqual({ reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' })
    expect(node.refusal(pod('burstable', { memory: '1Mi' }))).toBeUndefined()
    expect(node.refusal(pod('tolerant', {}, { tolerations: [{ operator: 'Exists' }] }))).toBeUndefined()
    node.observe(seen({ 'nodefs.available': [1, 100] }), 10)
    expect(node.refusal(pod('burstable', { memory: '1Mi' }))?.reason).toBe('Evicted')
    expect(node.refusal(pod('critical', {}, { priority: 2_000_000_000 }))).toBeUndefined()
  })
})
