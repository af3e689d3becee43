import { afterEach, describe, expect, it } from 'vitest'
import { realClock } from '../../base/real-clock.js'
import { silentLogger } from '../../base/logger.js'
import { type Store, StoreUnavailableError } from '../store.js'
import { openEtcdStore } from './etcd.js'
import { type EtcdCluster, etcdMissing, startEtcd } from './testdata/etcd-process.js'

const clock = realClock()
const value = (text: string) => new TextEncoder().encode(text)

describe.skipIf(etcdMissing)(`etcd that loses members${etcdMissing ? ` (${etcdMissing})` : ''}`, () => {
  let cluster: EtcdCluster
  let store: Store
  const start = async () => {
    cluster = await startEtcd(3)
    store = openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger })
    await store.ping()
  }
  afterEach(async () => {
    await store.close()
    await cluster.end()
  })

  /** Writes until it succeeds; gives how long that took. A create whose outcome is unknown counts as written once it is there. */
  const writeWithin = async (key: string, limitMs: number): Promise<number> => {
    const startedAtMs = clock.monotonic()
    for (;;) {
      try {
        const result = await store.commit({ key, expect: 'absent', value: value(key) })
        if (result.ok || result.current) return clock.monotonic() - startedAtMs
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || clock.monotonic() - startedAtMs > limitMs) throw error
      }
    }
  }

  it.each([
    ['killed', 'SIGKILL'],
    ['stopped, as if it hung', 'SIGSTOP'],
  ] as const)('goes on within seconds when the member it talks to is %s, and its watch misses nothing', async (_, signal) => {
    await start()
    const { revision } = await store.commit({ key: '/t/0', expect: 'absent', value: value('0') })
    const seen: string[] = []
    const aborted = new AbortController()
    const watching = (async () => {
      for await (const { events } of store.watch('/t/', { from: revision, signal: aborted.signal })) seen.push(...events.map((e) => e.key))
    })()
    await cluster.signal(0, signal)
    expect(await writeWithin('/t/1', 10_000)).toBeLessThan(8_000)
    const written = ['/t/0', '/t/1']
    for (let i = 2; i < 20; i++) {
      await writeWithin(`/t/${i}`, 5_000)
      written.push(`/t/${i}`)
    }
    const deadline = clock.monotonic() + 10_000
    while (seen.length < 20 && clock.monotonic() < deadline) await clock.sleep(20)
    expect(seen).toEqual(written)
    aborted.abort()
    await watching
    if (signal === 'SIGSTOP') await cluster.signal(0, 'SIGCONT')
  })

  it('says so in time when the quorum is lost, heals when it is back, and has lost nothing that it acknowledged', async () => {
    await start()
    const acknowledged: string[] = []
    const writers = new AbortController()
    let key = 0
    // A watch must survive it too, and be told what came afterwards.
    let healed = false
    const watching = new AbortController()
    const watch = (async () => {
      for await (const { events } of store.watch('/q/healed', { from: 1, signal: watching.signal })) healed ||= events.length > 0
    })()
    const writing = Array.from({ length: 8 }, async () => {
      while (!writers.signal.aborted) {
        const own = `/q/${key++}`
        try {
          const result = await store.commit({ key: own, expect: 'absent', value: value(own) })
          if (result.ok) acknowledged.push(own)
        } catch {
          await clock.sleep(20)
        }
      }
    })
    await clock.sleep(300)
    await cluster.signal(0, 'SIGKILL')
    await cluster.signal(1, 'SIGKILL')
    writers.abort()
    await Promise.all(writing)
    const startedAtMs = clock.monotonic()
    const failure = store.commit({ key: '/q/lost', expect: 'absent', value: value('x') })
    await expect(failure).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(store.ping()).rejects.toMatchObject({ message: expect.stringMatching(/^etcd does not answer: /) })
    expect(clock.monotonic() - startedAtMs).toBeLessThan(20_000)
    cluster.start(0)
    cluster.start(1)
    await writeWithin('/q/healed', 15_000)
    const deadline = clock.monotonic() + 5_000
    while (!healed && clock.monotonic() < deadline) await clock.sleep(20)
    expect(healed).toBe(true)
    watching.abort()
    await watch
    const kept = new Set((await store.range('/q/')).entries.map((entry) => entry.key))
    expect(acknowledged.length).toBeGreaterThan(0)
    expect(acknowledged.filter((each) => !kept.has(each))).toEqual([])
  }, 60_000)
})
