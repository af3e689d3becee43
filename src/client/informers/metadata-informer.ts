/**
 * An informer for whoever asks only which objects there are and what holds them: it watches metadata alone and keeps of it
 * name, uid, version, owners, finalizers and deletion. A tenth of what whole objects would take in memory, or less.
 */
import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { Random } from '../../base/random.js'
import type { Client, ListOptions, ListResult, WatchEvent, WatchOptions } from '../client.js'
import type { Informer } from '../informer.js'
import { Reflector } from './reflector.js'
import { SharedInformer } from './shared-informer.js'

export interface MetadataInformerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Aborting it ends the watch. */
  readonly signal: AbortSignal
}

/** Starts at once. */
export function metadataInformer(of: GroupVersionResource, options: MetadataInformerOptions): Informer<KubeObject> {
  const { client, ...rest } = options
  const informer = new SharedInformer<KubeObject>(options.logger)
  void new Reflector<KubeObject>({ ...rest, informer, selection: {}, resource: slimResource(client, of) }).run()
  return informer
}

function slimResource(client: Client, of: GroupVersionResource) {
  const resource = client.resource(of, { metadataOnly: true })
  return {
    of,
    async list(options?: ListOptions): Promise<ListResult<KubeObject>> {
      const page = await resource.list(options)
      return { ...page, items: page.items.map(slim) }
    },
    async *watchBatches(options: WatchOptions): AsyncIterable<readonly WatchEvent<KubeObject>[]> {
      for await (const batch of resource.watchBatches(options))
        yield batch.map((event) => (event.type === 'BOOKMARK' ? event : { type: event.type, object: slim(event.object) }))
    },
  }
}

function slim({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = metadata
  return {
    metadata: {
      ...{ name, uid, resourceVersion },
      ...(namespace ? { namespace } : {}),
      ...(ownerReferences?.length ? { ownerReferences } : {}),
      ...(finalizers?.length ? { finalizers } : {}),
      ...(deletionTimestamp ? { deletionTimestamp } : {}),
    },
  }
}
