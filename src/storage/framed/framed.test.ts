import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { realClock } from '../../base/real-clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { openMemoryStore } from '../memory/memory.js'
import { storeContract } from '../store.contract.js'
import { connectFramed } from './client.js'
import { serveFramed } from './server.js'

async function open() {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-framed-'))
  const path = join(dir, 'run', 'store.sock')
  const clock = new VirtualClock()
  const engine = openMemoryStore({ clock })
  const server = await serveFramed(engine, { path })
  const store = connectFramed({ address: { path }, clock: realClock() })
  const end = async () => {
    await store.close()
    await server.close()
    await engine.close()
    rmSync(dir, { recursive: true, force: true })
  }
  return { store, path, server, engine, elapse: (ms: number) => clock.advance(ms), end }
}

storeContract('framed', open)

it('is open to this user alone', async () => {
  const { path, end } = await open()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await end()
})

it('tells writers whose answer was lost that their outcome is unknown, and connects again', async () => {
  const { store, path, server, engine, end } = await open()
  await store.ping()
  await server.close()
  await expect(store.commit({ key: '/a', expect: 'any', value: new Uint8Array(1) })).rejects.toMatchObject({
    name: 'StoreUnavailableError',
  })
  const again = await serveFramed(engine, { path })
  await store.ping()
  const watch = store.watch('/', { from: 1, signal: new AbortController().signal })[Symbol.asyncIterator]()
  const next = watch.next()
  await store.ping()
  await again.close()
  await expect(next).rejects.toMatchObject({ name: 'StoreUnavailableError' })
  await end()
})

it('answers a write before it tells watches of it', async () => {
  const { store, end } = await open()
  const stop = new AbortController()
  const watch = store.watch('/', { from: 1, signal: stop.signal })[Symbol.asyncIterator]()
  const told = watch.next().then(() => order.push('event'))
  const order: string[] = []
  await store.ping()
  const answered = store.commit({ key: '/a', expect: 'absent', value: new Uint8Array(1) }).then(() => order.push('answer'))
  await Promise.all([told, answered])
  expect(order).toEqual(['answer', 'event'])
  stop.abort()
  await end()
})
