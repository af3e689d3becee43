import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Batch, CompactedError, FutureRevisionError, type Store, type StoreEvent } from './store.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : new TextDecoder().decode(value))

export interface Opened {
  readonly store: Store
  /** Moves the time that leases are measured by; drivers with real time wait instead. */
  elapse(ms: number): Promise<void>
  end(): Promise<void>
}

/** What every driver of the Store contract must do. Each test uses keys of its own, so that a driver may share one store. */
export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`store contract: ${name}`, () => {
    let opened: Opened
    let store: Store
    let at = 0
    const fresh = () => `/contract/${Date.now().toString(36)}-${at++}/`
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.end())

    const put = async (key: string, value: string, expect: number | 'absent' | 'any' = 'any') => {
      const result = await store.commit({ key, expect, value: bytes(value) })
      if (!result.ok) throw new Error(`unexpected conflict on ${key}`)
      return result
    }

    describe('commit', () => {
      it('creates a key that must be absent, once', async () => {
        const key = `${fresh()}a`
        const first = await put(key, 'one', 'absent')
        expect(first).toMatchObject({ createRevision: first.revision, version: 1 })
        const second = await store.commit({ key, expect: 'absent', value: bytes('two') })
        expect(second.ok).toBe(false)
        expect(!second.ok && text(second.current?.value)).toBe('one')
      })

      it('replaces only the revision that is expected', async () => {
        const key = `${fresh()}a`
        const first = await put(key, 'one')
        const second = await put(key, 'two', first.revision)
        expect(second).toMatchObject({ createRevision: first.revision, version: 2 })
        expect(second.revision).toBeGreaterThan(first.revision)
        const stale = await store.commit({ key, expect: first.revision, value: bytes('three') })
        expect(stale).toMatchObject({ ok: false, current: { revision: second.revision, version: 2 } })
      })

      it('deletes what is expected and starts over afterwards', async () => {
        const key = `${fresh()}a`
        const first = await put(key, 'one')
        expect((await store.commit({ key, expect: first.revision + 1000 })).ok).toBe(false)
        expect((await store.commit({ key, expect: first.revision })).ok).toBe(true)
        expect(await store.get(key)).toBeUndefined()
        expect(await put(key, 'again', 'absent')).toMatchObject({ version: 1 })
      })

      it('refuses to delete what is not there', async () => {
        expect(await store.commit({ key: `${fresh()}a`, expect: 'any' })).toMatchObject({ ok: false, current: undefined })
      })

      it('lets one of many rivals win each revision', async () => {
        const key = `${fresh()}counter`
        await put(key, '0')
        let conflicts = 0
        const increment = async () => {
          for (;;) {
            const entry = await store.get(key)
            const result = await store.commit({
              key,
              expect: entry?.revision ?? 'absent',
              value: bytes(String(Number(text(entry?.value)) + 1)),
            })
            if (result.ok) return
            conflicts++
          }
        }
        await Promise.all(Array.from({ length: 20 }, increment))
        expect(text((await store.get(key))?.value)).toBe('20')
        expect(conflicts).toBeGreaterThan(0)
      })

      it('keeps any bytes', async () => {
        const key = `${fresh()}binary`
        const value = Uint8Array.from({ length: 70_000 }, (_, i) => i & 0xff)
        await store.commit({ key, expect: 'any', value })
        expect(Buffer.compare((await store.get(key))?.value ?? new Uint8Array(), value)).toBe(0)
      })
    })

    describe('range', () => {
      it('gives keys under the prefix in bytewise order', async () => {
        const prefix = fresh()
        for (const key of ['b', 'a/x', 'a', 'ä', 'z', 'a-1']) await put(prefix + key, key)
        const { entries, more, count } = await store.range(prefix)
        expect(entries.map((entry) => entry.key.slice(prefix.length))).toEqual(['a', 'a-1', 'a/x', 'b', 'z', 'ä'])
        expect({ more, count }).toEqual({ more: false, count: 6 })
      })

      it('pages with after and limit and counts what is left', async () => {
        const prefix = fresh()
        for (let i = 0; i < 7; i++) await put(`${prefix}${i}`, String(i))
        const first = await store.range(prefix, { limit: 3 })
        expect(first).toMatchObject({ more: true, count: 7 })
        const second = await store.range(prefix, { limit: 3, after: first.entries[2]?.key, at: first.revision })
        expect(second.entries.map((entry) => text(entry.value))).toEqual(['3', '4', '5'])
        expect(second).toMatchObject({ more: true, count: 4 })
        expect(await store.range(prefix, { limit: 3, after: second.entries[2]?.key })).toMatchObject({ more: false, count: 1 })
      })

      it('reads the state of an earlier revision', async () => {
        const prefix = fresh()
        const { revision } = await put(`${prefix}a`, 'old')
        await put(`${prefix}a`, 'new')
        await put(`${prefix}b`, 'later')
        const then = await store.range(prefix, { at: revision })
        expect(then.entries.map((entry) => text(entry.value))).toEqual(['old'])
        expect(text((await store.get(`${prefix}a`, { at: revision }))?.value)).toBe('old')
        expect(await store.get(`${prefix}b`, { at: revision })).toBeUndefined()
      })

      it('refuses a revision that has not happened', async () => {
        const prefix = fresh()
        const revision = (await store.revision()) + 1_000_000
        await expect(store.range(prefix, { at: revision })).rejects.toBeInstanceOf(FutureRevisionError)
        await expect(store.get(`${prefix}a`, { at: revision })).rejects.toBeInstanceOf(FutureRevisionError)
      })
    })

    describe('watch', () => {
      it('delivers every change from a past revision on, in order, and goes on with new ones', async () => {
        const prefix = fresh()
        const { revision } = await put(`${prefix}a`, '1')
        await put(`${prefix}b`, '2')
        const events = collect(store, prefix, revision)
        await events.until(2)
        await put(`${prefix}a`, '3')
        await store.commit({ key: `${prefix}b`, expect: 'any' })
        expect((await events.until(4)).map(show)).toEqual(
          ['put a 1', 'put b 2', 'put a 3', 'delete b'].map((line) => line.replace(/ ([ab])/, ` ${prefix}$1`)),
        )
        await events.end()
      })

      it('skips and repeats nothing under concurrent writers, and ignores other prefixes', async () => {
        const prefix = fresh()
        const other = fresh()
        const events = collect(store, prefix, (await store.revision()) + 1)
        await Promise.all(Array.from({ length: 200 }, (_, i) => put(`${i % 2 ? prefix : other}${i}`, String(i))))
        const seen = await events.until(100)
        const revisions = seen.map((event) => event.revision)
        expect(revisions).toEqual([...revisions].sort((a, b) => a - b))
        expect(new Set(revisions).size).toBe(100)
        expect(seen.every((event) => event.key.startsWith(prefix))).toBe(true)
        await events.end()
      })

      it('tells how far it has come when asked', async () => {
        const prefix = fresh()
        const events = collect(store, prefix, (await store.revision()) + 1)
        const { revision } = await put(fresh(), 'elsewhere')
        await events.progressTo(revision, store)
        await events.end()
      })

      it('survives a reader that is far behind', async () => {
        const prefix = fresh()
        const { revision } = await put(`${prefix}0`, '0')
        for (let i = 1; i < 30; i++) await Promise.all(Array.from({ length: 40 }, (_, j) => put(`${prefix}${i}-${j}`, 'x')))
        const events = collect(store, prefix, revision)
        expect(await events.until(1161)).toHaveLength(1161)
        await events.end()
      })
    })

    describe('compact', () => {
      it('forgets what is older, keeps what is newer', async () => {
        const prefix = fresh()
        const first = await put(`${prefix}a`, 'one')
        const second = await put(`${prefix}a`, 'two')
        const third = await put(`${prefix}a`, 'three')
        await store.compact(second.revision)
        await expect(store.get(`${prefix}a`, { at: first.revision })).rejects.toBeInstanceOf(CompactedError)
        await expect(store.range(prefix, { at: first.revision })).rejects.toBeInstanceOf(CompactedError)
        expect(text((await store.get(`${prefix}a`, { at: second.revision }))?.value)).toBe('two')
        expect(text((await store.get(`${prefix}a`))?.value)).toBe('three')
        const late = store.watch(prefix, { from: first.revision, signal: new AbortController().signal })[Symbol.asyncIterator]()
        await expect(late.next()).rejects.toBeInstanceOf(CompactedError)
        const events = collect(store, prefix, third.revision)
        expect((await events.until(1)).map((event) => event.revision)).toEqual([third.revision])
        await events.end()
      })
    })

    describe('lease', () => {
      it('takes its keys along when it ends', async () => {
        const prefix = fresh()
        const lease = await store.grantLease(2)
        await store.commit({ key: `${prefix}a`, expect: 'absent', value: bytes('x'), lease })
        await put(`${prefix}b`, 'stays')
        const events = collect(store, prefix, (await store.revision()) + 1)
        await opened.elapse(4_000)
        expect((await events.until(1)).map(show)).toEqual([`delete ${prefix}a`])
        expect(await store.get(`${prefix}a`)).toBeUndefined()
        expect(await store.get(`${prefix}b`)).toBeDefined()
        await events.end()
      })

      it('takes them along when it is revoked', async () => {
        const key = `${fresh()}a`
        const lease = await store.grantLease(1000)
        await store.commit({ key, expect: 'absent', value: bytes('x'), lease })
        expect((await store.get(key))?.lease).toBe(lease)
        await store.revokeLease(lease)
        expect(await store.get(key)).toBeUndefined()
      })

      it('lets a key go that is written again without it', async () => {
        const key = `${fresh()}a`
        const lease = await store.grantLease(1000)
        await store.commit({ key, expect: 'absent', value: bytes('x'), lease })
        await put(key, 'y')
        await store.revokeLease(lease)
        expect(text((await store.get(key))?.value)).toBe('y')
      })
    })

    it('answers a ping and knows its size', async () => {
      await put(`${fresh()}a`, 'x')
      await store.ping()
      expect(await store.sizeBytes()).toBeGreaterThan(0)
    })
  })
}

function show(event: StoreEvent): string {
  return event.type === 'put' ? `put ${event.key} ${text(event.value)}` : `delete ${event.key}`
}

/** Reads a watch in the background. */
function collect(store: Store, prefix: string, from: number) {
  const controller = new AbortController()
  const events: StoreEvent[] = []
  let progress = 0
  let wake: () => void = () => undefined
  const reading = (async () => {
    for await (const batch of store.watch(prefix, { from, signal: controller.signal }) as AsyncIterable<Batch>) {
      events.push(...batch.events)
      progress = Math.max(progress, batch.revision)
      wake()
    }
  })()
  const changed = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  return {
    async until(count: number): Promise<StoreEvent[]> {
      while (events.length < count) await Promise.race([changed(), reading])
      return events
    },
    async progressTo(revision: number, asked: Store): Promise<void> {
      while (progress < revision) {
        const next = changed()
        await asked.requestProgress()
        await Promise.race([next, reading])
      }
    },
    async end(): Promise<void> {
      controller.abort()
      await reading
    },
  }
}
