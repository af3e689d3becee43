import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Deployment, DeploymentSpec, ReplicaSet } from '../../api/types/apps-v1.js'
import type { Event, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { replicaController, replicaSetFlavour } from '../replicaset/replicaset.js'
import { defaultServiceAccount, play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { deploymentController } from './deployment.js'

const labels = { app: 'web' }
const withImage = (image: string) => ({ metadata: { labels }, spec: { nodeName: 'n', containers: [{ name: 'c', image }] } })
const deployment = (spec: Partial<DeploymentSpec> = {}): Deployment => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 3, selector: { matchLabels: labels }, template: withImage('one'), ...spec },
})

describe('deployment-controller with replicaset-controller', () => {
  let clock: VirtualClock
  let running: TestControllers
  beforeEach(async () => {
    clock = new VirtualClock()
    running = await runTestControllers({
      controllers: [deploymentController(), replicaController(replicaSetFlavour)],
      clock,
      prepare: defaultServiceAccount,
    })
  })
  afterEach(() => running.stop())

  const deployments = () => running.client.resource<Deployment>(resources.deployments)
  const get = () => running.get<Deployment>(resources.deployments, 'default', 'web')
  const sets = async () => {
    const all = await running.list<ReplicaSet>(resources.replicaSets, 'default')
    return all.sort((a, b) => revisionOf(a) - revisionOf(b))
  }
  const revisionOf = (set: ReplicaSet) => Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'])
  const pods = () => running.list<Pod>(resources.pods, 'default')
  const sizes = async () => (await sets()).map((set) => set.spec?.replicas)
  const create = async (spec?: Partial<DeploymentSpec>) => {
    await deployments().create(deployment(spec))
    await running.settled()
  }
  const change = async (spec: Partial<DeploymentSpec>) => {
    await deployments().patch('default', 'web', { type: 'merge', body: { spec } })
    await running.settled()
  }
  /** One move of a kubelet: pods that are going go, others become ready. Time passes, so that ages differ. */
  const move = async () => {
    await clock.advance(1_000)
    const all = await pods()
    const going = all.filter((pod) => pod.metadata.deletionTimestamp)
    const waiting = all.filter((pod) => !pod.metadata.deletionTimestamp && pod.status?.phase !== 'Running')
    await play(running.client, clock, going, 'gone')
    await play(running.client, clock, waiting, 'ready')
    await running.settled()
    return going.length + waiting.length
  }
  const untilStill = async () => {
    for (let moves = 0; moves < 40; moves++) if ((await move()) === 0) return
    throw new Error('the rollout does not end')
  }
  const condition = async (type: string) => (await get()).status?.conditions?.find((each) => each.type === type)

  it('makes a set for its template and reports what the pods do', async () => {
    await create()
    expect(await sizes()).toEqual([3])
    const [set] = await sets()
    expect(set?.metadata.name).toMatch(/^web-[a-z0-9]+$/)
    expect(set?.spec?.selector.matchLabels).toEqual({ ...labels, 'pod-template-hash': set?.metadata.labels?.['pod-template-hash'] })
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' })
    expect(await condition('Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' })
    await untilStill()
    expect((await get()).status).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      observedGeneration: 1,
    })
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' })
    expect(await condition('Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' })
    expect((await get()).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1')
  })

  it('keeps within maxSurge and maxUnavailable at every moment of a rolling update', async () => {
    await create({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } } })
    await untilStill()
    await change({ template: withImage('two') })
    for (let moves = 0; moves < 40; moves++) {
      const all = (await pods()).filter((pod) => !pod.metadata.deletionTimestamp)
      const ready = all.filter((pod) => pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'))
      expect(all.length).toBeLessThanOrEqual(12)
      expect(ready.length).toBeGreaterThanOrEqual(9)
      if ((await move()) === 0) break
    }
    expect(await sizes()).toEqual([0, 10])
    expect((await pods()).map((pod) => pod.spec?.containers[0]?.image)).toEqual(new Array(10).fill('two'))
  })

  it('stops a rolling update at pods that do not become ready, with the old ones still serving', async () => {
    await create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } })
    await untilStill()
    await change({ template: withImage('broken') })
    await play(
      running.client,
      clock,
      (await pods()).filter((pod) => pod.metadata.deletionTimestamp),
      'gone',
    )
    await running.settled()
    expect(await sizes()).toEqual([3, 2])
    expect((await get()).status).toMatchObject({ availableReplicas: 3, updatedReplicas: 2, unavailableReplicas: 2 })
  })

  it('goes back to an earlier template with its old set, under a new revision', async () => {
    await create()
    await untilStill()
    const [first] = await sets()
    await change({ template: withImage('two') })
    await untilStill()
    await change({ template: withImage('one') })
    await untilStill()
    const all = await sets()
    expect(all).toHaveLength(2)
    expect(all.at(-1)?.metadata.uid).toBe(first?.metadata.uid)
    expect(all.map(revisionOf)).toEqual([2, 3])
    expect(all.at(-1)?.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1')
    expect((await get()).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3')
    expect(await sizes()).toEqual([0, 3])
  })

  it('scales without a rollout', async () => {
    await create()
    await untilStill()
    await change({ replicas: 5 })
    await untilStill()
    expect(await sizes()).toEqual([5])
    await change({ replicas: 1 })
    await untilStill()
    expect(await pods()).toHaveLength(1)
    expect((await get()).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1')
  })

  it('shares a change of size in the middle of a rollout among the sets by their size', async () => {
    await create({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } })
    await untilStill()
    await change({ template: withImage('broken') })
    expect(await sizes()).toEqual([8, 5])
    await change({ replicas: 20 })
    const [old = 0, young = 0] = await sizes()
    expect(old + young).toBe(23)
    expect(old).toBeGreaterThan(8)
    expect(young).toBeGreaterThan(5)
  })

  it('rolls nothing out while it is paused, but still scales', async () => {
    await create()
    await untilStill()
    await change({ paused: true })
    expect(await condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' })
    await change({ template: withImage('two') })
    expect(await sizes()).toEqual([3])
    await change({ replicas: 4 })
    expect(await sizes()).toEqual([4])
    await change({ paused: false })
    await untilStill()
    expect(await sizes()).toEqual([0, 4])
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' })
  })

  it('with Recreate lets nothing new run beside the old pods', async () => {
    await create({ strategy: { type: 'Recreate' } })
    await untilStill()
    await change({ template: withImage('two') })
    expect(await sizes()).toEqual([0])
    expect((await pods()).every((pod) => pod.metadata.deletionTimestamp)).toBe(true)
    await untilStill()
    expect((await pods()).map((pod) => pod.spec?.containers[0]?.image)).toEqual(['two', 'two', 'two'])
  })

  it('reports that the progress deadline has passed, and the progress that comes after all', async () => {
    await create({ replicas: 1, progressDeadlineSeconds: 30 })
    await clock.advance(29_000)
    expect((await condition('Progressing'))?.reason).toBe('ReplicaSetUpdated')
    await clock.advance(5_000)
    expect(await condition('Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' })
    await untilStill()
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' })
  })

  it('keeps no more old sets than revisionHistoryLimit', async () => {
    await create({ replicas: 1, revisionHistoryLimit: 2 })
    await untilStill()
    for (const image of ['two', 'three', 'four', 'five']) {
      await change({ template: withImage(image) })
      await untilStill()
    }
    expect((await sets()).map(revisionOf)).toEqual([3, 4, 5])
  })

  it('adopts a set that matches and releases one that no longer does', async () => {
    await create()
    await untilStill()
    const [set] = await sets()
    const name = set?.metadata.name ?? ''
    const of = running.client.resource<ReplicaSet>(resources.replicaSets)
    await of.patch('default', name, { type: 'merge', body: { metadata: { ownerReferences: null } } })
    await running.settled()
    expect((await of.get('default', name)).metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'web', controller: true }])
    await of.patch('default', name, { type: 'merge', body: { metadata: { labels: { app: 'other' } } } })
    await running.settled()
    expect((await of.get('default', name)).metadata.ownerReferences ?? []).toEqual([])
  })

  it('finds another name when a foreign set has the one its template hashes to', async () => {
    await create()
    const [set] = await sets()
    await deployments().delete('default', 'web', { propagationPolicy: 'Background' })
    await running.settled()
    const of = running.client.resource<ReplicaSet>(resources.replicaSets)
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x', controller: true }
    await of.patch('default', set?.metadata.name ?? '', { type: 'merge', body: { metadata: { ownerReferences: [foreign] } } })
    await create()
    await clock.advance(1_000)
    await running.settled()
    expect((await get()).status?.collisionCount).toBe(1)
    const own = (await sets()).filter((each) => each.metadata.ownerReferences?.[0]?.kind === 'Deployment')
    expect(own).toHaveLength(1)
  })

  it('says in events what it scales', async () => {
    await create()
    await untilStill()
    const events = await running.list<Event>(resources.events, 'default')
    const [set] = await sets()
    expect(events.filter((event) => event.reason === 'ScalingReplicaSet').map((event) => event.message)).toEqual([
      `Scaled up replica set ${set?.metadata.name} from 0 to 3`,
    ])
  })

  it('counts a pod as available only after minReadySeconds', async () => {
    await create({ replicas: 1, minReadySeconds: 10 })
    await move()
    expect((await get()).status).toMatchObject({ readyReplicas: 1, unavailableReplicas: 1 })
    await clock.advance(9_000)
    expect((await get()).status?.availableReplicas ?? 0).toBe(0)
    await clock.advance(2_000)
    expect((await get()).status?.availableReplicas).toBe(1)
  })
})
