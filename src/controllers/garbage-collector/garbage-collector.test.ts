import { afterEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../api/object.js'
import type { Job } from '../../api/types/batch-v1.js'
import type { ConfigMap, Event } from '../../api/types/core-v1.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { ObjectMonitors } from '../common/object-monitors.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { garbageCollector } from './garbage-collector.js'

const ownedBy = ({ metadata }: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', name: metadata.name ?? '', uid: metadata.uid ?? '' },
  ...more,
})

describe('garbage-collector-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  const start = async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [garbageCollector(new ObjectMonitors())], clock })
    const { client, settled } = running
    const maps = client.resource<ConfigMap>(resources.configMaps)
    await settled()
    return {
      ...running,
      clock,
      maps,
      map: (name: string, owners: OwnerReference[] = [], finalizers: string[] = []) =>
        maps.create({ metadata: { namespace: 'default', name, ownerReferences: owners, finalizers } }),
      names: async () => (await maps.list({ namespace: 'default' })).items.map((item) => item.metadata.name),
    }
  }

  it('deletes a chain of dependents in the background, of whatever kinds', async () => {
    const { client, maps, map, names, list, settled } = await start()
    const a = await map('a')
    const b = await map('b', [ownedBy(a)])
    await client.resource(resources.secrets).create({ metadata: { namespace: 'default', name: 'c', ownerReferences: [ownedBy(b)] } })
    await settled()
    await maps.delete('default', 'a', { propagationPolicy: 'Background' })
    await settled()
    expect(await names()).toEqual([])
    expect(await list(resources.secrets, 'default')).toEqual([])
  })

  it('takes only the reference away while another owner stays', async () => {
    const { maps, map, settled } = await start()
    const [a, b] = [await map('a'), await map('b')]
    await map('c', [ownedBy(a), ownedBy(b)])
    await settled()
    await maps.delete('default', 'a')
    await settled()
    expect((await maps.get('default', 'c')).metadata.ownerReferences?.map(({ name }) => name)).toEqual(['b'])
    await maps.delete('default', 'b')
    await settled()
    await expect(maps.get('default', 'c')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('does not take an object of the same name for the owner', async () => {
    const { map, names, settled } = await start()
    await map('a')
    await map('c', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: '11111111-2222-3333-4444-555555555555' }])
    await settled()
    expect(await names()).toEqual(['a'])
  })

  it('frees dependents of what is deleted with propagationPolicy Orphan', async () => {
    const { maps, map, names, settled } = await start()
    const a = await map('a')
    await map('b', [ownedBy(a)])
    await settled()
    await maps.delete('default', 'a', { propagationPolicy: 'Orphan' })
    await settled()
    expect(await names()).toEqual(['b'])
    expect((await maps.get('default', 'b')).metadata.ownerReferences).toBeUndefined()
  })

  it('orphans the pods of a Job that is deleted without a word on them, as its API has always done', async () => {
    const { client, map, names, list, settled } = await start()
    const jobs = client.resource<Job>(resources.jobs)
    const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'i' }] } }
    const job = await jobs.create({ metadata: { namespace: 'default', name: 'j' }, spec: { template } })
    await map('m', [ownedBy(job, { apiVersion: 'batch/v1', kind: 'Job' })])
    await settled()
    await jobs.delete('default', 'j')
    await settled()
    expect(await list(resources.jobs, 'default')).toEqual([])
    expect(await names()).toEqual(['m'])
  })

  it('lets an owner deleted in the foreground wait for the dependents that block it, and only for those', async () => {
    const { maps, map, names, settled } = await start()
    const a = await map('a')
    await map('blocking', [ownedBy(a, { blockOwnerDeletion: true })], ['example.com/hold'])
    await map('other', [ownedBy(a)], ['example.com/hold'])
    await settled()
    await maps.delete('default', 'a', { propagationPolicy: 'Foreground' })
    await settled()
    expect((await maps.get('default', 'a')).metadata.finalizers).toEqual(['foregroundDeletion'])
    expect((await maps.get('default', 'blocking')).metadata.deletionTimestamp).toBeDefined()
    await maps.patch('default', 'blocking', { type: 'merge', body: { metadata: { finalizers: null } } })
    await settled()
    expect(await names()).toEqual(['other'])
  })

  it('breaks a circle of owners that are all deleted in the foreground', async () => {
    const { maps, map, names, settled } = await start()
    const a = await map('a')
    const b = await map('b', [ownedBy(a, { blockOwnerDeletion: true })])
    const ownerReferences = [ownedBy(b, { blockOwnerDeletion: true })]
    await maps.patch('default', 'a', { type: 'merge', body: { metadata: { ownerReferences } } })
    await settled()
    await maps.delete('default', 'a', { propagationPolicy: 'Foreground' })
    await settled()
    expect(await names()).toEqual([])
  })

  it('refuses an owner in another namespace, with an event', async () => {
    const { client, maps, map, names, list, settled } = await start()
    await client.resource(resources.namespaces).create({ metadata: { name: 'other' } })
    const far = await maps.create({ metadata: { namespace: 'other', name: 'far' } })
    await settled()
    await map('c', [ownedBy(far)])
    await settled()
    expect(await names()).toEqual([])
    expect((await list<Event>(resources.events, 'default')).map(({ reason, type }) => [type, reason])).toEqual([
      ['Warning', 'OwnerRefInvalidNamespace'],
    ])
    expect((await maps.get('other', 'far')).metadata.name).toBe('far')
  })

  it('leaves objects alone whose owner is of a kind that nobody serves', async () => {
    const { clock, map, names, settled } = await start()
    await map('c', [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: '11111111-2222-3333-4444-555555555555' }])
    await clock.advance(60_000)
    await settled()
    expect(await names()).toEqual(['c'])
  })

  it('finds what lost its owner while nobody was looking', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({
      controllers: [garbageCollector(new ObjectMonitors())],
      clock,
      prepare: async (client) => {
        const maps = client.resource<ConfigMap>(resources.configMaps)
        const owner = await maps.create({ metadata: { namespace: 'default', name: 'a' } })
        await maps.create({ metadata: { namespace: 'default', name: 'b', ownerReferences: [ownedBy(owner)] } })
        await maps.delete('default', 'a')
      },
    })
    await running.settled()
    expect(await running.list(resources.configMaps, 'default')).toEqual([])
  })
})
