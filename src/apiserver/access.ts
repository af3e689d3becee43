import type { GroupVersionResource, KubeObject } from '../api/object.js'
import type { Lister } from '../client/informer.js'
import type { Client } from '../client/client.js'

/**
 * What parts inside the API server (authorizers, admission plugins, allocators, bootstrap) use to see the cluster:
 * the server's own cachers for reads, its own registry for writes. No network, no authorization (system:apiserver).
 */
export interface ServerAccess {
  /** Live view of a resource from the server's own cacher; reading before `synced()` sees less. Objects are shared: never change one. */
  lister<T extends KubeObject>(resource: GroupVersionResource): ServerLister<T>
  /** Loopback client as user system:apiserver (group system:masters). */
  readonly client: Client
}

export interface ServerLister<T extends KubeObject> extends Lister<T> {
  synced(): Promise<void>
  /** Called after each change with the object (undefined when deleted) and what it replaced. Returns a function that ends it. */
  onChange(fn: (key: string, object: T | undefined, old: T | undefined) => void): () => void
}
