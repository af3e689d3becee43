import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.js'
import { scaledValue } from './int-or-percent.js'
import { Pace } from './pace.js'

describe('Pace', () => {
  it('lets owners of few pods be looked at whenever something changes', () => {
    const pace = new Pace(new VirtualClock())
    pace.ran('small', 9)
    expect(pace.delayMs('small')).toBe(0)
    expect(pace.delayMs('never seen')).toBe(0)
  })
  it('spaces out looks at many in proportion to how many', async () => {
    const clock = new VirtualClock()
    const pace = new Pace(clock)
    pace.ran('big', 5000)
    expect(pace.delayMs('big')).toBe(500)
    await clock.advance(400)
    expect(pace.delayMs('big')).toBe(100)
    await clock.advance(200)
    expect(pace.delayMs('big')).toBe(0)
    pace.ran('big', 5000)
    pace.forget('big')
    expect(pace.delayMs('big')).toBe(0)
  })
})

describe('scaledValue', () => {
  it('rounds a percentage as asked, and takes a number as it is', () => {
    expect([scaledValue('25%', 10, 'up'), scaledValue('25%', 10, 'down'), scaledValue(7, 10, 'up')]).toEqual([3, 2, 7])
    expect([scaledValue(undefined, 10, 'up'), scaledValue('many', 10, 'up')]).toEqual([0, 0])
  })
})
