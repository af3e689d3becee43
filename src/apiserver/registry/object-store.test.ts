import { afterEach, expect, it } from 'vitest'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { realClock } from '../../base/real-clock.js'
import { resources } from '../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { openMemoryStore } from '../../storage/memory/memory.js'
import type { Store } from '../../storage/store.js'

/** A store whose events are held back: what the API server has of it is behind. */
function delayed(store: Store): { store: Store; hold(): void; release(): void } {
  let gate = Promise.resolve()
  let open: () => void = () => undefined
  const watch: Store['watch'] = async function* (prefix, options) {
    for await (const batch of store.watch(prefix, options)) {
      await gate
      yield batch
    }
  }
  return {
    store: new Proxy(store, {
      get: (target, name) => {
        if (name === 'watch') return watch
        const member = Reflect.get(target, name) as unknown
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    }),
    hold: () => {
      gate = new Promise((resolve) => (open = resolve))
    },
    release: () => open(),
  }
}

let api: TestApiServer | undefined
afterEach(() => api?.stop())

it('writes what changes nothing of a copy that is behind, but does of what the store has', async () => {
  const clock = realClock()
  const held = delayed(openMemoryStore({ clock }))
  api = await testApiServer(clock, { store: held.store })
  const maps = api.client.resource<ConfigMap>(resources.configMaps)
  await maps.create({ metadata: { namespace: 'default', name: 'menu' }, data: { soup: 'tomato' } })
  await maps.get('default', 'menu')
  held.hold()
  const patch = (soup: string) => maps.patch('default', 'menu', { type: 'merge', body: { data: { soup } } })
  const changed = await patch('lentil')
  const back = await patch('tomato')
  held.release()
  expect(Number(back.metadata.resourceVersion)).toBeGreaterThan(Number(changed.metadata.resourceVersion))
  expect((await maps.get('default', 'menu')).data).toEqual({ soup: 'tomato' })
  // And what truly changes nothing is not written.
  expect((await patch('tomato')).metadata.resourceVersion).toBe(back.metadata.resourceVersion)
})
