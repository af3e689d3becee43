import { describe, expect, it } from 'vitest'
import type { StatefulSet, StatefulSetSpec } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import { claimOwners, isStaleClaim } from './claims.js'
import { claimsOf, makePod } from './identity.js'
import { type Plan, planOf, usesCurrentRevision } from './plan.js'
import { statefulSetStatus } from './status.js'

const nowMs = Date.UTC(2026, 0, 1)
const setOf = (spec: Partial<StatefulSetSpec>): StatefulSet => ({
  metadata: { name: 's', namespace: 'n', uid: 'set-uid', generation: 3 },
  spec: { selector: { matchLabels: { app: 's' } }, template: { metadata: { labels: { app: 's' } }, spec: { containers: [] } }, ...spec },
})
interface Made {
  rev?: string
  readyForSeconds?: number
  ending?: boolean
  phase?: 'Running' | 'Failed' | 'Succeeded'
}
const pod = (ordinal: number, { rev = 'new', readyForSeconds = 100, ending = false, phase = 'Running' }: Made = {}): Pod => ({
  metadata: {
    name: `s-${ordinal}`,
    uid: `uid-${ordinal}`,
    labels: { 'controller-revision-hash': rev },
    ...(ending ? { deletionTimestamp: timestamp(nowMs) } : {}),
  },
  status: {
    phase,
    conditions: [
      {
        type: 'Ready',
        status: readyForSeconds >= 0 && phase === 'Running' ? 'True' : 'False',
        lastTransitionTime: timestamp(nowMs - readyForSeconds * 1000),
      },
    ],
  },
})
const unready = { readyForSeconds: -1 }

/** The plan with pods as ordinals, members without content left out. */
function plan(spec: Partial<StatefulSetSpec>, pods: Pod[]): Record<string, number[]> {
  const made: Plan = planOf(setOf(spec), pods, 'new', nowMs)
  const entries = Object.entries(made).map(([name, list]) => [
    name,
    (list as readonly (Pod | number)[]).map((each) => (typeof each === 'number' ? each : Number(each.metadata.name?.slice(2)))),
  ])
  return Object.fromEntries(entries.filter(([name, list]) => list?.length && name !== 'kept' && name !== 'condemned'))
}
const parallel = { podManagementPolicy: 'Parallel' } as const
const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } }) as const

describe('OrderedReady', () => {
  it('makes the lowest missing pod, when all below it are available', () => {
    expect(plan({ replicas: 3 }, [])).toEqual({ missing: [0] })
    expect(plan({ replicas: 3 }, [pod(0)])).toEqual({ missing: [1] })
    expect(plan({ replicas: 3 }, [pod(0, unready)])).toEqual({})
    expect(plan({ replicas: 3 }, [pod(0), pod(2)])).toEqual({ missing: [1] })
    expect(plan({ replicas: 3, minReadySeconds: 10 }, [pod(0, { readyForSeconds: 9 })])).toEqual({})
  })
  it('replaces a pod that has failed or succeeded', () => {
    expect(plan({ replicas: 2 }, [pod(0, { phase: 'Failed' }), pod(1)])).toEqual({ ended: [0] })
    expect(plan({ replicas: 2 }, [pod(0), pod(1, { phase: 'Succeeded' })])).toEqual({ ended: [1] })
    expect(plan({ replicas: 2 }, [pod(0, { phase: 'Failed', ending: true }), pod(1)])).toEqual({})
  })
  it('ends the highest pod out of range, one after the other', () => {
    expect(plan({ replicas: 1 }, [pod(0), pod(1), pod(2)])).toEqual({ scaleDown: [2] })
    expect(plan({ replicas: 1 }, [pod(0), pod(1), pod(2, { ending: true })])).toEqual({})
    expect(plan({ replicas: 1 }, [pod(0, unready), pod(1), pod(2)])).toEqual({})
  })
  it('does not end a pod above one that is not well, unless it is that one', () => {
    expect(plan({ replicas: 1 }, [pod(0), pod(1, unready), pod(2, unready)])).toEqual({})
    expect(plan({ replicas: 1 }, [pod(0), pod(1), pod(2, unready)])).toEqual({ scaleDown: [2] })
  })
  it('keeps to a start ordinal, at both ends', () => {
    expect(plan({ replicas: 2, ordinals: { start: 5 } }, [])).toEqual({ missing: [5] })
    expect(plan({ replicas: 2, ordinals: { start: 6 } }, [pod(5), pod(6)])).toEqual({ missing: [7] })
    expect(plan({ replicas: 2, ordinals: { start: 6 } }, [pod(5), pod(6), pod(7)])).toEqual({ scaleDown: [5] })
  })
})

