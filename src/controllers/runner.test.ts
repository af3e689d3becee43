import { afterEach, describe, expect, it } from 'vitest'
import { keyOf } from '../api/object.js'
import type { ConfigMap } from '../api/types/core-v1.js'
import { VirtualClock } from '../base/virtual-clock.js'
import { resources } from '../client/resources.js'
import { type Controller, type Outcome, TerminalError, type View } from './controller.js'
import { runTestControllers, type TestControllers } from './testdata/run.js'

const map = (name: string, value = ''): ConfigMap => ({ metadata: { name, namespace: 'default' }, data: { value } })
const ours = (key: string) => key.startsWith('default/')

describe('runControllers', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  const controller = (reconcile: (key: string, view: View) => Promise<Outcome | void>, more: Partial<Controller> = {}): Controller => ({
    name: 'test-controller',
    watches: [{ resource: resources.configMaps, toKeys: (object) => [keyOf(object)].filter(ours) }],
    reconcile,
    ...more,
  })
  const run = async (one: Controller, clock = new VirtualClock()) => {
    running = await runTestControllers({
      controllers: [one],
      clock,
      prepare: async (client) => void (await client.resource(resources.configMaps).create(map('there'))),
    })
    return { ...running, clock, maps: running.client.resource<ConfigMap>(resources.configMaps) }
  }

  it('starts with filled caches, then hears of what is there and of every change', async () => {
    const seen: string[] = []
    let atStart: readonly string[] = []
    const { maps, settled } = await run(
      controller(
        async (key, view) => {
          seen.push(`${key}=${view.lister<ConfigMap>(resources.configMaps).get(key)?.data?.value ?? 'gone'}`)
        },
        { start: (view) => void (atStart = view.lister(resources.configMaps).list('default').map(keyOf)) },
      ),
    )
    await settled()
    expect(atStart).toContain('default/there')
    await maps.create(map('new', '1'))
    await settled()
    await maps.delete('default', 'new')
    await settled()
    expect(seen.filter((line) => !line.includes('kube-root'))).toEqual(['default/there=', 'default/new=1', 'default/new=gone'])
  })

  it('wakes the keys of the object as it was and as it is', async () => {
    const seen = new Set<string>()
    const { maps, settled } = await run(
      controller(async (key) => void seen.add(key), {
        watches: [{ resource: resources.configMaps, toKeys: (object) => [(object as ConfigMap).data?.value ?? ''] }],
      }),
    )
    await maps.update(map('there', 'before'))
    await settled()
    seen.clear()
    await maps.update(map('there', 'after'))
    await settled()
    expect([...seen].sort()).toEqual(['after', 'before'])
  })

  it('reconciles no more keys at once than there are workers, and never one key twice', async () => {
    const open = new Map<string, () => void>()
    let most = 0
    const { maps, settled } = await run(
      controller(
        (key) =>
          new Promise<void>((resolve) => {
            expect(open.has(key)).toBe(false)
            open.set(key, () => (open.delete(key), resolve()))
            most = Math.max(most, open.size)
          }),
        { workers: 2 },
      ),
    )
    for (const name of ['a', 'b', 'c']) await maps.create(map(name))
    await maps.update(map('there', '2'))
    await settled()
    expect(open.size).toBe(2)
    for (let round = 0; round < 10; round++) {
      for (const finish of [...open.values()]) finish()
      await settled()
    }
    expect(most).toBe(2)
    expect(open.size).toBe(0)
  })

  it('tries a key that failed again, later each time, until it goes well', async () => {
    const tries: number[] = []
    const { clock } = await run(
      controller(async (key, view) => {
        if (key !== 'default/there') return
        tries.push(view.clock.monotonic())
        if (tries.length < 4) throw new Error('not yet')
      }),
    )
    await clock.advance(1_000)
    const delays = tries.slice(1).map((at, i) => at - (tries[i] as number))
    expect(delays).toEqual([5, 10, 20])
  })

  it('gives a key up at a TerminalError until it changes', async () => {
    let tries = 0
    const { clock, maps } = await run(
      controller(async (key) => {
        if (key !== 'default/there') return
        tries++
        throw new TerminalError('no way')
      }),
    )
    await clock.advance(60_000)
    expect(tries).toBe(1)
    await maps.update(map('there', '2'))
    await clock.advance(60_000)
    expect(tries).toBe(2)
  })

  it('comes back to a key when the reconcile asked for it', async () => {
    let tries = 0
    const { clock } = await run(
      controller(async (key) => {
        if (key !== 'default/there') return undefined
        tries++
        return { requeueAfterMs: 10_000 }
      }),
    )
    await clock.advance(35_000)
    expect(tries).toBe(4)
  })

  it('skips updates that the controller says cannot matter', async () => {
    const seen: string[] = []
    const { maps, settled } = await run(
      controller(async (key) => void seen.push(key), {
        watches: [
          {
            resource: resources.configMaps,
            toKeys: (object) => [keyOf(object)].filter(ours),
            changed: (object, old) => (object as ConfigMap).data?.value !== (old as ConfigMap).data?.value,
          },
        ],
      }),
    )
    await settled()
    seen.length = 0
    await maps.patch('default', 'there', { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
    await settled()
    expect(seen).toEqual([])
  })
})
