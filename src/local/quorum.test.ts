import { describe, expect, it } from 'vitest'
import { checkControlPlanes, quorumOf, remainingLosses, toleratedLosses } from './quorum.js'

describe('the arithmetic of a quorum', () => {
  it('needs more than half of the members', () => {
    expect([1, 2, 3, 4, 5].map(quorumOf)).toEqual([1, 2, 2, 3, 3])
    expect([1, 2, 3, 4, 5].map(toleratedLosses)).toEqual([0, 0, 1, 1, 2])
    expect(remainingLosses(3, 1)).toBe(-1)
  })

  it('refuses an even number of control planes with the numbers spelled out', () => {
    for (const count of [1, 3, 5]) expect(() => checkControlPlanes(count)).not.toThrow()
    expect(() => checkControlPlanes(4)).toThrow(/quorum of 4 is 3.* loss of 1, as 3 would \(quorum 2, survives 1\)/)
    expect(() => checkControlPlanes(2)).toThrow(/quorum of 2 is 2.* loss of none, as 1 would/)
  })

  it('refuses what is no number of machines', () => {
    for (const count of [0, -1, 1.5, Number.NaN, 11]) expect(() => checkControlPlanes(count)).toThrow(/--control-planes/)
  })
})
