import type { GroupVersionResource, KubeObject } from '../api/object.js'
import type { Client } from '../client/client.js'
import type { ServerAccess, ServerLister } from './access.js'
import type { Cacher } from './cacher/cacher.js'
import { objectOf } from './cacher/cell.js'
import type { Resources } from './resources.js'

/** The server's own eyes and hands. Listers may be made before the resources are: they are looked up on first use. */
export function serverAccess(resources: Resources, client: () => Client): ServerAccess & { synced(): Promise<void> } {
  const looked: (() => Promise<void>)[] = []
  let isRunning = false
  return {
    /** Resolves when every lister made so far shows what there is; those made later begin to fill when they are made. */
    async synced() {
      isRunning = true
      await Promise.all(looked.map((ready) => ready()))
    },
    get client() {
      return client()
    },
    lister: <T extends KubeObject>(of: GroupVersionResource): ServerLister<T> => {
      let found: Cacher | undefined
      const cacher = () => {
        found ??= resources.find(of)?.stored.cacher
        if (!found) throw new Error(`assertion failed: ${of.group}/${of.resource} is not served`)
        return found
      }
      if (isRunning) void cacher().ready()
      else looked.push(() => cacher().ready())
      return {
        get(key) {
          const cell = cacher().get(key)
          return cell && objectOf<T>(cell)
        },
        list: (namespace) => cacher().objects<T>(namespace ?? ''),
        by: (index) => {
          throw new Error(`assertion failed: no index ${index} in the server's listers`)
        },
        synced: () => cacher().ready(),
        onChange(fn) {
          const end = cacher().onChange((key, object, old) => fn(key, object as T | undefined, old as T | undefined))
          void cacher().ready()
          return end
        },
      }
    },
  }
}