describe('Parallel', () => {
  it('makes and ends all at once', () => {
    expect(plan({ replicas: 3, ...parallel }, [pod(1, unready)])).toEqual({ missing: [0, 2] })
    expect(plan({ replicas: 1, ...parallel }, [pod(0, unready), pod(1), pod(2, unready)])).toEqual({ scaleDown: [2, 1] })
    expect(plan({ replicas: 2, ...parallel }, [pod(0, { phase: 'Failed' }), pod(3)])).toEqual({ ended: [0], missing: [1], scaleDown: [3] })
  })
})

describe('RollingUpdate', () => {
  const old = { rev: 'old' }
  it('goes from the top down, one at a time, waiting for each', () => {
    expect(plan({ replicas: 3 }, [pod(0, old), pod(1, old), pod(2, old)])).toEqual({ outdated: [2] })
    expect(plan({ replicas: 3 }, [pod(0, old), pod(1, old), pod(2, unready)])).toEqual({})
    expect(plan({ replicas: 3 }, [pod(0, old), pod(1, old), pod(2)])).toEqual({ outdated: [1] })
  })
  it('leaves pods below the partition', () => {
    const pods = [pod(0, old), pod(1, old), pod(2)]
    expect(plan({ replicas: 3, ...rolling({ partition: 2 }) }, pods)).toEqual({})
    expect(plan({ replicas: 3, ...rolling({ partition: 1 }) }, pods)).toEqual({ outdated: [1] })
  })
  it('scales before it updates', () => {
    expect(plan({ replicas: 1 }, [pod(0, old), pod(1, old)])).toEqual({ scaleDown: [1] })
  })
  it('in Parallel, a broken old pod is no hindrance', () => {
    expect(plan({ replicas: 2, ...parallel }, [pod(0, old), pod(1, { ...old, ...unready })])).toEqual({ outdated: [1] })
    expect(plan({ replicas: 2, ...parallel }, [pod(0, old), pod(1, unready)])).toEqual({})
  })
  it('maxUnavailable lets several go at once, counting those that are down', () => {
    const pods = [pod(0, old), pod(1, old), pod(2, old), pod(3, old)]
    expect(plan({ replicas: 4, ...rolling({ maxUnavailable: 2 }) }, pods)).toEqual({ outdated: [3, 2] })
    expect(plan({ replicas: 4, ...rolling({ maxUnavailable: '50%' }) }, pods)).toEqual({ outdated: [3, 2] })
    expect(plan({ replicas: 4, ...rolling({ maxUnavailable: '10%', partition: 3 }) }, pods)).toEqual({ outdated: [3] })
    const oneDown = [pod(0, old), pod(1, old), pod(2, old), pod(3, unready)]
    expect(plan({ replicas: 4, ...parallel, ...rolling({ maxUnavailable: 2 }) }, oneDown)).toEqual({ outdated: [2] })
  })
  it('maxUnavailable in Parallel first takes old pods that are down already', () => {
    const pods = [pod(0, { ...old, ...unready }), pod(1, { ...old, ...unready }), pod(2, old), pod(3, old)]
    expect(plan({ replicas: 4, ...parallel, ...rolling({ maxUnavailable: 2 }) }, pods)).toEqual({ outdated: [1, 0] })
  })
  it('OnDelete updates nothing by itself', () => {
    expect(plan({ replicas: 1, updateStrategy: { type: 'OnDelete' } }, [pod(0, old)])).toEqual({})
  })
  it('below the partition a pod comes back as it was', () => {
    expect([0, 1, 2].map((ordinal) => usesCurrentRevision(setOf(rolling({ partition: 2 })), ordinal))).toEqual([true, true, false])
    expect(usesCurrentRevision(setOf({ ...rolling({ partition: 2 }), ordinals: { start: 5 } }), 6)).toBe(true)
    expect(usesCurrentRevision(setOf({ updateStrategy: { type: 'OnDelete' } }), 0)).toBe(false)
  })
})

