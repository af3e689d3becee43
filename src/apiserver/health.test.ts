import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import { sharedCheck } from './health.js'

describe('a check that is shared', () => {
  it('runs once for all who ask within its time, and again after it', async () => {
    const clock = new VirtualClock()
    let runs = 0
    const check = sharedCheck(clock, 900, async () => {
      runs++
    })
    await Promise.all([check(), check()])
    await check()
    expect(runs).toBe(1)
    await clock.advance(900)
    await check()
    expect(runs).toBe(2)
  })

  it('does not remember a failure', async () => {
    let fails = true
    const check = sharedCheck(new VirtualClock(), 900, async () => {
      if (fails) throw new Error('the store is away')
    })
    await expect(check()).rejects.toThrow('the store is away')
    fails = false
    await check()
  })
})
