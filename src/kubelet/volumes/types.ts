import type { Client } from '../../client/client.js'
import type { Clock } from '../../base/clock.js'
import { configMapVolume } from './config-map/config-map.js'
import { downwardApiVolume, type NodeFacts } from './downward-api/downward-api.js'
import { emptyDirVolume } from './empty-dir/empty-dir.js'
import { hostPathVolume } from './host-path/host-path.js'
import { localVolume } from './local/local.js'
import type { Mounter } from './mounter.js'
import { nfsVolume } from './nfs/nfs.js'
import type { ObjectWatch } from './objects/object-watch.js'
import { projectedVolume } from './projected/projected.js'
import { secretVolume } from './secret/secret.js'
import type { TokenManager } from './tokens/token-manager.js'
import type { VolumeType } from './volume-type.js'

export interface VolumeTypesOptions {
  readonly client: Client
  readonly clock: Clock
  /** Absent: this process may not mount. */
  readonly mounter?: Mounter
  readonly objects: ObjectWatch
  readonly tokens: TokenManager
  readonly node: NodeFacts
  /** Maps a path of the API to the one on this machine. */
  readonly resolve: (path: string) => string
}

/** Every type of volume that is built in, the ones with a source of their own before the one without (emptyDir). */
export function builtInTypes({ client, clock, mounter, objects, tokens, node, resolve }: VolumeTypesOptions): VolumeType[] {
  const host = { clock, ...(mounter ? { mounter } : {}) }
  return [
    configMapVolume(host, (namespace, name) => objects.configMap(namespace, name)),
    secretVolume(host, (namespace, name) => objects.secret(namespace, name)),
    downwardApiVolume(host, node),
    projectedVolume(host, { objects, tokens, node, client }),
    hostPathVolume(resolve),
    localVolume({ resolve, ...(mounter ? { mounter } : {}) }),
    nfsVolume(mounter),
    emptyDirVolume({ allocatable: () => node.allocatable(), ...(mounter ? { mounter } : {}) }),
  ]
}
