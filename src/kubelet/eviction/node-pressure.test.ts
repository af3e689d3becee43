import { expect, test } from 'vitest'
import type { Pod } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { EvictionManager } from './eviction-manager.js'
import { NodePressure } from './node-pressure.js'
import { type Signal, thresholdsOf } from './signals.js'

const config = {
  evictionHard: { 'memory.available': '100', 'nodefs.available': '10%' },
  evictionSoft: {},
  evictionSoftGracePeriod: {},
  evictionMinimumReclaim: {},
  enforceNodeAllocatable: [],
}

function setUp() {
  const clock = new VirtualClock()
  const seen = new Map<Signal, { available: number; capacity: number }>([
    ['memory.available', { available: 500, capacity: 1_000 }],
    ['nodefs.available', { available: 50, capacity: 100 }],
  ])
  const told: string[] = []
  const running = new Set(['a', 'b'])
  const pod = (name: string): Pod => ({ metadata: { name, namespace: 'default', uid: name }, spec: { containers: [] } })
  const use = (memoryBytes: number) => ({ memoryBytes, diskBytes: memoryBytes, inodes: 0, processes: 0, containers: [], volumes: [] })
  const state = { reclaims: false }
  const pressure = new NodePressure({
    ...{ clock, logger: silentLogger },
    manager: new EvictionManager({ thresholds: thresholdsOf(config), transitionMs: 60_000, graceSecondsMax: 0 }),
    observe: () => Promise.resolve(new Map(seen)),
    candidates: () => Promise.resolve([...running].map((name) => ({ pod: pod(name), use: use(name === 'a' ? 300 : 200) }))),
    reclaim: (signal) => {
      told.push(`reclaim ${signal}`)
      if (state.reclaims) seen.set('nodefs.available', { available: 50, capacity: 100 })
      return Promise.resolve()
    },
  })
  pressure.start({
    nodeName: 'n1',
    evict: (uid, { reason, graceSeconds }) => told.push(`evict ${uid} ${reason} ${graceSeconds}`),
    isActive: (uid) => running.has(uid),
    changed: () => told.push('changed'),
    event: (_type, reason) => told.push(reason),
  })
  const condition = (type: string) => pressure.conditions().find((each) => each.type === type)
  return { clock, seen, told, running, pressure, condition, state }
}

test('a node that runs out of memory says so, evicts one pod, waits for it to end, then goes on', async () => {
  const { clock, seen, told, running, pressure, condition } = setUp()
  await clock.advance(0)
  expect(told).toEqual([])
  seen.set('memory.available', { available: 50, capacity: 1_000 })
  await clock.advance(10_000)
  expect(told.splice(0)).toEqual(['NodeHasInsufficientMemory', 'changed', 'EvictionThresholdMet', 'evict a Evicted 1'])
  expect(condition('MemoryPressure')).toMatchObject({ status: 'True', reason: 'KubeletHasInsufficientMemory' })
  expect(condition('Ready')?.status).toBe('True')
  await clock.advance(10_000)
  expect(told.splice(0)).toEqual(['EvictionThresholdMet'])
  running.delete('a')
  await clock.advance(10_000)
  expect(told.splice(0)).toEqual(['EvictionThresholdMet', 'evict b Evicted 1'])
  seen.set('memory.available', { available: 900, capacity: 1_000 })
  await clock.advance(50_000)
  expect(condition('MemoryPressure')?.status).toBe('True')
  await clock.advance(20_000)
  expect(condition('MemoryPressure')?.status).toBe('False')
  expect(told).toEqual(['NodeHasSufficientMemory', 'changed'])
  pressure.stop()
})

test('a full disk is first freed of images; pods go only when that was not enough', async () => {
  const { clock, seen, told, pressure, condition, state } = setUp()
  state.reclaims = true
  seen.set('nodefs.available', { available: 5, capacity: 100 })
  await clock.advance(0)
  expect(told.splice(0)).toEqual(['NodeHasDiskPressure', 'changed', 'EvictionThresholdMet', 'reclaim nodefs.available'])
  expect(condition('DiskPressure')).toMatchObject({ status: 'True', message: 'kubelet has disk pressure' })
  state.reclaims = false
  seen.set('nodefs.available', { available: 5, capacity: 100 })
  await clock.advance(10_000)
  expect(told).toEqual(['EvictionThresholdMet', 'reclaim nodefs.available', 'evict a Evicted 1'])
  pressure.stop()
})
