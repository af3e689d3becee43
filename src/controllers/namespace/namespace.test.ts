import { afterEach, describe, expect, it } from 'vitest'
import type { ConfigMap, Namespace, Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { namespaceController } from './namespace.js'

describe('namespace-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  const start = async (namespace: Namespace, clock = new VirtualClock()) => {
    running = await runTestControllers({ controllers: [namespaceController()], clock })
    const { client } = running
    await client.resource<Namespace>(resources.namespaces).create(namespace)
    return {
      ...running,
      clock,
      namespaces: client.resource<Namespace>(resources.namespaces),
      maps: client.resource<ConfigMap>(resources.configMaps),
      pods: client.resource<Pod>(resources.pods),
    }
  }
  const going: Namespace = { metadata: { name: 'going' } }
  const map = (name: string, finalizers?: string[]): ConfigMap => ({
    metadata: { name, namespace: 'going', ...(finalizers ? { finalizers } : {}) },
  })

  it('empties the namespace and lets it go', async () => {
    const { clock, namespaces, maps, list, settled } = await start(going)
    for (let i = 0; i < 20; i++) await maps.create(map(`m${i}`))
    await namespaces.delete('', 'going')
    await settled()
    expect((await list(resources.configMaps, 'going')).length).toBe(0)
    // What an API server that is a moment behind let in meanwhile goes too.
    await clock.advance(2_500)
    await settled()
    await expect(namespaces.get('', 'going')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('says what remains and why while a finalizer holds an object', async () => {
    const { clock, namespaces, maps, settled } = await start(going)
    await maps.create(map('held', ['example.com/hold']))
    await namespaces.delete('', 'going')
    await settled()
    const conditions = (await namespaces.get('', 'going')).status?.conditions?.filter(({ status }) => status === 'True')
    expect(conditions?.map(({ type, reason }) => [type, reason])).toEqual([
      ['NamespaceContentRemaining', 'SomeResourcesRemain'],
      ['NamespaceFinalizersRemaining', 'SomeFinalizersRemain'],
    ])
    await maps.patch('going', 'held', { type: 'merge', body: { metadata: { finalizers: [] } } })
    await clock.advance(60_000)
    await settled()
    await expect(namespaces.get('', 'going')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('deletes nothing else while pods are ending (KEP-5080), and goes on with the last one', async () => {
    const { client, clock, namespaces, maps, pods, list, settled } = await start(going)
    await maps.create(map('config'))
    await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'going' } })
    const spec = { containers: [{ name: 'c', image: 'i' }], nodeName: 'n', terminationGracePeriodSeconds: 3600 }
    await pods.create({ metadata: { name: 'p', namespace: 'going' }, spec })
    await namespaces.delete('', 'going')
    await clock.advance(5_000)
    await settled()
    expect((await pods.get('going', 'p')).metadata.deletionTimestamp).toBeDefined()
    expect((await list(resources.configMaps, 'going')).length).toBe(1)
    await pods.delete('going', 'p', { gracePeriodSeconds: 0 })
    await settled()
    await expect(namespaces.get('', 'going')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('takes only its own finalizer away', async () => {
    const { clock, namespaces, settled } = await start({ ...going, spec: { finalizers: ['example.com/hold'] } })
    await namespaces.delete('', 'going')
    await clock.advance(5_000)
    await settled()
    const left = await namespaces.get('', 'going')
    expect(left.spec?.finalizers).toEqual(['example.com/hold'])
    expect(left.status?.phase).toBe('Terminating')
    expect(left.status?.conditions?.every(({ status }) => status === 'False')).toBe(true)
  })
})
