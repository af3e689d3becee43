import { describe, expect, it } from 'vitest'
import { silentLogger } from '../base/logger.js'
import { VirtualClock } from '../base/virtual-clock.js'
import { Loop } from './loop.js'

function loopOf(run: () => Promise<void> = async () => undefined) {
  const clock = new VirtualClock()
  const ending = new AbortController()
  const runs: [number, string][] = []
  const loop = new Loop({
    ...{ name: 'test', clock, logger: silentLogger, signal: ending.signal, everyMs: 30_000, delayMs: 10 },
    run(why) {
      runs.push([clock.monotonic(), why])
      return run()
    },
  })
  const start = clock.monotonic()
  return { clock, loop, ending, runs: () => runs.map(([atMs, why]) => [atMs - start, why]) }
}

describe('a loop', () => {
  it('works once for many causes, and again without one after its period', async () => {
    const { clock, loop, runs } = loopOf()
    for (let i = 0; i < 5; i++) loop.trigger()
    await clock.advance(30_010)
    expect(runs()).toEqual([
      [10, 'cause'],
      [30_010, 'period'],
    ])
  })

  it('works again for a cause that came meanwhile, never twice at once', async () => {
    let finish: () => void = () => undefined
    const { clock, loop, runs } = loopOf(() => new Promise((resolve) => (finish = resolve)))
    loop.trigger()
    await clock.advance(10)
    loop.trigger()
    await clock.advance(1_000)
    expect(runs()).toHaveLength(1)
    expect(loop.isIdle).toBe(false)
    finish()
    await clock.advance(10)
    expect(runs()).toEqual([
      [10, 'cause'],
      [1_020, 'cause'],
    ])
  })

  it('tries again with growing delays, sooner when there is a cause, and says the error until it is well', async () => {
    let isBroken = true
    const { clock, loop, runs } = loopOf(async () => {
      if (isBroken) throw new Error('broken')
    })
    loop.trigger()
    await clock.advance(1_600)
    loop.trigger()
    loop.trigger()
    expect(loop.error).toBe('broken')
    isBroken = false
    await clock.advance(2_500)
    expect(runs().map(([atMs]) => atMs)).toEqual([10, 510, 1_510, 2_100])
    expect(loop.error).toBeUndefined()
  })

  it('ends with its signal', async () => {
    const { clock, loop, ending, runs } = loopOf()
    loop.trigger()
    ending.abort()
    loop.trigger()
    await clock.advance(100_000)
    expect(runs()).toEqual([])
  })
})
