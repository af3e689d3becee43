import { describe, expect, it } from 'vitest'
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.js'
import { boundsOf } from './bounds.js'
import { isScalingEvent, newSetReplicas, proportionalScale, setsToForget, shrinkOldSets } from './scaling.js'

const deployment = (
  replicas: number,
  rollingUpdate: { maxSurge?: number | string; maxUnavailable?: number | string } = {},
  more = {},
): Deployment => ({
  metadata: { name: 'd' },
  spec: { replicas, selector: {}, template: {}, strategy: { type: 'RollingUpdate', rollingUpdate }, ...more },
})
let made = 0
const set = (replicas: number, available = replicas, annotations: Record<string, string> = {}): ReplicaSet => ({
  metadata: {
    name: `rs-${++made}`,
    uid: `uid-${made}`,
    creationTimestamp: `2026-01-01T00:00:${String(made).padStart(2, '0')}Z`,
    annotations,
  },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas: available },
})

describe('rolling update bounds', () => {
  it('rounds maxSurge up and maxUnavailable down', () => {
    expect(boundsOf(deployment(10, { maxSurge: '25%', maxUnavailable: '25%' }))).toEqual({ wanted: 10, maxSurge: 3, maxUnavailable: 2 })
  })
  it('lets one pod be unavailable when both come out as 0', () => {
    expect(boundsOf(deployment(3, { maxSurge: 0, maxUnavailable: '1%' }))).toEqual({ wanted: 3, maxSurge: 0, maxUnavailable: 1 })
  })
})

describe('the new set', () => {
  it('grows into the surge that is left', () => {
    const [old, fresh] = [set(10), set(0)]
    expect(newSetReplicas(deployment(10, { maxSurge: 3, maxUnavailable: 2 }), fresh, [old, fresh])).toBe(3)
  })
  it('waits when there is no room', () => {
    const [old, fresh] = [set(10), set(3)]
    expect(newSetReplicas(deployment(10, { maxSurge: 3 }), fresh, [old, fresh])).toBe(3)
  })
  it('never exceeds the wanted number', () => {
    const fresh = set(2)
    expect(newSetReplicas(deployment(3, { maxSurge: 5 }), fresh, [fresh])).toBe(3)
  })
})

describe('old sets', () => {
  it('lose unhealthy pods first, then what availability allows', () => {
    const [old, fresh] = [set(4, 2), set(0)]
    expect(shrinkOldSets(deployment(4, { maxSurge: 0, maxUnavailable: 2 }), [old], fresh).map((step) => step.replicas)).toEqual([2])
  })
  it('keep what must stay available while new pods are not', () => {
    const [old, fresh] = [set(8), set(5, 0)]
    expect(shrinkOldSets(deployment(10, { maxSurge: 3, maxUnavailable: 2 }), [old], fresh)).toEqual([])
  })
  it('go altogether once the new pods are available', () => {
    const [old, fresh] = [set(1), set(3)]
    expect(shrinkOldSets(deployment(3, { maxSurge: 1, maxUnavailable: 0 }), [old], fresh).map((step) => step.replicas)).toEqual([0])
  })
})

describe('scaling', () => {
  it('is noticed by the size a set was made for', () => {
    expect(isScalingEvent(deployment(5), [set(3, 3, { 'deployment.kubernetes.io/desired-replicas': '3' })])).toBe(true)
    expect(isScalingEvent(deployment(3), [set(3, 3, { 'deployment.kubernetes.io/desired-replicas': '3' })])).toBe(false)
  })
  it('gives everything to the only active set', () => {
    const only = set(3)
    expect(proportionalScale(deployment(7), only, [])).toEqual([{ set: only, replicas: 7 }])
  })
  it('shares out by size, with all pods accounted for', () => {
    const note = { 'deployment.kubernetes.io/max-replicas': '13' }
    const [old, fresh] = [set(8, 8, note), set(5, 5, note)]
    const steps = proportionalScale(deployment(20, { maxSurge: 3, maxUnavailable: 2 }), fresh, [old])
    expect(steps.reduce((sum, step) => sum + step.replicas, 0)).toBe(23)
    expect(steps.find((step) => step.set === old)?.replicas).toBe(14)
  })
})

it('forgets idle old sets beyond the history limit, oldest revision first', () => {
  const sets = [1, 2, 3].map((revision) => set(0, 0, { revision: String(revision) }))
  const gone = setsToForget(deployment(1, {}, { revisionHistoryLimit: 1 }), sets, (each) => Number(each.metadata.annotations?.revision))
  expect(gone).toEqual([sets[0], sets[1]])
})
