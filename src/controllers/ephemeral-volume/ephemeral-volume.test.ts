import { afterEach, describe, expect, it } from 'vitest'
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { ephemeralVolumeController } from './ephemeral-volume.js'

describe('ephemeral-volume-controller (KEP-1698)', () => {
  let run: TestControllers
  afterEach(() => run.stop())

  it('makes the claim of an ephemeral volume, the pod its owner, and again when it is deleted', async () => {
    run = await runTestControllers({
      controllers: [ephemeralVolumeController()],
      prepare: async (client) =>
        void (await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })),
    })
    const volumeClaimTemplate = {
      metadata: { labels: { l: 'x' } },
      spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } },
    }
    await run.client.resource<Pod>(resources.pods).create({
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate } }] },
    })
    const claim = () => run.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'default', 'p-v')
    const first = await run.eventually(claim)
    expect(first.metadata).toMatchObject({ labels: { l: 'x' }, ownerReferences: [{ kind: 'Pod', name: 'p', controller: true }] })
    const claims = run.client.resource(resources.persistentVolumeClaims)
    await claims.delete('default', 'p-v')
    await claims.patch('default', 'p-v', { type: 'merge', body: { metadata: { finalizers: null } } }).catch(() => undefined)
    await run.eventually(async () => expect((await claim()).metadata.uid).not.toBe(first.metadata.uid))
  })
})
