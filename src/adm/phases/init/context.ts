/** What every phase of `init` works with. */
import { CertificateDirectory } from '../../certs/directory.js'
import type { CertificateOwner } from '../../certs/specs.js'
import type { ClusterConfiguration, InitConfiguration } from '../../config/types.js'
import type { NodeFiles } from '../../machine/node-files.js'
import type { KubeconfigOwner } from '../../kubeconfigs/kubeconfigs.js'
import type { Clock } from '../../../base/clock.js'
import type { KubeletService } from '../../service/kubelet-service.js'
import type { Client } from '../../../client/client.js'
import type { EtcdVersion } from '../../../node/static-pods/etcd.js'

export interface InitContext {
  readonly init: InitConfiguration
  readonly cluster: ClusterConfiguration
  /** Documents of the configuration file beside kubeadm's own. */
  readonly kubelet?: Readonly<Record<string, unknown>>
  readonly kubeProxy?: Readonly<Record<string, unknown>>
  readonly files: NodeFiles
  readonly nowMs: number
  readonly clock: Clock
  /** Of the machine; the node may be called otherwise. */
  readonly hostname: string
  readonly service: KubeletService
  /** The etcd of this machine; throws QuorateError when there is none. */
  etcdVersion(): EtcdVersion
  /** As an administrator of the cluster. */
  client(): Promise<Client>
  /** --ignore-preflight-errors */
  readonly ignoredErrors: readonly string[]
  /** --upload-certs */
  readonly uploadCerts: boolean
  /** Set by upload-certs: what they are sealed with. */
  certificateKey?: string | undefined
  /** Set by bootstrap-token: what machines join with. */
  joinToken?: string | undefined
  /** A line of progress: "[certs] ...". */
  say(line: string): void
}

export function ownerOf({ cluster, init, nowMs }: InitContext): CertificateOwner & KubeconfigOwner {
  return { cluster, nodeName: init.nodeRegistration.name, endpoint: init.localAPIEndpoint, nowMs }
}

export function certificatesOf({ files, cluster, nowMs }: InitContext): CertificateDirectory {
  return new CertificateDirectory(files, cluster, nowMs)
}
