import { describe, expect, it } from 'vitest'
import type { Pod } from '../../api/types/core-v1.js'
import { burstableShares, cpuQuotaUs, cpuShares, cpuWeight, podLimits } from './limits.js'
import { cgroupName, podParts } from './names.js'
import { PodCgroups } from './pod-cgroups.js'

const options = { enforcesQuota: true, cpuPeriodUs: 100_000, processesMax: -1 }
const pod = (uid: string, ...resources: object[]): Pod => ({
  metadata: { uid },
  spec: { containers: resources.map((each, index) => ({ name: `c${index}`, image: 'i', resources: each })) },
})
const guaranteed = pod('1-2', { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '500m', memory: '64Mi' } })
const burstable = pod('b', { requests: { cpu: '250m' }, limits: { memory: '1Gi' } }, { requests: { cpu: '250m' } })

describe('what the kernel is told', () => {
  it('of CPU: shares of requests, quota of limits, weight of shares', () => {
    expect([0, 1, 250, 1_000, 1e9].map(cpuShares)).toEqual([2, 2, 256, 1_024, 262_144])
    expect([cpuQuotaUs(500, 100_000), cpuQuotaUs(1, 100_000), cpuQuotaUs(0, 100_000)]).toEqual([50_000, 1_000, -1])
    expect([2, 1_024, 262_144].map(cpuWeight)).toEqual([1, 100, 10_000])
  })

  it('of a pod: limits only where every container has one', () => {
    expect(podLimits(guaranteed, options)).toEqual({ cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 64 * 2 ** 20 })
    expect(podLimits(burstable, options)).toEqual({ cpuShares: 512 })
    expect(podLimits(pod('e', {}), { ...options, processesMax: 100 })).toEqual({ cpuShares: 2, processes: 100 })
    expect(podLimits(guaranteed, { ...options, enforcesQuota: false })).not.toHaveProperty('cpuQuotaUs')
    expect(burstableShares([burstable, guaranteed, burstable])).toBe(1_024)
  })
})

describe('where groups are', () => {
  it('for the cgroupfs driver and for systemd’s', () => {
    expect(cgroupName('cgroupfs', '', podParts('1-2', 'Burstable')).parent).toBe('/kubepods/burstable/pod1-2')
    expect(cgroupName('cgroupfs', '/host', podParts('1-2', 'Guaranteed')).path).toBe('/host/kubepods/pod1-2')
    expect(cgroupName('systemd', '', podParts('1-2', 'BestEffort'))).toEqual({
      path: '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice',
      parent: 'kubepods-besteffort-pod1_2.slice',
    })
  })

  it('are made from the top down, follow the pods, and are swept when their pods are gone', async () => {
    const groups = new Map<string, object>()
    const files = {
      create: (path: string, limits = {}) => Promise.resolve(void groups.set(path, { ...groups.get(path), ...limits })),
      limit: (path: string, limits = {}) => Promise.resolve(void groups.set(path, { ...groups.get(path), ...limits })),
      remove: (path: string) => Promise.resolve(void groups.delete(path)),
      children: (path: string) =>
        Promise.resolve([...groups.keys()].filter((each) => each.startsWith(`${path}/`)).map((each) => each.slice(path.length + 1))),
    }
    const cgroups = new PodCgroups({ ...options, files, driver: 'cgroupfs', root: '', node: { cpuMilli: 2_000, memoryBytes: 2 ** 30 } })
    await cgroups.start()
    expect(groups.get('/kubepods')).toMatchObject({ cpuShares: 2_048, memoryBytes: 2 ** 30 })
    expect(await cgroups.ensure(burstable)).toBe('/kubepods/burstable/podb')
    expect(await cgroups.ensure(guaranteed)).toBe('/kubepods/pod1-2')
    expect(groups.get('/kubepods/burstable')).toEqual({ cpuShares: 512 })
    await cgroups.sweep(new Set(['1-2']))
    expect([...groups.keys()].sort()).toEqual(['/kubepods', '/kubepods/besteffort', '/kubepods/burstable', '/kubepods/pod1-2'])
    await cgroups.follow([burstable, { ...burstable, metadata: { uid: 'earlier' } }])
    expect(groups.get('/kubepods/burstable')).toEqual({ cpuShares: 1_024 })
    await cgroups.remove('1-2')
    expect(groups.has('/kubepods/pod1-2')).toBe(false)
  })
})
