import { afterEach, describe, expect, it } from 'vitest'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../resources.js'
import { type TestApiServer, testApiServer } from '../testdata/api-server.js'
import { metadataInformer } from './metadata-informer.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a metadata informer', () => {
  let api: TestApiServer | undefined
  afterEach(() => api?.stop())

  it('keeps who an object is and what holds it, and nothing else of it', async () => {
    const clock = new VirtualClock()
    api = await testApiServer(clock)
    const { client } = api
    const maps = client.resource<ConfigMap>(resources.configMaps)
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' }
    const metadata = { namespace: 'default', name: 'a', labels: { x: 'y' }, ownerReferences: [owner], finalizers: ['example.com/hold'] }
    const { uid, resourceVersion } = (await maps.create({ metadata, data: { large: 'text' } })).metadata
    const ending = new AbortController()
    const options = { client, clock, random: seededRandom(1), logger: silentLogger, signal: ending.signal }
    const informer = metadataInformer(resources.configMaps, options)
    await new Promise<void>((resolve) => informer.whenSynced(resolve))
    expect(informer.lister.get('default/a')).toEqual({
      metadata: { name: 'a', namespace: 'default', uid, resourceVersion, ownerReferences: [owner], finalizers: ['example.com/hold'] },
    })
    await maps.delete('default', 'a')
    for (let turns = 0; turns < 500 && !informer.lister.get('default/a')?.metadata.deletionTimestamp; turns++) await turn()
    expect(informer.lister.get('default/a')?.metadata.deletionTimestamp).toBeDefined()
    ending.abort(new Error('the test has ended'))
  })

  it('is what a client for metadata alone gives: lists and objects without spec, data and status', async () => {
    api = await testApiServer(new VirtualClock())
    const metadataOnly = api.client.resource<ConfigMap>(resources.configMaps, { metadataOnly: true })
    await api.client.resource<ConfigMap>(resources.configMaps).create({ metadata: { namespace: 'default', name: 'a' }, data: { k: 'v' } })
    const object = await metadataOnly.get('default', 'a')
    expect(object.kind).toBe('PartialObjectMetadata')
    expect(object.data).toBeUndefined()
    const [item] = (await metadataOnly.list({ namespace: 'default' })).items
    expect(item?.metadata.name).toBe('a')
    expect(item?.data).toBeUndefined()
  })
})
