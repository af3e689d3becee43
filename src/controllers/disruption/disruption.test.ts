import { afterEach, describe, expect, it } from 'vitest'
import type { ReplicaSet } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../api/types/policy-v1.js'
import { timestamp } from '../../base/clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { replicaController, replicaSetFlavour } from '../replicaset/replicaset.js'
import { defaultServiceAccount, play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { asksForScale, budgetStatus, disruptedOf, expectedOf, healthyOf } from './budget.js'
import { disruptionController } from './disruption.js'

const nowMs = Date.UTC(2026, 0, 1)
const budget = (spec: PodDisruptionBudgetSpec, disruptedPods?: Record<string, string>): PodDisruptionBudget => ({
  metadata: { name: 'b', namespace: 'default', generation: 1 },
  spec,
  ...(disruptedPods ? { status: { disruptedPods } } : {}),
})

describe('a budget', () => {
  it('rounds percentages up', () => {
    expect(expectedOf(budget({ maxUnavailable: '30%' }), 9, 4)).toEqual({ expectedPods: 4, desiredHealthy: 2 })
    expect(expectedOf(budget({ minAvailable: '30%' }), 9, 4)).toEqual({ expectedPods: 4, desiredHealthy: 2 })
    expect(expectedOf(budget({ maxUnavailable: 5 }), 9, 4)).toEqual({ expectedPods: 4, desiredHealthy: 0 })
    expect(expectedOf(budget({ minAvailable: 3 }), 9, 0)).toEqual({ expectedPods: 9, desiredHealthy: 3 })
    expect([budget({ minAvailable: 3 }), budget({ minAvailable: '3%' }), budget({ maxUnavailable: 0 })].map(asksForScale)).toEqual([
      false,
      true,
      true,
    ])
  })
  it('allows nothing while it expects no pod', () => {
    const none = { pods: {}, overdue: [] }
    expect(budgetStatus(budget({ minAvailable: 0 }), { expectedPods: 0, desiredHealthy: 0 }, 0, none, nowMs)).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', observedGeneration: 1 }],
    })
    expect(budgetStatus(budget({ minAvailable: 1 }), { expectedPods: 3, desiredHealthy: 1 }, 3, none, nowMs)).toMatchObject({
      disruptionsAllowed: 2,
      conditions: [{ status: 'True', reason: 'SufficientPods' }],
    })
  })
  it('counts out pods whose eviction is under way, for two minutes', () => {
    const pod = (name: string, more = {}): Pod => ({
      metadata: { name, ...more },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    })
    const pods = [pod('a'), pod('b'), pod('c'), pod('d', { deletionTimestamp: timestamp(nowMs) })]
    const noted = { a: timestamp(nowMs - 30_000), b: timestamp(nowMs - 121_000), d: timestamp(nowMs), gone: timestamp(nowMs) }
    const disrupted = disruptedOf(budget({ minAvailable: 1 }, noted), pods, nowMs)
    expect(disrupted).toMatchObject({ pods: { a: noted.a }, recheckMs: 90_000 })
    expect(disrupted.overdue.map((each) => each.metadata.name)).toEqual(['b'])
    expect(healthyOf(pods, disrupted)).toBe(2)
  })
})

describe('disruption-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  async function start(spec: PodDisruptionBudgetSpec) {
    const clock = new VirtualClock()
    const controllers = [disruptionController(), replicaController(replicaSetFlavour)]
    const made = await runTestControllers({ controllers, clock, prepare: defaultServiceAccount })
    running = made
    await made.client.resource<ReplicaSet>(resources.replicaSets).create({
      metadata: { name: 'r', namespace: 'default' },
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'r' } },
        template: { metadata: { labels: { app: 'r' } }, spec: { containers: [{ name: 'c', image: 'one' }], nodeName: 'n' } },
      },
    })
    await made.settled()
    await play(made.client, clock, await made.list<Pod>(resources.pods, 'default'), 'ready')
    const budgets = made.client.resource<PodDisruptionBudget>(resources.podDisruptionBudgets)
    await budgets.create({ ...budget(spec), spec: { selector: { matchLabels: { app: 'r' } }, ...spec } })
    await made.settled()
    return { ...made, clock, budgets, status: async () => (await budgets.get('default', 'b')).status }
  }

  it('follows its pods and their owner', async () => {
    const { status, client, settled, list, clock } = await start({ maxUnavailable: '30%' })
    expect(await status()).toMatchObject({
      expectedPods: 4,
      currentHealthy: 4,
      desiredHealthy: 2,
      disruptionsAllowed: 2,
      observedGeneration: 1,
    })
    const [pod] = await list<Pod>(resources.pods, 'default')
    await play(client, clock, pod ? [pod] : [], 'unready')
    await settled()
    expect(await status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 })
    await client.resource(resources.replicaSets).patch('default', 'r', { type: 'merge', body: { spec: { replicas: 10 } } })
    await settled()
    expect(await status()).toMatchObject({ expectedPods: 10, desiredHealthy: 7, disruptionsAllowed: 0 })
  })

  it('takes in what the eviction API has noted', async () => {
    const { status, client, settled, list, clock } = await start({ minAvailable: 3 })
    expect(await status()).toMatchObject({ disruptionsAllowed: 1 })
    const [one, two] = (await list<Pod>(resources.pods, 'default')).map((pod) => pod.metadata.name ?? '')
    const evict = (name = '') =>
      client
        .resource(resources.pods)
        .createSubresource('default', name, 'eviction', { metadata: { name }, apiVersion: 'policy/v1', kind: 'Eviction' })
    await evict(one)
    await settled()
    expect(await status()).toMatchObject({ expectedPods: 5, currentHealthy: 3, disruptionsAllowed: 0 })
    await expect(evict(two)).rejects.toMatchObject({ reason: 'TooManyRequests' })
    await clock.advance(0)
  })

  it('is on the safe side with owners that have no size', async () => {
    const { status, client, settled, list } = await start({ maxUnavailable: 1 })
    for (const pod of await list<Pod>(resources.pods, 'default')) {
      const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'gone', uid: 'x', controller: true }]
      await client
        .resource(resources.pods)
        .patch('default', pod.metadata.name ?? '', { type: 'merge', body: { metadata: { ownerReferences } } })
    }
    await settled()
    expect(await status()).toMatchObject({ disruptionsAllowed: 0, conditions: [{ status: 'False', reason: 'SyncFailed' }] })
  })

  it('takes DisruptionTarget back after two minutes', async () => {
    const { client, settled, list, clock } = await start({ minAvailable: 1 })
    const [pod] = await list<Pod>(resources.pods, 'default')
    const name = pod?.metadata.name ?? ''
    const target = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime: timestamp(clock.now()) }
    const pods = client.resource<Pod>(resources.pods)
    await pods.patch('default', name, { type: 'strategic', body: { status: { conditions: [target] } } }, { subresource: 'status' })
    await settled()
    const now = async () => (await pods.get('default', name)).status?.conditions?.find((each) => each.type === 'DisruptionTarget')?.status
    await clock.advance(119_000)
    await settled()
    expect(await now()).toBe('True')
    await clock.advance(2_000)
    await settled()
    expect(await now()).toBe('False')
  })
})
