import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lease } from '../../api/types/coordination-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { FaultyTransport } from '../../client/testdata/faulty-transport.js'
import type { Controller } from '../controller.js'
import { startControllerManager } from './manager.js'

describe('controller manager', () => {
  let clock: VirtualClock
  let api: TestApiServer
  let transport: FaultyTransport
  let log: string[]
  beforeEach(async () => {
    clock = new VirtualClock()
    api = await testApiServer(clock)
    transport = new FaultyTransport(api.transport)
    log = []
  })
  afterEach(() => api.stop())

  const lease = () => api.client.resource<Lease>(resources.leases).get('kube-system', 'manager')
  const start = (identity: string, controller: Partial<Controller> = {}) =>
    startControllerManager({
      ...{ client: restClient(transport), clock, random: seededRandom(1), logger: silentLogger, shutdownTimeoutMs: 10_000 },
      makeControllers: () => [
        {
          name: 'test-controller',
          watches: [{ resource: resources.namespaces, toKeys: () => ['one'] }],
          start: (view) => {
            log.push(`${identity} starts`)
            view.signal.addEventListener('abort', () => log.push(`${identity} ends`))
          },
          reconcile: () => Promise.resolve(),
          ...controller,
        },
      ],
      election: { namespace: 'kube-system', name: 'manager', identity },
    })
  const stop = async (manager: ReturnType<typeof start>, how?: { crash?: boolean }) => {
    const stopped = manager.stop(how)
    await clock.advance(15_000)
    await stopped
  }

  it('runs controllers only while it leads', async () => {
    const first = start('a')
    await clock.advance(1_000)
    const second = start('b')
    await clock.advance(30_000)
    expect(log).toEqual(['a starts'])
    await stop(first)
    expect(log).toEqual(['a starts', 'a ends', 'b starts'])
    await stop(second)
  })

  it('waits for reconciles under way before it releases the lease', async () => {
    let finish: () => void = () => undefined
    const manager = start('a', { reconcile: () => new Promise<void>((resolve) => (finish = resolve)) })
    await clock.advance(1_000)
    const stopped = manager.stop()
    await clock.advance(2_000)
    expect((await lease()).spec?.holderIdentity).toBe('a')
    finish()
    await clock.advance(100)
    await stopped
    expect((await lease()).spec?.holderIdentity ?? '').toBe('')
  })

  it('does not wait longer than its timeout for a reconcile that hangs', async () => {
    const manager = start('a', { reconcile: () => new Promise<void>(() => undefined) })
    await clock.advance(1_000)
    await stop(manager)
    expect((await lease()).spec?.holderIdentity ?? '').toBe('')
  })

  it('leaves the lease alone when it crashes', async () => {
    const manager = start('a')
    await clock.advance(1_000)
    await stop(manager, { crash: true })
    expect((await lease()).spec?.holderIdentity).toBe('a')
  })

  it('ends its controllers and itself when it loses the lease', async () => {
    const manager = start('a')
    await clock.advance(1_000)
    transport.down = true
    await clock.advance(15_000)
    expect(await manager.ended).toBe('lost')
    expect(log).toEqual(['a starts', 'a ends'])
    expect(manager.isLeader).toBe(false)
  })
})
