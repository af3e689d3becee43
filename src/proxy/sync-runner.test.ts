import { describe, expect, it } from 'vitest'
import { silentLogger } from '../base/logger.js'
import { VirtualClock } from '../base/virtual-clock.js'
import { SyncRunner } from './sync-runner.js'

describe('the sync runner', () => {
  const start = (over: { sync?: () => Promise<void>; minPeriodMs?: number } = {}) => {
    const clock = new VirtualClock()
    const ran: string[] = []
    const log = (what: string) => void ran.push(`${what} ${clock.monotonic()}`)
    const runner = new SyncRunner({
      ...{ clock, logger: silentLogger, minPeriodMs: 1_000, maxPeriodMs: 30_000 },
      ...over,
      async sync() {
        log('sync')
        await over.sync?.()
      },
      idle: async () => log('idle'),
    })
    return { clock, ran, runner }
  }

  it('syncs at once after rest, and once for everything that was asked meanwhile', async () => {
    const { clock, ran, runner } = start()
    for (let i = 0; i < 5; i++) runner.request()
    await clock.advance(0)
    expect(ran).toEqual(['sync 0'])
  })

  it('syncs no oftener than once a period in the long run', async () => {
    const { clock, ran, runner } = start()
    for (let ms = 0; ms < 60_000; ms += 100) {
      runner.request()
      await clock.advance(100)
    }
    expect(ran.length).toBeGreaterThanOrEqual(60)
    expect(ran.length).toBeLessThanOrEqual(71)
  })

  it('never runs two at once: what comes during a sync is for the next', async () => {
    let finish: () => void = () => undefined
    const { clock, ran, runner } = start({ sync: () => new Promise((resolve) => (finish = resolve)) })
    runner.request()
    await clock.advance(10)
    runner.request()
    await clock.advance(5_000)
    expect(ran).toHaveLength(1)
    finish()
    await clock.advance(0)
    expect(ran).toHaveLength(2)
    finish()
    await runner.stop()
  })

  it('tries again after a failure, later and later', async () => {
    const { clock, ran, runner } = start({ minPeriodMs: 0, sync: () => Promise.reject(new Error('refused')) })
    runner.request()
    await clock.advance(4_000)
    expect(ran).toEqual(['sync 0', 'sync 500', 'sync 1500', 'sync 3500'])
    await runner.stop()
    await clock.advance(60_000)
    expect(ran).toHaveLength(4)
  })

  it('looks after the rules when nothing happens', async () => {
    const { clock, ran, runner } = start()
    await clock.advance(20_000)
    runner.request()
    await clock.advance(50_000)
    expect(ran).toEqual(['sync 20000', 'idle 50000'])
  })
})
