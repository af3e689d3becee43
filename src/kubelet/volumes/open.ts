import type { Pod, Service } from '../../api/types/core-v1.js'
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { Random } from '../../base/random.js'
import type { Client } from '../../client/client.js'
import { informerFactory } from '../../client/informers/informers.js'
import { resources } from '../../client/resources.js'
import { type CsiVolumeOptions, csiVolume } from './csi/csi.js'
import type { NodeFacts } from './downward-api/downward-api.js'
import { type Mounter, systemMounter } from './mounter.js'
import { NodeVolumes } from './node-volumes.js'
import { ObjectWatch } from './objects/object-watch.js'
import { TokenManager } from './tokens/token-manager.js'
import { builtInTypes } from './types.js'
import type { VolumeType } from './volume-type.js'

export interface PodResourcesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** --root-dir, as a path of this machine. */
  readonly rootDir: string
  readonly clusterDomain: string
  readonly node: NodeFacts
  /** Default: mounting where this process is root. 'none': nothing is mounted, files lie on the disk. */
  readonly mounter?: Mounter | 'none'
  readonly resolve?: (path: string) => string
  /** Types beside those built in. */
  readonly types?: readonly VolumeType[]
  readonly recursiveReadOnly?: boolean
  /** CSI drivers of this node, where it has any. */
  readonly csi?: Pick<CsiVolumeOptions, 'nodeName' | 'driver' | 'isReported'>
  readonly onInUse?: () => void
  readonly onFault?: (pod: Pod, reason: string, message: string) => void
}

/** The pod resources of a Linux node, with the watches that they need of the API. */
export function openPodResources(options: PodResourcesOptions): NodeVolumes {
  const { client, clock, random, logger, node, resolve = (path) => path } = options
  const mounter = options.mounter === 'none' ? undefined : (options.mounter ?? (process.getuid?.() === 0 ? systemMounter() : undefined))
  const ending = new AbortController()
  const informers = informerFactory({ client, clock, logger, random, signal: ending.signal })
  const services = informers.informer<Service>(resources.services)
  informers.start()
  const objects = new ObjectWatch({ client, clock, random, logger, onChange: (uids) => volumes.objectsChanged(uids) })
  const tokens = new TokenManager({ client, clock, random })
  const withMounter = mounter ? { mounter } : {}
  const csi = options.csi ? [csiVolume({ client, tokens, rootDir: options.rootDir, ...options.csi })] : []
  const { recursiveReadOnly, onFault, onInUse } = options
  const volumes: NodeVolumes = new NodeVolumes({
    ...{ client, clock, logger, objects, tokens, node, rootDir: options.rootDir, clusterDomain: options.clusterDomain },
    types: [...(options.types ?? []), ...csi, ...builtInTypes({ client, clock, objects, tokens, node, resolve, ...withMounter })],
    services: {
      get synced() {
        return services.synced
      },
      get: (key) => services.lister.get(key),
      list: (namespace) => services.lister.list(namespace),
    },
    ...withMounter,
    ...(recursiveReadOnly === undefined ? {} : { recursiveReadOnly }),
    ...(onFault ? { onFault } : {}),
    ...(onInUse ? { onInUse } : {}),
    onStop: () => ending.abort(new Error('the kubelet has been stopped')),
  })
  return volumes
}
