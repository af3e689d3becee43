import type { GroupVersionResource, KubeObject } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { NamespaceLabels } from '../cache/pod-term.js'
import type { Client } from '../../client/client.js'
import type { Informer } from '../../client/informer.js'

/** What plugins see beside the snapshot. */
export interface PluginDeps {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly namespaceLabels: NamespaceLabels
  informer<T extends KubeObject>(resource: GroupVersionResource): Informer<T>
}
