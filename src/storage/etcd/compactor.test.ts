import { expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { openMemoryStore } from '../memory/memory.js'
import { startCompactor } from './compactor.js'

const value = new TextEncoder().encode('x')

it('cuts history one time round after it was made, once for all servers', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const compactions: number[] = []
  const compact = store.compact.bind(store)
  store.compact = (revision) => {
    compactions.push(revision)
    return compact(revision)
  }
  const servers = [1, 2, 3].map(() => startCompactor({ store, clock, logger: silentLogger, intervalMs: 1_000 }))
  await clock.advance(100)
  const old = await store.commit({ key: '/a', expect: 'any', value })
  await clock.advance(1_400)
  await store.commit({ key: '/a', expect: 'any', value })
  expect(await store.get('/a', { at: old.revision })).toBeDefined()
  await clock.advance(3_000)
  await expect(store.get('/a', { at: old.revision })).rejects.toMatchObject({ name: 'CompactedError' })
  // Three servers over four turns: one compaction a turn at most.
  expect(compactions.length).toBeLessThanOrEqual(4)
  expect(new Set(compactions).size).toBe(compactions.length)
  for (const server of servers) server.stop()
  await store.close()
})
