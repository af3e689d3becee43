import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { VolumeAttachment } from '../../api/types/storage-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { attachDetachController } from './attach-detach.js'
import { attachmentName } from './names.js'

describe('the attach-detach controller', () => {
  let run: TestControllers
  let clock: VirtualClock
  beforeEach(async () => {
    clock = new VirtualClock()
    run = await runTestControllers({
      clock,
      controllers: [attachDetachController()],
      prepare: async (client) => {
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
        for (const name of ['n1', 'n2']) await client.resource<Node>(resources.nodes).create({ metadata: { name } })
        const claims = client.resource<PersistentVolumeClaim>(resources.persistentVolumeClaims)
        const claim = await claims.create({
          metadata: { name: 'data', namespace: 'default' },
          spec: { accessModes: ['ReadWriteOnce'], volumeName: 'pv', resources: { requests: { storage: '1Gi' } } },
        })
        await client.resource<PersistentVolume>(resources.persistentVolumes).create({
          metadata: { name: 'pv' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            capacity: { storage: '1Gi' },
            csi: { driver: 'disk.test', volumeHandle: 'h' },
            claimRef: { namespace: 'default', name: 'data', uid: claim.metadata.uid ?? '' },
          },
        })
      },
    })
  })
  afterEach(() => run.stop())

  const nodes = () => run.client.resource<Node>(resources.nodes)
  const pods = () => run.client.resource<Pod>(resources.pods)
  const attachments = () => run.list<VolumeAttachment>(resources.volumeAttachments)
  const podOn = (node: string) =>
    pods().create({
      metadata: { name: `on-${node}`, namespace: 'default' },
      spec: {
        nodeName: node,
        containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
      },
    })
  const attached = (name: string) =>
    run.client
      .resource<VolumeAttachment>(resources.volumeAttachments)
      .patch('', name, { type: 'merge', body: { status: { attached: true } } }, { subresource: 'status' })
  const inUse = (node: string, volumesInUse: string[]) =>
    nodes().patch(
      '',
      node,
      { type: 'merge', body: { status: { volumesInUse, conditions: [{ type: 'Ready', status: 'True' }] } } },
      { subresource: 'status' },
    )
  const remove = (node: string) => pods().delete('default', `on-${node}`, { gracePeriodSeconds: 0 })

  it('asks for an attachment, tells the node, and takes both back when the volume is no longer in use', async () => {
    await podOn('n1')
    const name = await attachmentName('h', 'disk.test', 'n1')
    const [attachment] = await run.eventually(async () => {
      const found = await attachments()
      expect(found).toHaveLength(1)
      return found
    })
    expect(attachment).toMatchObject({
      metadata: { name },
      spec: { attacher: 'disk.test', nodeName: 'n1', source: { persistentVolumeName: 'pv' } },
    })
    await attached(name)
    await run.eventually(async () =>
      expect((await nodes().get('', 'n1')).status?.volumesAttached).toEqual([{ name: 'kubernetes.io/csi/disk.test^h', devicePath: '' }]),
    )
    await inUse('n1', ['kubernetes.io/csi/disk.test^h'])
    await remove('n1')
    await run.settled()
    expect(await attachments()).toHaveLength(1)
    await inUse('n1', [])
    await run.eventually(async () => expect(await attachments()).toEqual([]))
    expect((await nodes().get('', 'n1')).status?.volumesAttached ?? []).toEqual([])
  })

  it('keeps a volume of one writer on its node until it is detached there', async () => {
    await podOn('n1')
    const first = await attachmentName('h', 'disk.test', 'n1')
    await run.eventually(async () => expect(await attachments()).toHaveLength(1))
    await attached(first)
    await podOn('n2')
    const event = await run.eventually(async () => {
      const [found] = (await run.list<Event>(resources.events, 'default')).filter(({ reason }) => reason === 'FailedAttachVolume')
      if (!found) throw new Error('no event yet')
      return found
    })
    expect(event.message).toMatch(/^Multi-Attach error for volume "pv"/)
    await remove('n1')
    await run.settled()
    await clock.advance(10_000)
    await run.eventually(async () => expect((await attachments()).map(({ spec }) => spec?.nodeName)).toEqual(['n2']))
  })

  it('gives up on a node that has been away for six minutes', async () => {
    await podOn('n1')
    await run.eventually(async () => expect(await attachments()).toHaveLength(1))
    await inUse('n1', ['kubernetes.io/csi/disk.test^h'])
    await nodes().patch(
      '',
      'n1',
      { type: 'merge', body: { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } } },
      { subresource: 'status' },
    )
    await remove('n1')
    await run.settled()
    await clock.advance(300_000)
    await run.settled()
    expect(await attachments()).toHaveLength(1)
    await clock.advance(120_000)
    await run.eventually(async () => expect(await attachments()).toEqual([]))
  })
})
