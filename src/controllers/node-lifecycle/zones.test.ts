import { describe, expect, it } from 'vitest'
import type { NodeCondition } from '../../api/types/core-v1.js'
import { EvictionQueue } from './eviction-queue.js'
import { disruptionStep, rateFor, type ZoneState, zoneState } from './zones.js'

const nodes = (up: number, down: number): NodeCondition[] => [
  ...Array.from({ length: up }, () => ({ type: 'Ready', status: 'True' })),
  ...Array.from({ length: down }, () => ({ type: 'Ready', status: 'Unknown' })),
]
const rates = { rate: 0.1, secondaryRate: 0.01, unhealthyThreshold: 0.55, largeClusterSize: 50 }

describe('the state of a zone', () => {
  it('is partly disrupted from three nodes down that are 55 % on', () => {
    expect(zoneState(nodes(9, 11), 0.55)).toBe('PartialDisruption')
    expect(zoneState(nodes(10, 10), 0.55)).toBe('Normal')
    expect(zoneState(nodes(1, 2), 0.55)).toBe('Normal')
  })
  it('is fully disrupted when nothing is up', () => {
    expect(zoneState(nodes(0, 1), 0.55)).toBe('FullDisruption')
  })
  it('sets the rate: a partly disrupted zone is emptied slowly when it is large, else not at all', () => {
    expect([rateFor('Normal', 5, rates), rateFor('FullDisruption', 5, rates)]).toEqual([0.1, 0.1])
    expect([rateFor('PartialDisruption', 50, rates), rateFor('PartialDisruption', 51, rates)]).toEqual([0, 0.01])
  })
})

describe('all zones together', () => {
  const step = (before: [string, ZoneState][], zones: [string, NodeCondition[]][]) => disruptionStep(new Map(before), new Map(zones), rates)
  it('stop all evictions when nothing is up anywhere', () => {
    const { turn, rates: now } = step(
      [
        ['a', 'Normal'],
        ['b', 'FullDisruption'],
      ],
      [
        ['a', nodes(0, 2)],
        ['b', nodes(0, 2)],
      ],
    )
    expect([turn, [...now]]).toEqual([
      'everything-down',
      [
        ['a', 0],
        ['b', 0],
      ],
    ])
  })
  it('change nothing while that lasts', () => {
    const { turn, rates: now } = step([['a', 'FullDisruption']], [['a', nodes(0, 2)]])
    expect([turn, [...now]]).toEqual([undefined, []])
  })
  it('set every rate anew when something comes back', () => {
    const { turn, rates: now } = step(
      [
        ['a', 'FullDisruption'],
        ['b', 'FullDisruption'],
      ],
      [
        ['a', nodes(1, 1)],
        ['b', nodes(0, 2)],
      ],
    )
    expect([turn, [...now]]).toEqual([
      'back',
      [
        ['a', 0.1],
        ['b', 0.1],
      ],
    ])
  })
  it('otherwise change the zones that changed', () => {
    const { states, rates: now } = step(
      [
        ['a', 'Normal'],
        ['b', 'Normal'],
      ],
      [
        ['a', nodes(1, 9)],
        ['b', nodes(2, 0)],
      ],
    )
    expect([[...states], [...now]]).toEqual([
      [
        ['a', 'PartialDisruption'],
        ['b', 'Normal'],
      ],
      [['a', 0]],
    ])
  })
})

describe('the queue of a zone', () => {
  it('lets one go at once and the others at the rate, each once', () => {
    const queue = new EvictionQueue(0.1)
    expect([queue.add('a'), queue.add('b'), queue.add('a')]).toEqual([true, true, false])
    expect([queue.take(0), queue.take(0), queue.waitMs(4_000)]).toEqual(['a', undefined, 6_000])
    expect([queue.take(10_000), queue.take(20_000), queue.add('a')]).toEqual(['b', undefined, false])
    queue.remove('a')
    expect([queue.add('a'), queue.take(20_000)]).toEqual([true, 'a'])
  })
  it('gives a failed one another try', () => {
    const queue = new EvictionQueue(1)
    queue.add('a')
    expect(queue.take(0)).toBe('a')
    queue.retry('a')
    expect(queue.take(1_000)).toBe('a')
  })
  it('holds all at rate 0, and does not let a new rate shorten the wait', () => {
    const queue = new EvictionQueue(0.1)
    for (const name of ['a', 'b']) queue.add(name)
    queue.take(0)
    queue.setRate(0, 1_000)
    expect([queue.take(1_000_000), queue.waitMs(1_000_000)]).toEqual([undefined, undefined])
    queue.setRate(0.1, 1_000_000)
    expect(queue.waitMs(1_000_000)).toBe(10_000)
  })
})