describe('status', () => {
  const revisions = { current: 'old', update: 'new', collisionCount: 0 }
  const status = (spec: Partial<StatefulSetSpec>, pods: Pod[]) => statefulSetStatus(setOf(spec), pods, revisions, nowMs)
  it('counts pods by revision and readiness', () => {
    const pods = [pod(0, { rev: 'old' }), pod(1, { rev: 'new', ...unready }), pod(2, { rev: 'old', ending: true })]
    expect(status({ replicas: 3 }, pods)).toEqual({
      ...{ observedGeneration: 3, replicas: 3, readyReplicas: 2, availableReplicas: 2, currentReplicas: 1, updatedReplicas: 1 },
      ...{ currentRevision: 'old', updateRevision: 'new', collisionCount: 0 },
    })
  })
  it('ends an update when every pod is new and ready', () => {
    expect(status({ replicas: 2 }, [pod(0), pod(1)])).toMatchObject({ currentReplicas: 2, updatedReplicas: 2, currentRevision: 'new' })
    expect(status({ replicas: 1, updateStrategy: { type: 'OnDelete' } }, [pod(0)])).toMatchObject({ currentRevision: 'old' })
  })
  it('counts a pod as available after minReadySeconds', () => {
    expect(status({ replicas: 1, minReadySeconds: 5 }, [pod(0, { readyForSeconds: 4 })])).toMatchObject({
      readyReplicas: 1,
      availableReplicas: 0,
    })
  })
})

describe('identity', () => {
  const set = setOf({
    serviceName: 'svc',
    volumeClaimTemplates: [{ metadata: { name: 'data', labels: { k: 'v' } }, spec: { accessModes: ['ReadWriteOnce'] } }],
  })
  it('is the name, the index, the host name and the claims', () => {
    const made = makePod(set, 4, {
      template: { spec: { containers: [], volumes: [{ name: 'data' }, { name: 'other' }] } },
      revision: 's-abc',
    })
    expect(made.metadata).toMatchObject({
      name: 's-4',
      labels: {
        'statefulset.kubernetes.io/pod-name': 's-4',
        'apps.kubernetes.io/pod-index': '4',
        'controller-revision-hash': 's-abc',
      },
    })
    expect(made.spec).toMatchObject({
      hostname: 's-4',
      subdomain: 'svc',
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-s-4' } }, { name: 'other' }],
    })
    expect(claimsOf(set, 4)[0]?.metadata).toEqual({ name: 'data-s-4', namespace: 'n', labels: { app: 's', k: 'v' } })
  })

  it('claims belong to nobody, the set, or the pod that is scaled away (KEP-1847)', () => {
    const owners = (whenDeleted: string, whenScaled: string, ordinal: number, there: object[] = []) => {
      const policy = { replicas: 1, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } }
      const claim = { metadata: { ownerReferences: there as never } }
      return claimOwners(setOf(policy), pod(ordinal), claim)?.map((ref) => `${ref.kind} ${ref.name}`)
    }
    expect(owners('Retain', 'Retain', 0)).toBeUndefined()
    expect(owners('Delete', 'Retain', 0)).toEqual(['StatefulSet s'])
    expect(owners('Retain', 'Delete', 0)).toBeUndefined()
    expect(owners('Retain', 'Delete', 1)).toEqual(['Pod s-1'])
    expect(owners('Delete', 'Delete', 1)).toEqual(['Pod s-1'])
    expect(owners('Delete', 'Delete', 0)).toEqual(['StatefulSet s'])
    const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid: 'set-uid', controller: true }
    expect(owners('Delete', 'Retain', 0, [set])).toBeUndefined()
    expect(owners('Retain', 'Retain', 0, [set])).toEqual([])
    expect(owners('Delete', 'Retain', 0, [{ apiVersion: 'x/v1', kind: 'X', name: 'x', uid: 'x', controller: true }])).toBeUndefined()
  })

  it('a claim of an earlier pod of the name is stale', () => {
    const claim = { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 's-0', uid: 'before' }] } }
    const scaled = setOf({ persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } })
    expect(isStaleClaim(scaled, 's-0', undefined, claim)).toBe(true)
    expect(isStaleClaim(scaled, 's-0', 'before', claim)).toBe(false)
    expect(isStaleClaim(setOf({}), 's-0', undefined, claim)).toBe(false)
  })
})
