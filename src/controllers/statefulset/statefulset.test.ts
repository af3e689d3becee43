import { afterEach, describe, expect, it } from 'vitest'
import type { ControllerRevision, StatefulSet } from '../../api/types/apps-v1.js'
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { defaultServiceAccount, play, type Play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { statefulSetController } from './statefulset.js'

const revisionHash = 'controller-revision-hash'

describe('statefulset-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  async function start(spec: object) {
    const clock = new VirtualClock()
    const made = await runTestControllers({ controllers: [statefulSetController()], clock, prepare: defaultServiceAccount })
    running = made
    const sets = made.client.resource<StatefulSet>(resources.statefulSets)
    const template = {
      metadata: { labels: { app: 's', v: 'a' } },
      spec: { containers: [{ name: 'c', image: 'one' }], terminationGracePeriodSeconds: 0, nodeName: 'n' },
    }
    const body = { selector: { matchLabels: { app: 's' } }, serviceName: 'h', template, ...spec }
    await sets.create({ metadata: { name: 's', namespace: 'default' }, spec: body } as StatefulSet)
    await made.settled()
    const pods = async () =>
      (await made.list<Pod>(resources.pods, 'default')).sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))
    return {
      ...made,
      clock,
      pods,
      names: async () => (await pods()).map((pod) => pod.metadata.name),
      versions: async () => (await pods()).map((pod) => pod.metadata.labels?.v).join(''),
      status: async () => (await sets.get('default', 's')).status,
      revisions: () => made.list<ControllerRevision>(resources.controllerRevisions, 'default'),
      async patch(change: object) {
        await sets.patch('default', 's', { type: 'merge', body: { spec: change } })
        await made.settled()
      },
      async play(what: Play, ...names: string[]) {
        await play(
          made.client,
          clock,
          (await pods()).filter((pod) => names.includes(pod.metadata.name ?? '')),
          what,
        )
        await made.settled()
      },
    }
  }
  /** Lets every pod become ready until nothing new comes. */
  async function ready({ play, pods }: Awaited<ReturnType<typeof start>>) {
    for (let rounds = 0; rounds < 20; rounds++) {
      const waiting = (await pods()).filter((pod) => pod.status?.phase !== 'Running')
      if (waiting.length === 0) return
      await play('ready', ...waiting.map((pod) => pod.metadata.name ?? ''))
    }
  }

  it('makes pods in order, each after the one before is ready', async () => {
    const set = await start({ replicas: 3 })
    expect(await set.names()).toEqual(['s-0'])
    await set.play('ready', 's-0')
    expect(await set.names()).toEqual(['s-0', 's-1'])
    await ready(set)
    expect(await set.names()).toEqual(['s-0', 's-1', 's-2'])
    const status = await set.status()
    expect(status).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3 })
    expect(status?.currentRevision).toBe(status?.updateRevision)
    await set.patch({ replicas: 0 })
    expect(await set.names()).toEqual([])
  })

  it('updates from the top, down to the partition, and keeps the revisions', async () => {
    const set = await start({ replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } })
    await ready(set)
    await set.patch({ template: { metadata: { labels: { v: 'b' } } } })
    await ready(set)
    expect(await set.versions()).toBe('aab')
    expect(await set.status()).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 })
    // Below the partition a pod comes back as it was.
    await set.play('gone', 's-0')
    await ready(set)
    expect(await set.versions()).toBe('aab')
    await set.patch({ updateStrategy: { rollingUpdate: { partition: 0 } } })
    await ready(set)
    expect(await set.versions()).toBe('bbb')
    expect(await set.status()).toMatchObject({ currentReplicas: 3, updatedReplicas: 3 })
    const [first, second] = (await set.revisions()).sort((a, b) => a.revision - b.revision)
    expect([first?.revision, second?.revision]).toEqual([1, 2])
    expect((await set.pods())[0]?.metadata.labels?.[revisionHash]).toBe(second?.metadata.name)
    // A rollback moves the old revision to the front.
    await set.patch({ template: { metadata: { labels: { v: 'a' } } } })
    await ready(set)
    expect(await set.versions()).toBe('aaa')
    const after = await set.revisions()
    expect(after.map((each) => each.revision).sort()).toEqual([2, 3])
    expect((await set.status())?.updateRevision).toBe(first?.metadata.name)
  })

  it('forgets revisions beyond revisionHistoryLimit that no pod has', async () => {
    const set = await start({ replicas: 1, revisionHistoryLimit: 1 })
    await ready(set)
    for (const v of ['b', 'c', 'd']) {
      await set.patch({ template: { metadata: { labels: { v } } } })
      await ready(set)
    }
    expect((await set.revisions()).map((each) => each.revision).sort()).toEqual([3, 4])
  })

  it('OnDelete leaves the update to whoever deletes the pods', async () => {
    const set = await start({ replicas: 2, updateStrategy: { type: 'OnDelete' } })
    await ready(set)
    await set.patch({ template: { metadata: { labels: { v: 'b' } } } })
    expect(await set.versions()).toBe('aa')
    await set.play('gone', 's-0')
    await ready(set)
    expect(await set.versions()).toBe('ba')
    expect(await set.status()).toMatchObject({ updatedReplicas: 1 })
  })

  it('waits minReadySeconds without any event', async () => {
    const set = await start({ replicas: 2, minReadySeconds: 5 })
    await set.play('ready', 's-0')
    expect(await set.status()).toMatchObject({ readyReplicas: 1, availableReplicas: 0 })
    await set.clock.advance(6_000)
    await set.settled()
    expect(await set.names()).toEqual(['s-0', 's-1'])
    expect(await set.status()).toMatchObject({ availableReplicas: 1 })
  })

  it('replaces ended pods, adopts matching orphans by name and releases what no longer matches', async () => {
    const set = await start({ replicas: 2, podManagementPolicy: 'Parallel' })
    await ready(set)
    const before = (await set.pods())[0]?.metadata.uid
    await set.play('failed', 's-0')
    expect((await set.pods())[0]?.metadata.uid).not.toBe(before)
    const podClient = set.client.resource<Pod>(resources.pods)
    await podClient.patch('default', 's-1', { type: 'merge', body: { metadata: { ownerReferences: null } } })
    await set.settled()
    expect((await podClient.get('default', 's-1')).metadata.ownerReferences?.[0]?.name).toBe('s')
    await podClient.patch('default', 's-1', { type: 'merge', body: { metadata: { labels: { app: 'other' } } } })
    await set.settled()
    expect((await podClient.get('default', 's-1')).metadata.ownerReferences).toBeUndefined()
  })

  it('makes a claim a pod, and hands it over as the retention policy says', async () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1Gi' } } },
    }
    const set = await start({
      replicas: 2,
      podManagementPolicy: 'Parallel',
      volumeClaimTemplates: [claim],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
    })
    const owners = async () =>
      (await set.list<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'default')).map(
        ({ metadata }) => `${metadata.name}: ${metadata.ownerReferences?.map((ref) => ref.kind).join()}`,
      )
    await ready(set)
    expect(await owners()).toEqual(['data-s-0: StatefulSet', 'data-s-1: StatefulSet'])
    await set.patch({ replicas: 1 })
    expect(await owners()).toEqual(['data-s-0: StatefulSet', 'data-s-1: Pod'])
  })
})
