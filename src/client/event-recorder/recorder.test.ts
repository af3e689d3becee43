import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../resources.js'
import { restClient } from '../rest-client.js'
import { type TestApiServer, testApiServer } from '../testdata/api-server.js'
import { FaultyTransport } from '../testdata/faulty-transport.js'
import { eventRecorder } from './recorder.js'

const about = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '7' },
})

describe('event recorder', () => {
  let clock: VirtualClock
  let api: TestApiServer
  let transport: FaultyTransport
  beforeEach(async () => {
    clock = new VirtualClock()
    api = await testApiServer(clock)
    transport = new FaultyTransport(api.transport)
  })
  afterEach(() => api.stop())

  const recorder = () =>
    eventRecorder({
      client: restClient(transport),
      ...{ clock, random: seededRandom(1), logger: silentLogger, component: 'replicaset-controller' },
    })
  const written = async (): Promise<Event[]> => {
    await clock.advance(1_000)
    return (await api.client.resource<Event>(resources.events).list({ namespace: 'default' })).items
  }

  it('writes who said what about which object, named after the object and the time', async () => {
    recorder().event(about('web'), 'Normal', 'SuccessfulCreate', 'Created pod: web-1')
    const [event] = await written()
    expect(event).toMatchObject({
      involvedObject: {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        namespace: 'default',
        name: 'web',
        uid: 'uid-web',
        resourceVersion: '7',
      },
      ...{ type: 'Normal', reason: 'SuccessfulCreate', message: 'Created pod: web-1', count: 1 },
      source: { component: 'replicaset-controller' },
      reportingComponent: 'replicaset-controller',
    })
    expect(event?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/)
  })

  it('raises the count of an event that is said again', async () => {
    const events = recorder()
    events.event(about('web'), 'Warning', 'FailedCreate', 'quota')
    await clock.advance(5_000)
    events.event(about('web'), 'Warning', 'FailedCreate', 'quota')
    await clock.advance(5_000)
    events.event(about('web'), 'Warning', 'FailedCreate', 'quota')
    const all = await written()
    expect(all).toHaveLength(1)
    expect(all[0]).toMatchObject({ count: 3, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:10Z' })
  })

  it('combines ten different messages of one kind into one event that counts on', async () => {
    const events = recorder()
    for (let i = 1; i <= 12; i++) events.event(about('web'), 'Normal', 'SuccessfulCreate', `Created pod: web-${i}`)
    const all = await written()
    expect(all).toHaveLength(10)
    const combined = all.find((event) => event.message?.startsWith('(combined from similar events): '))
    expect(combined).toMatchObject({ count: 3, message: '(combined from similar events): Created pod: web-12' })
  })

  it('lets 25 events about one object through, then one in five minutes; other objects are not held back', async () => {
    const events = recorder()
    for (let i = 0; i < 40; i++) events.event(about('web'), 'Normal', `Reason${i}`, 'x')
    events.event(about('other'), 'Normal', 'Reason', 'x')
    expect(await written()).toHaveLength(26)
    await clock.advance(300_000)
    events.event(about('web'), 'Normal', 'Late', 'x')
    events.event(about('web'), 'Normal', 'TooSoon', 'x')
    expect((await written()).filter((event) => event.reason === 'Late' || event.reason === 'TooSoon')).toHaveLength(1)
  })

  it('creates an event anew with its count when the server has forgotten it', async () => {
    const events = recorder()
    events.event(about('web'), 'Normal', 'Said', 'x')
    const [first] = await written()
    await api.client.resource(resources.events).delete('default', first?.metadata.name ?? '')
    events.event(about('web'), 'Normal', 'Said', 'x')
    expect(await written()).toMatchObject([{ count: 2 }])
  })

  it('keeps what it has to say while the server is away, and never throws', async () => {
    const events = recorder()
    transport.down = true
    events.event(about('web'), 'Normal', 'Said', 'x')
    await clock.advance(25_000)
    transport.down = false
    await clock.advance(10_000)
    expect(await written()).toMatchObject([{ reason: 'Said', count: 1 }])
  })

  it('drops what exceeds its queue instead of growing', async () => {
    const events = recorder()
    for (let i = 0; i < 1_500; i++) events.event(about(`web-${i}`), 'Normal', 'Said', 'x')
    expect(await written()).toHaveLength(1_000)
  })
})
