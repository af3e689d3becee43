import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { persistentVolumeProtectionController } from '../pv-protection/pv-protection.js'
import { persistentVolumeClaimProtectionController } from '../pvc-protection/pvc-protection.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { persistentVolumeBinder } from './persistent-volume-binder.js'

describe('volumes and claims, on an API server', () => {
  let run: TestControllers
  beforeEach(async () => {
    run = await runTestControllers({
      controllers: [persistentVolumeBinder(), persistentVolumeProtectionController(), persistentVolumeClaimProtectionController()],
      prepare: async (client) => {
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
        await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n' } })
      },
    })
  })
  afterEach(() => run.stop())

  const makeVolume = (name: string, storage: string, more: PersistentVolume['spec'] = {}) =>
    run.client.resource<PersistentVolume>(resources.persistentVolumes).create({
      metadata: { name },
      spec: { storageClassName: 'c', capacity: { storage }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/none' }, ...more },
    })
  const makeClaim = (name: string, storage: string, more: PersistentVolumeClaim['spec'] = {}) =>
    run.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims).create({
      metadata: { name, namespace: 'default' },
      spec: { storageClassName: 'c', accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...more },
    })
  const claim = (name: string) => run.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'default', name)
  const volume = (name: string) => run.get<PersistentVolume>(resources.persistentVolumes, '', name)
  const volumes = async () => (await run.list<PersistentVolume>(resources.persistentVolumes)).map(({ metadata }) => metadata.name)
  const isBound = (name: string, to: string) =>
    run.eventually(async () => {
      const { spec, status } = await claim(name)
      expect([status?.phase, spec?.volumeName, (await volume(to)).status?.phase]).toEqual(['Bound', to, 'Bound'])
    })
  const deleteClaim = (name: string) => run.client.resource(resources.persistentVolumeClaims).delete('default', name)
  const reasons = async (name: string) =>
    (await run.list<Event>(resources.events)).filter(({ involvedObject }) => involvedObject.name === name).map(({ reason }) => reason)

  it('find each other, whichever came first', async () => {
    await makeClaim('early', '3Gi')
    for (const size of [1, 10, 5]) await makeVolume(`v${size}`, `${size}Gi`)
    await isBound('early', 'v5')
    expect((await claim('early')).status?.capacity).toEqual({ storage: '5Gi' })
    await makeClaim('late', '1Gi')
    await isBound('late', 'v1')
  })

  it('never share: as many claims as volumes all get one', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, i) => makeVolume(`v${i}`, '1Gi')))
    await Promise.all(Array.from({ length: 12 }, (_, i) => makeClaim(`c${i}`, '1Gi')))
    await run.eventually(async () => {
      const claims = await run.list<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'default')
      expect(new Set(claims.map(({ spec }) => spec?.volumeName).filter(Boolean)).size).toBe(12)
    })
  })

  it('reserved for each other by name are kept for each other', async () => {
    await makeVolume('a', '1Gi', { claimRef: { namespace: 'default', name: 'mine' } })
    await makeVolume('b', '9Gi')
    await makeClaim('other', '1Gi')
    await isBound('other', 'b')
    await makeClaim('mine', '1Gi', { volumeName: 'a' })
    await isBound('mine', 'a')
    expect(Object.keys((await claim('mine')).metadata.annotations ?? {})).toEqual(['pv.kubernetes.io/bind-completed'])
  })

  it('part: the volume is retained, or deleted', async () => {
    await makeVolume('kept', '1Gi')
    await makeClaim('first', '1Gi')
    await isBound('first', 'kept')
    await makeVolume('gone', '1Gi', { persistentVolumeReclaimPolicy: 'Delete' })
    await makeClaim('second', '1Gi')
    await isBound('second', 'gone')
    await deleteClaim('first')
    await deleteClaim('second')
    await run.eventually(async () => expect(await volumes()).toEqual(['kept']))
    await run.eventually(async () => expect((await volume('kept')).status?.phase).toBe('Released'))
  })

  it('a volume whose driver is unknown cannot be deleted: it has failed', async () => {
    await makeVolume('v', '1Gi', { persistentVolumeReclaimPolicy: 'Delete', hostPath: { path: '/data' } })
    await makeClaim('c', '1Gi')
    await isBound('c', 'v')
    await deleteClaim('c')
    await run.eventually(async () => expect((await volume('v')).status?.phase).toBe('Failed'))
    await run.eventually(async () => expect(await reasons('v')).toEqual(['VolumeFailedDelete']))
  })

  it('a volume to be recycled is scrubbed by a pod, then free for the next claim', async () => {
    await makeVolume('v', '1Gi', { persistentVolumeReclaimPolicy: 'Recycle' })
    await makeClaim('c', '1Gi')
    await isBound('c', 'v')
    await deleteClaim('c')
    await run.eventually(async () => expect(await run.list(resources.pods, 'default')).toHaveLength(1))
    await run.client
      .resource<Pod>(resources.pods)
      .patch('default', 'recycler-for-v', { type: 'merge', body: { status: { phase: 'Succeeded' } } }, { subresource: 'status' })
    await run.eventually(async () => {
      const { spec, status } = await volume('v')
      expect([status?.phase, spec?.claimRef]).toEqual(['Available', undefined])
    })
    await makeClaim('next', '1Gi')
    await isBound('next', 'v')
  })

  it('in use are not removed before the last pod has gone', async () => {
    await makeVolume('v', '1Gi')
    await makeClaim('c', '1Gi')
    await isBound('c', 'v')
    await run.client.resource<Pod>(resources.pods).create({
      metadata: { name: 'p', namespace: 'default' },
      spec: {
        nodeName: 'n',
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
      },
    })
    await run.settled()
    await deleteClaim('c')
    await run.client.resource(resources.persistentVolumes).delete('', 'v')
    await run.settled()
    expect([(await claim('c')).metadata.finalizers, (await volume('v')).metadata.finalizers]).toEqual([
      ['kubernetes.io/pvc-protection'],
      ['kubernetes.io/pv-protection'],
    ])
    await run.client.resource(resources.pods).delete('default', 'p')
    await run.eventually(async () => expect(await volumes()).toEqual([]))
  })

  it('a claim whose volume is taken away is lost', async () => {
    await makeVolume('v', '1Gi')
    await makeClaim('c', '1Gi')
    await isBound('c', 'v')
    await run.client.resource(resources.persistentVolumes).delete('', 'v')
    await run.client.resource(resources.persistentVolumes).patch('', 'v', { type: 'merge', body: { metadata: { finalizers: null } } })
    await run.eventually(async () => expect((await claim('c')).status?.phase).toBe('Lost'))
    await run.eventually(async () => expect(await reasons('c')).toContain('ClaimLost'))
  })

  it('an outside provisioner is asked by annotations', async () => {
    await run.client.resource(resources.storageClasses).create({ metadata: { name: 'dyn' }, provisioner: 'example.com/p' } as never)
    await makeClaim('c', '1Gi', { storageClassName: 'dyn' })
    await run.eventually(async () =>
      expect((await claim('c')).metadata.annotations).toEqual({
        'volume.beta.kubernetes.io/storage-provisioner': 'example.com/p',
        'volume.kubernetes.io/storage-provisioner': 'example.com/p',
      }),
    )
    await run.eventually(async () => expect(await reasons('c')).toContain('ExternalProvisioning'))
  })
})
