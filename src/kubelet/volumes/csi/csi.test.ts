import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Node, PersistentVolume, Pod } from '../../../api/types/core-v1.js'
import type { CSIDriver, CSINode } from '../../../api/types/storage-v1.js'
import { GrpcClient } from '../../../base/node/grpc-client.js'
import { silentLogger } from '../../../base/logger.js'
import { seededRandom } from '../../../base/random.js'
import { realClock } from '../../../base/real-clock.js'
import { resources } from '../../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../../client/testdata/api-server.js'
import { FakeCsiDriver } from '../testdata/csi-driver.js'
import { TokenManager } from '../tokens/token-manager.js'
import type { VolumeRequest } from '../volume-type.js'
import { csiVolume, csiVolumesOnDisk } from './csi.js'
import { CsiRegistration } from './registration.js'

describe('CSI drivers', () => {
  let api: TestApiServer
  let root = ''
  let driver: FakeCsiDriver
  let registration: CsiRegistration
  const clock = realClock()
  beforeEach(async () => {
    api = await testApiServer()
    root = await mkdtemp(join(tmpdir(), 'csi-'))
    await api.client.resource<Node>(resources.nodes).create({ metadata: { name: 'n1' } })
    const directory = join(root, 'plugins_registry')
    registration = new CsiRegistration({
      ...{ client: api.client, clock, logger: silentLogger, nodeName: 'n1', directory, resolve: (path: string) => path },
      connect: (socketPath) => new GrpcClient({ socketPath, clock }),
    })
    await registration.start()
    driver = new FakeCsiDriver('disk.test', join(directory, 'disk.test-reg.sock'))
  })
  afterEach(async () => {
    registration.stop()
    await driver.close()
    await api.stop()
    await rm(root, { recursive: true, force: true })
  })
  const register = async () => {
    await driver.listen()
    await vi.waitFor(() => expect(driver.registered).toBe(true), { interval: 5, timeout: 5_000 })
  }
  const type = () =>
    csiVolume({
      ...{ client: api.client, rootDir: root, nodeName: 'n1', driver: (name: string) => registration.driver(name) },
      tokens: new TokenManager({ client: api.client, clock, random: seededRandom(1) }),
    })
  const noAttach = (spec: object = {}) =>
    api.client
      .resource<CSIDriver>(resources.csiDrivers)
      .create({ metadata: { name: 'disk.test' }, spec: { attachRequired: false, ...spec } })
  const request = (uid = 'u1'): VolumeRequest => {
    const persistent: PersistentVolume = {
      metadata: { name: 'pv-1' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        csi: { driver: 'disk.test', volumeHandle: 'handle-1', fsType: 'ext4', volumeAttributes: { size: 'big' } },
      },
    }
    const pod: Pod = { metadata: { name: 'p', namespace: 'default', uid }, spec: { containers: [] } }
    return {
      ...{ pod, fsGroup: undefined, directory: join(root, 'pods', uid, 'volumes', 'kubernetes.io~csi', 'pv-1') },
      spec: { name: 'data', volume: { name: 'data' }, persistent, block: false, readOnly: false },
    }
  }

  it('register by their socket: in CSINode with id and topology, and off again when it goes', async () => {
    await register()
    const nodes = api.client.resource<CSINode>(resources.csiNodes)
    expect((await nodes.get('', 'n1')).spec.drivers).toEqual([
      { name: 'disk.test', nodeID: 'node-id-7', topologyKeys: ['topology.test/zone'] },
    ])
    const node = await api.client.resource<Node>(resources.nodes).get('', 'n1')
    expect(node.metadata.labels).toMatchObject({ 'topology.test/zone': 'z1' })
    expect(node.metadata.annotations).toMatchObject({ 'csi.volume.kubernetes.io/nodeid': '{"disk.test":"node-id-7"}' })
    await driver.close()
    await registration.scan()
    await vi.waitFor(async () => expect((await nodes.get('', 'n1')).spec.drivers ?? []).toEqual([]), { interval: 5, timeout: 5_000 })
    expect(registration.driver('disk.test')).toBeUndefined()
  })

  it('stage a volume once on the node, publish it to each pod, and unstage it after the last', async () => {
    await register()
    await noAttach({ podInfoOnMount: true })
    driver.calls.length = 0
    const [first, second] = [request('u1'), request('u2')]
    const ready = await type().setUp(first)
    expect(ready.path).toBe(join(first.directory, 'mount'))
    await type().setUp(second)
    expect(driver.methods().filter((method) => method !== 'NodeGetCapabilities')).toEqual([
      ...['NodeStageVolume', 'NodePublishVolume', 'NodeStageVolume', 'NodePublishVolume'],
    ])
    const published = driver.calls.find(({ method }) => method === 'NodePublishVolume')?.fields
    expect(published?.get(1)).toEqual(['handle-1'])
    expect(published?.get(3)?.[0]).toMatch(/plugins\/kubernetes\.io\/csi\/disk\.test\/[0-9a-f]{64}\/globalmount$/)
    expect(published?.get(8)?.join()).toContain('csi.storage.k8s.io/pod.uid')
    expect([...(await csiVolumesOnDisk(root))]).toEqual([
      ['u1', ['kubernetes.io/csi/disk.test^handle-1']],
      ['u2', ['kubernetes.io/csi/disk.test^handle-1']],
    ])
    driver.calls.length = 0
    await type().tearDown(first.directory)
    await rm(join(root, 'pods/u1'), { recursive: true })
    expect(driver.methods()).toEqual(['NodeUnpublishVolume'])
    await type().tearDown(second.directory)
    expect(driver.methods()).toEqual(['NodeUnpublishVolume', 'NodeUnpublishVolume', 'NodeUnstageVolume'])
    // A second time there is nothing to do.
    await type().tearDown(second.directory)
    expect(driver.methods()).toHaveLength(3)
  })

  it('that are not there, or say no, give the messages that kubectl users know', async () => {
    await expect(type().setUp(request())).rejects.toThrow(
      'kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name disk.test not found in the list of registered CSI drivers',
    )
    await register()
    await expect(type().setUp(request())).rejects.toThrow('unattached volumes=[data]')
    await noAttach()
    driver.failure = { method: 'NodeStageVolume', code: 13, message: 'no disk' }
    await expect(type().setUp(request())).rejects.toMatchObject({
      reason: 'FailedMount',
      message: 'MountVolume.MountDevice failed for volume "pv-1" : rpc error: code = Internal desc = no disk',
    })
    driver.failure = { method: 'NodePublishVolume', code: 9, message: 'busy' }
    await expect(type().setUp(request())).rejects.toThrow('rpc error: code = FailedPrecondition desc = busy')
  })

  it('wait for the attacher, and get what it said', async () => {
    await register()
    const { createHash } = await import('node:crypto')
    const name = `csi-${createHash('sha256').update('handle-1disk.testn1').digest('hex')}`
    const attachments = api.client.resource<never>(resources.volumeAttachments)
    await attachments.create({
      metadata: { name },
      spec: { attacher: 'disk.test', nodeName: 'n1', source: { persistentVolumeName: 'pv-1' } },
    } as never)
    await expect(type().setUp(request())).rejects.toThrow('timed out waiting for the condition')
    await attachments.patch(
      '',
      name,
      { type: 'merge', body: { status: { attached: true, attachmentMetadata: { device: 'sdx' } } } },
      { subresource: 'status' },
    )
    await type().setUp(request())
    expect(
      driver.calls
        .find(({ method }) => method === 'NodePublishVolume')
        ?.fields.get(2)
        ?.join(),
    ).toContain('sdx')
  })
})
