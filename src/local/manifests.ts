/**
 * The static pods of a control plane of this machine: kubeadm's, with what this machine makes different: ports that several nodes can
 * share one address with, the store's address, and native images.
 */
import { nativeImage } from '../node/static-pods/images.js'
import { controlPlaneComponents, controlPlanePod, type ControlPlaneOptions } from '../node/static-pods/control-plane.js'
import { manifestText } from '../node/static-pods/static-pod.js'
import type { ControlPlane } from './cluster-state.js'

export interface ManifestOptions {
  readonly controlPlane: ControlPlane
  /** --etcd-servers */
  readonly etcdServers: readonly string[]
}

/** Service and pod networks: kubeadm's default and the usual choice beside it. */
export const serviceSubnet = '10.96.0.0/12'
export const serviceIp = '10.96.0.1'
export const podSubnet = '10.128.0.0/9'

const pki = '/etc/kubernetes/pki'

/** File below etc/kubernetes/manifests → its text. */
export function controlPlaneManifests({ controlPlane: { address, ports }, etcdServers }: ManifestOptions): Record<string, string> {
  const secure = etcdServers.some((server) => server.startsWith('https:'))
  const etcdClient = `${pki}/apiserver-etcd-client`
  const options: ControlPlaneOptions = {
    ...{ advertiseAddress: address, bindAddress: '127.0.0.1', apiServerPort: ports.apiServer },
    ...{ controllerManagerPort: ports.controllerManager, schedulerPort: ports.scheduler },
    etcd: {
      servers: etcdServers,
      ...(secure ? { tls: { caFile: `${pki}/etcd/ca.crt`, certFile: `${etcdClient}.crt`, keyFile: `${etcdClient}.key` } } : {}),
    },
    ...{ serviceSubnet, podSubnet, certificatesDir: pki, clusterName: 'kubernetes', dnsDomain: 'cluster.local', image: nativeImage },
  }
  return Object.fromEntries(controlPlaneComponents.map((name) => [`${name}.yaml`, manifestText(controlPlanePod(name, options))]))
}
