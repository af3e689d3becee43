/** What every phase of `join` works with. */
import type { Clock } from '../../../base/clock.js'
import type { Client } from '../../../client/client.js'
import type { EtcdVersion } from '../../../node/static-pods/etcd.js'
import type { ClusterConfiguration, JoinConfiguration } from '../../config/types.js'
import type { FoundCluster } from '../../discovery/discovery.js'
import type { NodeFiles } from '../../machine/node-files.js'
import type { KubeletService } from '../../service/kubelet-service.js'

export interface JoinContext {
  readonly join: JoinConfiguration
  readonly files: NodeFiles
  readonly clock: Clock
  readonly hostname: string
  readonly service: KubeletService
  readonly ignoredErrors: readonly string[]
  /** Looks for the cluster once. */
  cluster(): Promise<FoundCluster>
  /** What the cluster was made with; read once. */
  configuration(): Promise<ClusterConfiguration>
  /** With the token that this machine joins with. */
  client(): Promise<Client>
  /** As an administrator: once this machine has an admin.conf of its own. */
  admin(): Promise<Client>
  etcdVersion(): EtcdVersion
  say(line: string): void
}
