import { beforeEach, describe, expect, it } from 'vitest'
import { PodInfo } from '../cache/pod-info.js'
import type { ClusterEvent } from '../framework/events.js'
import { hints } from '../framework/plugin.js'
import { unresolvable } from '../framework/status.js'
import { node, pod } from '../testdata/scheduler.js'
import { SchedulingQueue } from './queue.js'

describe('the scheduling queue', () => {
  let nowMs: number
  let queue: SchedulingQueue
  beforeEach(() => {
    nowMs = 1_000_000
    queue = new SchedulingQueue({
      now: () => nowMs,
      hintsOf: () => new Map([['Fit', hints({ AssignedPodDelete: () => true })]]),
      preEnqueue: ({ pod: { spec } }) => (spec?.schedulingGates?.length ? unresolvable('SchedulingGates', 'gated') : undefined),
      wake: () => undefined,
    })
  })
  const add = (name: string, priority = 0) => queue.add(new PodInfo(pod(name, { priority })))
  const pop = () => queue.pop()?.info.name
  const deletion: ClusterEvent = { kind: 'AssignedPodDelete', pod: new PodInfo(pod('gone')) }
  const reject = (plugin: string) => {
    const popped = queue.pop()
    if (popped) queue.unschedulable(popped, new Set([plugin]))
  }

  it('gives by priority, then by age', () => {
    add('old')
    nowMs++
    add('young')
    add('high', 5)
    expect([pop(), pop(), pop(), pop()]).toEqual(['high', 'old', 'young', undefined])
  })

  it('wakes a rejected pod by what its plugin waits for, and by nothing else', () => {
    add('p')
    reject('Fit')
    queue.event({ kind: 'NodeAdd', node: node('a') })
    expect(pop()).toBeUndefined()
    queue.event(deletion)
    expect(pop()).toBe('p')
  })

  it('tries a pod in backoff early when nothing else is to do, and after others that are ready (KEP-5142)', () => {
    add('tried')
    reject('Fit')
    queue.event(deletion)
    expect(queue.count('backoff')).toBe(1)
    add('new')
    expect([pop(), pop()]).toEqual(['new', 'tried'])
  })

  it('does not hammer: after an error a pod waits 1 s, 2 s, up to 10 s', () => {
    add('p')
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      const popped = queue.pop()
      expect(popped).toBeDefined()
      if (popped) queue.failed(popped)
      expect(pop()).toBeUndefined()
      waits.push((queue.nextDueMs() ?? 0) - nowMs)
      nowMs = queue.nextDueMs() ?? 0
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  it('tries again after five minutes, whatever happened', () => {
    add('p')
    reject('Fit')
    nowMs += 5 * 60_000
    queue.flushOld()
    expect(pop()).toBeUndefined()
    nowMs++
    queue.flushOld()
    expect(pop()).toBe('p')
  })

  it('keeps a gated pod out until its gates are gone', () => {
    queue.add(new PodInfo(pod('p', { schedulingGates: [{ name: 'g' }] })))
    expect([queue.count('gated'), pop()]).toEqual([1, undefined])
    queue.update(new PodInfo(pod('p')))
    expect([queue.count('gated'), pop()]).toEqual([0, 'p'])
  })

  it('holds a preempting pod back until its victims have been sent away, and forgets no event', () => {
    add('p')
    const popped = queue.pop()
    queue.setPreempting('default/p', true)
    if (popped) queue.unschedulable(popped, new Set(['Fit']))
    queue.event(deletion)
    expect(pop()).toBeUndefined()
    queue.setPreempting('default/p', false)
    expect(pop()).toBe('p')
  })

  it('forgets a deleted pod wherever it is', () => {
    add('p')
    queue.delete('default/p')
    add('q')
    reject('Fit')
    queue.delete('default/q')
    queue.event(deletion)
    expect(pop()).toBeUndefined()
    expect(['active', 'backoff', 'unschedulable', 'gated'].map((place) => queue.count(place as 'active'))).toEqual([0, 0, 0, 0])
  })
})
