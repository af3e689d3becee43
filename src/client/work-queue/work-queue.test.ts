import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.js'
import { WorkQueue } from './work-queue.js'

function queueOf(clock = new VirtualClock()) {
  let wakes = 0
  const queue = new WorkQueue({ clock, onReady: () => wakes++ })
  return { clock, queue, wakes: () => wakes }
}

function drain(queue: WorkQueue): string[] {
  const keys: string[] = []
  for (let key = queue.take(); key !== undefined; key = queue.take()) {
    keys.push(key)
    queue.done(key)
  }
  return keys
}

describe('work queue', () => {
  it('hands a key out once however often it was added, in the order of the first adds', () => {
    const { queue } = queueOf()
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    expect(queue.depth).toBe(3)
    expect(drain(queue)).toEqual(['a', 'b', 'c'])
    expect(queue.take()).toBeUndefined()
  })

  it('never hands a key out twice at once, and once more after done when it was added meanwhile', () => {
    const { queue, wakes } = queueOf()
    queue.add('a')
    expect(queue.take()).toBe('a')
    queue.add('a')
    queue.add('a')
    expect(queue.take()).toBeUndefined()
    expect(wakes()).toBe(1)
    queue.done('a')
    expect(wakes()).toBe(2)
    expect(drain(queue)).toEqual(['a'])
  })

  it('keeps the earlier of two delays of a key', async () => {
    const { queue, clock } = queueOf()
    queue.addAfter('a', 5_000)
    queue.addAfter('a', 1_000)
    queue.addAfter('a', 3_000)
    queue.addAfter('b', 2_000)
    await clock.advance(999)
    expect(queue.depth).toBe(0)
    await clock.advance(1)
    expect(drain(queue)).toEqual(['a'])
    await clock.advance(10_000)
    expect(drain(queue)).toEqual(['b'])
  })

  it('doubles the delay of a key that keeps failing from 5 ms up to 1000 s, and starts anew after success', async () => {
    const { queue, clock } = queueOf()
    const delays: number[] = []
    for (let failure = 0; failure < 20; failure++) {
      queue.retry('a')
      const before = clock.monotonic()
      await clock.advance((clock.nextDue() ?? 0) - clock.now())
      delays.push(clock.monotonic() - before)
      expect(drain(queue)).toEqual(['a'])
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40])
    expect(delays.at(-1)).toBe(1_000_000)
    queue.forget('a')
    queue.retry('a')
    await clock.advance(5)
    expect(drain(queue)).toEqual(['a'])
  })

  it('lets 100 retries of different keys through at once and 10 a second after that', async () => {
    const { queue, clock } = queueOf()
    for (let i = 0; i < 120; i++) queue.retry(String(i))
    await clock.advance(5)
    expect(drain(queue)).toHaveLength(100)
    await clock.advance(1_000)
    expect(drain(queue)).toHaveLength(10)
    await clock.advance(1_000)
    expect(drain(queue)).toHaveLength(10)
  })

  it('stays in order over many thousand keys', () => {
    const { queue } = queueOf()
    const keys = Array.from({ length: 5_000 }, (_, i) => `key-${i}`)
    for (const key of keys) queue.add(key)
    expect(drain(queue)).toEqual(keys)
    expect(queue.depth).toBe(0)
  })

  it('gives out and accepts nothing once closed, and leaves no timer', async () => {
    const { queue, clock } = queueOf()
    queue.add('a')
    queue.addAfter('b', 10)
    queue.close()
    queue.add('c')
    queue.retry('c')
    await clock.advance(100)
    expect(queue.take()).toBeUndefined()
    expect(clock.nextDue()).toBeUndefined()
  })

  it('tells its observer how long keys waited and were worked on', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    const queue = new WorkQueue({
      clock,
      observer: {
        added: (depth) => seen.push(`added ${depth}`),
        taken: (waitedMs, depth) => seen.push(`taken ${waitedMs} ${depth}`),
        done: (workedMs) => seen.push(`done ${workedMs}`),
        retried: () => seen.push('retried'),
      },
    })
    queue.add('a')
    await clock.advance(30)
    queue.take()
    await clock.advance(20)
    queue.done('a')
    queue.retry('a')
    expect(seen).toEqual(['added 1', 'taken 30 0', 'done 20', 'retried'])
  })
})
