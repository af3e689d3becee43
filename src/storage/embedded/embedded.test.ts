import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { processStart } from '../../base/node/process-start.js'
import { realClock } from '../../base/real-clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { storeContract } from '../store.contract.js'
import { openEmbeddedStore } from './embedded.js'

const dirs: string[] = []
const newDir = () => {
  const dir = mkdtempSync(join(tmpdir(), 'quorate-store-'))
  dirs.push(dir)
  return dir
}
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

storeContract('embedded', async () => {
  const clock = new VirtualClock()
  const store = await openEmbeddedStore({ dir: newDir(), clock })
  return { store, elapse: (ms) => clock.advance(ms), end: () => store.close() }
})

describe('embedded store', () => {
  const value = (text: string) => new TextEncoder().encode(text)

  it('has everything again after it was closed', async () => {
    const dir = newDir()
    const clock = new VirtualClock()
    let store = await openEmbeddedStore({ dir, clock })
    const lease = await store.grantLease(60)
    await store.commit({ key: '/a', expect: 'absent', value: value('1') })
    const second = await store.commit({ key: '/a', expect: 'any', value: value('2') })
    await store.commit({ key: '/leased', expect: 'absent', value: value('x'), lease })
    await store.commit({ key: '/gone', expect: 'absent', value: value('y') })
    const last = await store.commit({ key: '/gone', expect: 'any' })
    await store.close()
    store = await openEmbeddedStore({ dir, clock })
    expect(await store.revision()).toBe(last.revision)
    expect(await store.get('/a')).toMatchObject({ revision: second.revision, version: 2 })
    expect(await store.get('/gone')).toBeUndefined()
    await clock.advance(61_000)
    for await (const { events } of store.watch('/leased', { from: last.revision + 1, signal: AbortSignal.timeout(5_000) })) {
      expect(events).toMatchObject([{ type: 'delete', key: '/leased' }])
      break
    }
    await store.close()
  })

  it('is open in one process only', async () => {
    const dir = newDir()
    const holder = fork(join(import.meta.dirname, 'testdata/idle.mjs'), { stdio: 'ignore' })
    await new Promise<void>((resolve) => holder.once('message', () => resolve()))
    const lock = `${holder.pid} ${processStart(holder.pid as number)}`
    writeFileSync(join(dir, 'lock'), lock)
    await expect(openEmbeddedStore({ dir, clock: realClock() })).rejects.toMatchObject({ code: 'StoreLocked' })
    holder.kill('SIGKILL')
    await new Promise<void>((resolve) => holder.once('exit', () => resolve()))
    const store = await openEmbeddedStore({ dir, clock: realClock() })
    await store.close()
  })

  it('is not kept closed by a process that only has the same id', async () => {
    const dir = newDir()
    writeFileSync(join(dir, 'lock'), `${process.ppid} another-start`)
    const store = await openEmbeddedStore({ dir, clock: realClock() })
    await store.close()
  })

  it('compacts by itself', async () => {
    const clock = new VirtualClock()
    const store = await openEmbeddedStore({ dir: newDir(), clock, compactionIntervalMs: 1_000 })
    const first = await store.commit({ key: '/a', expect: 'any', value: value('1') })
    await store.commit({ key: '/a', expect: 'any', value: value('2') })
    await clock.advance(2_500)
    await store.commit({ key: '/b', expect: 'any', value: value('3') })
    await expect(store.get('/a', { at: first.revision })).rejects.toMatchObject({ name: 'CompactedError' })
    expect(await store.get('/a')).toMatchObject({ version: 2 })
    await store.close()
  })
})
