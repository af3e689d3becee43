import type { GroupVersionResource, KubeObject } from '../api/object.js'
import { hasReason } from '../api/status.js'
import type { ServerAccess } from './access.js'

/**
 * An object by key for a decision that must not be wrong because the cacher lags: from the cacher when it is there (then
 * synchronously), else asked from the store. undefined: it does not exist.
 */
export function liveObject<T extends KubeObject>(
  access: ServerAccess,
  resource: GroupVersionResource,
): (namespace: string, name: string) => T | undefined | Promise<T | undefined> {
  const lister = access.lister<T>(resource)
  const client = access.client.resource<T>(resource)
  return (namespace, name) => {
    const cached = lister.get(namespace ? `${namespace}/${name}` : name)
    if (cached) return cached
    return client.get(namespace, name).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
  }
}
