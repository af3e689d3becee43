import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../api/object.js'
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { resources } from '../../client/resources.js'
import { persistentVolumeBinder } from '../persistent-volume-binder/persistent-volume-binder.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { hostPathProvisioner } from './host-path-provisioner.js'
import { hostPathManifests } from './manifests.js'
import { selectedNode } from './objects.js'

const options = { path: '/var/lib/volumes', helperImage: 'busybox', helperNamespace: 'kube-system' }
const standard = hostPathManifests({ image: 'i', helperImage: 'busybox', path: options.path }).at(-1) as StorageClass

describe('the host-path provisioner', () => {
  let run: TestControllers
  beforeEach(async () => {
    run = await runTestControllers({
      controllers: [hostPathProvisioner(options), persistentVolumeBinder()],
      prepare: async (client) => {
        for (const namespace of ['default', 'kube-system'])
          await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace } })
        await client.resource(resources.storageClasses).create(standard)
        await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' } } })
      },
    })
  })
  afterEach(() => run.stop())

  const claims = () => run.client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
  const claim = (accessMode: 'ReadWriteOnce' | 'ReadWriteMany', node?: string): PersistentVolumeClaim => ({
    metadata: { name: 'data', namespace: 'default', ...(node ? { annotations: { [selectedNode]: node } } : {}) },
    spec: { accessModes: [accessMode], storageClassName: 'standard', resources: { requests: { storage: '1Gi' } } },
  })
  const helper = async (task: string) => {
    const pod = (await run.list<Pod>(resources.pods, 'kube-system')).find(({ metadata }) => metadata.name?.startsWith(`helper-pod-${task}`))
    if (!pod) throw new Error('no helper yet')
    return pod
  }
  const finish = (pod: Pod, phase: string) =>
    run.client
      .resource<Pod>(resources.pods)
      .patch('kube-system', pod.metadata.name ?? '', { type: 'merge', body: { status: { phase } } }, { subresource: 'status' })

  it('makes a directory on the chosen node, then a volume of that node alone, and removes both with the claim', async () => {
    const { metadata } = await claims().create(claim('ReadWriteOnce', 'n1'))
    const maker = await run.eventually(() => helper('create'))
    expect(maker.spec).toMatchObject({ nodeName: 'n1', restartPolicy: 'Never', volumes: [{ hostPath: { path: '/var/lib/volumes' } }] })
    expect(maker.spec?.containers?.[0]?.env).toEqual([{ name: 'VOL_DIR', value: `/data/pvc-${metadata.uid}_default_data` }])
    await finish(maker, 'Succeeded')
    const volume = await run.eventually(() => run.get<PersistentVolume>(resources.persistentVolumes, '', `pvc-${metadata.uid}`))
    expect(volume.spec).toMatchObject({
      hostPath: { path: `/var/lib/volumes/pvc-${metadata.uid}_default_data`, type: 'DirectoryOrCreate' },
      claimRef: { name: 'data', namespace: 'default', uid: metadata.uid },
      persistentVolumeReclaimPolicy: 'Delete',
      capacity: { storage: '1Gi' },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] }] }] },
      },
    })
    await run.eventually(async () => expect((await claims().get('default', 'data')).status?.phase).toBe('Bound'))
    await claims().delete('default', 'data')
    await claims()
      .patch('default', 'data', { type: 'merge', body: { metadata: { finalizers: null } } })
      .catch(() => undefined)
    const remover = await run.eventually(() => helper('delete'))
    await finish(remover, 'Succeeded')
    await run.eventually(async () => {
      // Its protection is another controller's.
      await run.client
        .resource<PersistentVolume>(resources.persistentVolumes)
        .patch('', volume.metadata.name ?? '', { type: 'merge', body: { metadata: { finalizers: null } } })
        .catch(() => undefined)
      expect(await run.list(resources.persistentVolumes)).toEqual([])
    })
  })

  it('waits for the first pod of a claim, and tries again when the directory could not be made', async () => {
    await claims().create(claim('ReadWriteOnce'))
    await run.settled()
    expect(await run.list(resources.pods, 'kube-system')).toEqual([])
    await claims().patch('default', 'data', { type: 'merge', body: { metadata: { annotations: { [selectedNode]: 'n1' } } } })
    const first = await run.eventually(() => helper('create'))
    await finish(first, 'Failed')
    const second = await run.eventually(async () => {
      const found = await helper('create')
      expect(found.metadata.uid).not.toBe(first.metadata.uid)
      return found
    })
    expect(second.status?.phase).toBe('Pending')
    await run.eventually(async () => {
      const events = await run.list<Event>(resources.events, 'default')
      expect(events.map(({ reason }) => reason)).toContain('ProvisioningFailed')
    })
  })

  it('refuses what a directory of one node cannot be', async () => {
    await claims().create(claim('ReadWriteMany', 'n1'))
    const event = await run.eventually(async () => {
      const [found] = (await run.list<Event>(resources.events, 'default')).filter(({ reason }) => reason === 'ProvisioningFailed')
      if (!found) throw new Error('no event yet')
      return found
    })
    expect(event.message).toMatch(/^failed to provision volume with StorageClass "standard": only ReadWriteOnce/)
    expect(await run.list<KubeObject>(resources.pods, 'kube-system')).toEqual([])
  })
})
