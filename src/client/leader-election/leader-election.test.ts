import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lease } from '../../api/types/coordination-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Clock } from '../../base/clock.js'
import { resources } from '../resources.js'
import { restClient } from '../rest-client.js'
import { type TestApiServer, testApiServer } from '../testdata/api-server.js'
import { answer, FaultyTransport } from '../testdata/faulty-transport.js'
import { electLeader, type LeaderElection } from './leader-election.js'

/** The same passing of time, another hour on the wall and another start of the monotonic clock. */
function skewed(clock: Clock, byMs: number): Clock {
  return {
    now: () => clock.now() + byMs,
    monotonic: () => clock.monotonic() + 12_345,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    timer: (ms, fn) => clock.timer(ms, fn),
  }
}

describe('leader election', () => {
  let clock: VirtualClock
  let api: TestApiServer
  let elections: LeaderElection[]
  /** Who may think to lead, with the time: never two at once. */
  let leading: Set<string>
  let history: string[]
  beforeEach(async () => {
    clock = new VirtualClock()
    api = await testApiServer(clock)
    elections = []
    leading = new Set()
    history = []
  })
  afterEach(async () => {
    for (const election of elections) {
      const stopped = election.stop({ release: false })
      await clock.advance(1)
      await stopped
    }
    await api.stop()
  })

  const candidate = (identity: string, options: { skewMs?: number; seed?: number } = {}) => {
    const transport = new FaultyTransport(api.transport)
    const own = options.skewMs === undefined ? clock : skewed(clock, options.skewMs)
    const election = electLeader({
      ...{ client: restClient(transport), clock: own, random: seededRandom(options.seed ?? 1), logger: silentLogger },
      ...{ namespace: 'kube-system', name: 'test', identity },
      onLeading(signal) {
        history.push(`${identity} leads`)
        expect([...leading]).toEqual([])
        leading.add(identity)
        signal.addEventListener('abort', () => leading.delete(identity))
      },
    })
    void election.ended.then((how) => history.push(`${identity} ${how}`))
    elections.push(election)
    return { election, transport }
  }
  const lease = () => api.client.resource<Lease>(resources.leases).get('kube-system', 'test')
  /** Advances until the history has so many entries; says how long that took. */
  const until = async (entries: number, limitMs: number) => {
    const from = clock.monotonic()
    while (history.length < entries && clock.monotonic() - from < limitMs) await clock.advance(100)
    return clock.monotonic() - from
  }
  const stop = async (election: LeaderElection, release: boolean) => {
    const stopped = election.stop({ release })
    await clock.advance(100)
    await stopped
  }

  it('takes a free lease at once and renews it every two seconds', async () => {
    const { election } = candidate('a')
    await clock.advance(0)
    expect(election.isLeader).toBe(true)
    const first = await lease()
    expect(first.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
    expect(first.spec?.acquireTime).toBe('2026-01-01T00:00:00.000000Z')
    await clock.advance(60_000)
    const later = await lease()
    expect(later.spec?.renewTime).toBe('2026-01-01T00:01:00.000000Z')
    expect(later.spec?.acquireTime).toBe(first.spec?.acquireTime)
    expect(election.isHealthy()).toBe(true)
  })

  it('has one leader; a second candidate waits and knows who leads', async () => {
    candidate('a')
    await clock.advance(0)
    const { election } = candidate('b')
    await clock.advance(120_000)
    expect(history).toEqual(['a leads'])
    expect(election.isLeader).toBe(false)
    expect(election.leader).toBe('a')
  })

  it('goes to another candidate within the longest retry after an orderly stop', async () => {
    const { election } = candidate('a')
    await clock.advance(0)
    candidate('b')
    await clock.advance(10_000)
    await stop(election, true)
    expect(await until(3, 30_000)).toBeLessThanOrEqual(2_000 * 2.2)
    expect(history).toEqual(['a leads', 'a stopped', 'b leads'])
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 15 })
  })

  it('goes to another candidate once the lease has run out after a crash, and not before', async () => {
    const { election } = candidate('a')
    await clock.advance(0)
    candidate('b')
    await clock.advance(10_000)
    await stop(election, false)
    const took = await until(3, 60_000)
    expect(took).toBeGreaterThan(13_000 - 2_000)
    expect(took).toBeLessThan(17_500)
  })

  it('a leader that cannot renew stops before another begins, and its election ends as lost', async () => {
    const { transport, election } = candidate('a')
    await clock.advance(0)
    candidate('b')
    await clock.advance(10_000)
    transport.down = true
    await until(2, 60_000)
    expect(history).toEqual(['a leads', 'a lost'])
    await until(3, 60_000)
    expect(history).toEqual(['a leads', 'a lost', 'b leads'])
    expect(election.isLeader).toBe(false)
  })

  it('gives up within the renew deadline when the server hangs', async () => {
    const { transport } = candidate('a')
    await clock.advance(0)
    transport.request = () => new Promise(() => undefined)
    const took = await until(2, 60_000)
    expect(history).toEqual(['a leads', 'a lost'])
    expect(took).toBeLessThanOrEqual(12_000)
  })

  it('survives a failure that is shorter than the renew deadline', async () => {
    const { transport } = candidate('a')
    await clock.advance(0)
    transport.down = true
    await clock.advance(7_000)
    transport.down = false
    await clock.advance(60_000)
    expect(history).toEqual(['a leads'])
  })

  it('asks another server when one does not answer in half the deadline', async () => {
    const { transport } = candidate('a')
    await clock.advance(0)
    const through = transport.request.bind(transport)
    let hung = 0
    transport.request = (request) => (hung++ === 0 ? new Promise(() => undefined) : through(request))
    await clock.advance(60_000)
    expect(history).toEqual(['a leads'])
  })

  for (const skewMs of [-3_600_000, 3_600_000])
    it(`does not trust others' clocks: a candidate ${skewMs > 0 ? 'ahead' : 'behind'} by an hour waits out the lease`, async () => {
      const { election } = candidate('a')
      await clock.advance(0)
      candidate('b', { skewMs })
      await clock.advance(60_000)
      expect(history).toEqual(['a leads'])
      await stop(election, false)
      const took = await until(3, 60_000)
      expect(history.at(-1)).toBe('b leads')
      expect(took).toBeGreaterThan(11_000)
      expect(took).toBeLessThan(17_500)
    })

  it('stops at once when somebody else holds the lease', async () => {
    candidate('a')
    await clock.advance(0)
    const taken = await lease()
    await api.client.resource<Lease>(resources.leases).update({ ...taken, spec: { ...taken.spec, holderIdentity: 'thief' } })
    await until(2, 60_000)
    expect(history).toEqual(['a leads', 'a lost'])
  })

  it('of two that race for a free lease one wins', async () => {
    candidate('a', { seed: 1 })
    candidate('b', { seed: 2 })
    await clock.advance(30_000)
    expect(history).toHaveLength(1)
  })

  it('keeps trying while the server is away', async () => {
    const { transport } = candidate('a')
    transport.intercept = () => answer(503, { kind: 'Status', code: 503, status: 'Failure', reason: 'ServiceUnavailable' })
    await clock.advance(20_000)
    transport.intercept = () => undefined
    await clock.advance(5_000)
    expect(history).toEqual(['a leads'])
  })
})
