import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../client.js'
import { resources } from '../resources.js'
import { restClient } from '../rest-client.js'
import { type TestApiServer, testApiServer } from '../testdata/api-server.js'
import { answer, FaultyTransport } from '../testdata/faulty-transport.js'
import { type InformerFactory, informerFactory } from './informers.js'

const map = (name: string, value = '', namespace = 'default'): ConfigMap => ({ metadata: { name, namespace }, data: { value } })

describe('informers', () => {
  let api: TestApiServer
  let transport: FaultyTransport
  let client: Client
  let factory: InformerFactory
  let told: string[]
  beforeEach(async () => {
    api = await testApiServer()
    transport = new FaultyTransport(api.transport)
    client = restClient(transport)
    factory = informerFactory({ client, clock: realClock(), random: seededRandom(1), logger: silentLogger })
    told = []
  })
  afterEach(async () => {
    factory.stop()
    await api.stop()
  })

  const maps = () => client.resource<ConfigMap>(resources.configMaps)
  const listen = (of = factory) => {
    const informer = of.informer<ConfigMap>(resources.configMaps, { namespace: 'default' })
    informer.addHandler({
      onAdd: ({ metadata }, initial) => told.push(`+${metadata.name}${initial ? '!' : ''}`),
      onUpdate: (object, old) => told.push(`~${object.metadata.name} ${old.data?.value}→${object.data?.value}`),
      onDelete: ({ metadata }) => told.push(`-${metadata.name}`),
    })
    return informer
  }
  const heard = (...events: string[]) => vi.waitFor(() => expect(told).toEqual(events), { interval: 2, timeout: 5_000 })

  it('delivers the state, then every change, and shows it in the cache first', async () => {
    await maps().create(map('a', '1'))
    const informer = listen()
    expect(informer.synced).toBe(false)
    factory.start()
    await factory.synced()
    expect(informer.synced).toBe(true)
    expect(told).toEqual(['+a!'])
    await maps().create(map('b', '1'))
    await maps().patch('default', 'a', { type: 'merge', body: { data: { value: '2' } } })
    await maps().delete('default', 'b')
    await heard('+a!', '+b', '~a 1→2', '-b')
    expect(informer.lister.get('default/a')?.data).toEqual({ value: '2' })
    expect(informer.lister.get('default/b')).toBeUndefined()
    expect(Number(informer.resourceVersion)).toBeGreaterThan(0)
  })

  it('tells a late handler of everything, and a removed one of nothing', async () => {
    await maps().create(map('a'))
    const informer = listen()
    factory.start()
    await factory.synced()
    const late: string[] = []
    const remove = informer.addHandler({ onAdd: ({ metadata }) => late.push(metadata.name ?? '') })
    expect(late).toEqual(['a'])
    remove()
    await maps().create(map('b'))
    await heard('+a!', '+b')
    expect(late).toEqual(['a'])
  })

  it('indexes by namespace and by any function, whenever the index was added', async () => {
    const informer = factory.informer<ConfigMap>(resources.configMaps)
    informer.addIndex('value', (object) => (object.data?.value ? [object.data.value] : []))
    factory.start()
    await factory.synced()
    await maps().create(map('a', 'x'))
    await maps().create(map('b', 'x', 'kube-public'))
    await vi.waitFor(() => expect(informer.lister.by('value', 'x')).toHaveLength(2), { interval: 2 })
    expect(informer.lister.list('kube-public').map(({ metadata }) => metadata.name)).toEqual(['b'])
    informer.addIndex('name', ({ metadata }) => [metadata.name ?? ''])
    expect(informer.lister.by('name', 'a')).toHaveLength(1)
    await maps().patch('default', 'a', { type: 'merge', body: { data: { value: 'y' } } })
    await vi.waitFor(() => expect(informer.lister.by('value', 'y')).toHaveLength(1), { interval: 2 })
    expect(informer.lister.by('value', 'x').map(({ metadata }) => metadata.name)).toEqual(['b'])
    expect(() => informer.lister.by('none', '')).toThrow('no index')
  })

  it('goes on after the watch died, without reading the state anew', async () => {
    listen()
    factory.start()
    await factory.synced()
    transport.down = true
    transport.cut()
    await api.client.resource<ConfigMap>(resources.configMaps).create(map('unseen'))
    transport.down = false
    await heard('+unseen')
    expect(transport.paths.filter((path) => path.includes('sendInitialEvents'))).toHaveLength(1)
  })

  it('reads the state anew when its past is gone (410), and tells of what was deleted meanwhile', async () => {
    await maps().create(map('stays', '1'))
    await maps().create(map('goes'))
    const informer = listen()
    factory.start()
    await factory.synced()
    transport.down = true
    transport.cut()
    const direct = api.client.resource<ConfigMap>(resources.configMaps)
    await direct.delete('default', 'goes')
    await direct.patch('default', 'stays', { type: 'merge', body: { data: { value: '2' } } })
    await direct.create(map('new'))
    transport.intercept = pastIsGone
    transport.down = false
    await vi.waitFor(() => expect([...told].sort()).toEqual(['+goes!', '+new', '+stays!', '-goes', '~stays 1→2'].sort()), {
      timeout: 5_000,
      interval: 5,
    })
    expect(informer.lister.list()).toHaveLength(2)
  })

  it('takes an object that was deleted and made again during a gap for two objects', async () => {
    await maps().create(map('a', '1'))
    listen()
    factory.start()
    await factory.synced()
    transport.down = true
    transport.cut()
    const direct = api.client.resource<ConfigMap>(resources.configMaps)
    await direct.delete('default', 'a')
    await direct.create(map('a', '2'))
    transport.intercept = pastIsGone
    transport.down = false
    await heard('+a!', '-a', '+a')
  })

  it('lists in pages where the server knows no watch that starts with the state', async () => {
    for (let i = 0; i < 3; i++) await maps().create(map(`m${i}`))
    transport.intercept = ({ path }) => (path.includes('sendInitialEvents') ? answer(422, refusal(422, 'Invalid')) : undefined)
    const informer = listen()
    factory.start()
    await factory.synced()
    expect(informer.lister.list()).toHaveLength(3)
    await maps().create(map('later'))
    await vi.waitFor(() => expect(told).toContain('+later'), { interval: 2 })
  })

  it('backs off from a server that refuses, with jitter, up to half a minute', async () => {
    const clock = new VirtualClock()
    transport.down = true
    const slow = informerFactory({ client, clock, random: seededRandom(7), logger: silentLogger })
    listen(slow)
    slow.start()
    const tries = () => transport.paths.filter((path) => path.includes('configmaps')).length
    await clock.advance(0)
    expect(tries()).toBe(1)
    await clock.advance(60_000)
    expect(tries()).toBeGreaterThan(4)
    expect(tries()).toBeLessThan(12)
    const before = tries()
    await clock.advance(120_000)
    expect(tries() - before).toBeGreaterThanOrEqual(4)
    expect(tries() - before).toBeLessThanOrEqual(8)
    slow.stop()
  })

  it('survives a handler that throws, and shares one watch among all who ask', async () => {
    const informer = factory.informer<ConfigMap>(resources.configMaps, { namespace: 'default' })
    informer.addHandler({
      onAdd() {
        throw new Error('broken')
      },
    })
    expect(listen()).toBe(informer)
    factory.start()
    await factory.synced()
    await maps().create(map('a'))
    await heard('+a')
    expect(transport.paths.filter((path) => path.includes('watch=true'))).toHaveLength(1)
  })

  it('hears nothing more after stop', async () => {
    listen()
    factory.start()
    await factory.synced()
    factory.stop()
    await maps().create(map('a'))
    await expect(factory.synced()).rejects.toThrow('stopped')
    expect(told).toEqual([])
  })
})

const refusal = (code: number, reason: string) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message: reason })
/** Refuses to go on with a watch, but starts a new one. */
const pastIsGone = ({ path }: { path: string }) =>
  path.includes('watch=true') && !path.includes('sendInitialEvents') ? answer(410, refusal(410, 'Expired')) : undefined
