import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ReplicaSet, ReplicaSetSpec } from '../../api/types/apps-v1.js'
import type { Event, Pod, ReplicationController, ResourceQuota } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { defaultServiceAccount, play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { replicaController, replicaSetFlavour, replicationControllerFlavour } from './replicaset.js'

const labels = { app: 'web' }
const template = { metadata: { labels }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } }
const replicaSet = (spec: Partial<ReplicaSetSpec> = {}, name = 'web'): ReplicaSet => ({
  metadata: { name, namespace: 'default' },
  spec: { replicas: 3, selector: { matchLabels: labels }, template, ...spec },
})
const pod = (name: string, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name, namespace: 'default', labels, ...more },
  spec: template.spec,
})

describe('replicaset-controller', () => {
  let clock: VirtualClock
  let running: TestControllers
  beforeEach(async () => {
    clock = new VirtualClock()
    running = await runTestControllers({
      controllers: [replicaController(replicaSetFlavour), replicaController(replicationControllerFlavour)],
      clock,
      prepare: defaultServiceAccount,
    })
  })
  afterEach(() => running.stop())

  const sets = () => running.client.resource<ReplicaSet>(resources.replicaSets)
  const podsOf = () => running.client.resource<Pod>(resources.pods)
  const get = () => running.get<ReplicaSet>(resources.replicaSets, 'default', 'web')
  const pods = () => running.list<Pod>(resources.pods, 'default')
  const active = async () => (await pods()).filter((each) => !each.metadata.deletionTimestamp)
  const create = async (spec?: Partial<ReplicaSetSpec>) => {
    await sets().create(replicaSet(spec))
    await running.settled()
  }
  const scale = async (replicas: number) => {
    await sets().patch('default', 'web', { type: 'merge', body: { spec: { replicas } } })
    await running.settled()
  }

  it('makes the pods it is asked for, owned by it, and counts them', async () => {
    await create()
    const all = await pods()
    expect(all).toHaveLength(3)
    for (const each of all) {
      expect(each.metadata.name).toMatch(/^web-[a-z0-9]{5}$/)
      expect(each.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', name: 'web', controller: true, blockOwnerDeletion: true }])
    }
    await play(running.client, clock, all.slice(0, 2), 'ready')
    await running.settled()
    expect((await get()).status).toMatchObject({
      ...{ replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, availableReplicas: 2, observedGeneration: 1 },
    })
  })

  it('never makes or ends more than it should while its cache is behind', async () => {
    await create({ replicas: 20 })
    expect(await pods()).toHaveLength(20)
    await scale(5)
    expect(await active()).toHaveLength(5)
    await scale(30)
    expect(await active()).toHaveLength(30)
    const events = await running.list<Event>(resources.events, 'default')
    expect(events.length).toBeGreaterThan(0)
  })

  it('ends pods that are not ready before those that are, and the cheap before the dear', async () => {
    await create({ replicas: 4 })
    const [a, b, c, d] = await pods()
    await play(running.client, clock, [a, b, c] as Pod[], 'ready')
    const cost = { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } } }
    await podsOf().patch('default', b?.metadata.name ?? '', { type: 'merge', body: cost })
    await running.settled()
    await scale(3)
    expect((await active()).map(({ metadata }) => metadata.name)).not.toContain(d?.metadata.name)
    await scale(2)
    expect((await active()).map(({ metadata }) => metadata.name).sort()).toEqual([a?.metadata.name, c?.metadata.name].sort())
  })

  it('replaces a pod that has failed or is being deleted', async () => {
    await create({ replicas: 2 })
    const [first, second] = await pods()
    await play(running.client, clock, [first as Pod], 'failed')
    await podsOf().delete('default', second?.metadata.name ?? '')
    await running.settled()
    const all = await active()
    expect(all.filter(({ status }) => status?.phase !== 'Failed')).toHaveLength(2)
    expect((await get()).status).toMatchObject({ replicas: 2, terminatingReplicas: 1 })
  })

  it('adopts an orphan that matches, counts it, and lets go of a pod whose labels no longer match', async () => {
    await podsOf().create(pod('orphan'))
    await create({ replicas: 2 })
    expect(await pods()).toHaveLength(2)
    expect((await podsOf().get('default', 'orphan')).metadata.ownerReferences).toMatchObject([{ name: 'web', controller: true }])
    await podsOf().patch('default', 'orphan', { type: 'merge', body: { metadata: { labels: { app: 'other' } } } })
    await running.settled()
    expect((await podsOf().get('default', 'orphan')).metadata.ownerReferences ?? []).toEqual([])
    expect(await pods()).toHaveLength(3)
  })

  it('leaves pods of other owners alone', async () => {
    const other = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'other', uid: 'other', controller: true }
    await podsOf().create(pod('foreign', { ownerReferences: [other] }))
    await create({ replicas: 1 })
    expect(await pods()).toHaveLength(2)
    expect((await podsOf().get('default', 'foreign')).metadata.ownerReferences?.[0]?.uid).toBe('other')
  })

  it('makes nothing while it is being deleted', async () => {
    await sets().create({ ...replicaSet(), metadata: { name: 'web', namespace: 'default', finalizers: ['test/hold'] } })
    await running.settled()
    await sets().delete('default', 'web')
    await running.settled()
    const [first] = await pods()
    await podsOf().delete('default', first?.metadata.name ?? '', { gracePeriodSeconds: 0 })
    await running.settled()
    expect(await pods()).toHaveLength(2)
  })

  it('reports that it may not make pods, tries again later and clears the condition', async () => {
    const quota: ResourceQuota = { metadata: { name: 'none', namespace: 'default' }, spec: { hard: { pods: '0' } } }
    const quotas = running.client.resource<ResourceQuota>(resources.resourceQuotas)
    const made = await quotas.create(quota)
    await quotas.updateStatus({ ...made, status: { hard: { pods: '0' }, used: { pods: '0' } } })
    await running.settled()
    await create()
    expect((await get()).status?.conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' }])
    const events = await running.list<Event>(resources.events, 'default')
    expect(events.some((event) => event.reason === 'FailedCreate' && event.type === 'Warning')).toBe(true)
    await quotas.delete('default', 'none')
    await clock.advance(60_000)
    await running.settled()
    expect(await pods()).toHaveLength(3)
    expect((await get()).status?.conditions ?? []).toEqual([])
  })

  it('makes pods for a ReplicationController, whose selector may be left out', async () => {
    const controllers = running.client.resource<ReplicationController>(resources.replicationControllers)
    await controllers.create({ metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 2, template } })
    await running.settled()
    const all = await pods()
    expect(all).toHaveLength(2)
    expect(all[0]?.metadata.ownerReferences).toMatchObject([{ apiVersion: 'v1', kind: 'ReplicationController' }])
    expect((await controllers.get('default', 'web')).status).toMatchObject({ replicas: 2, fullyLabeledReplicas: 2 })
  })
})
