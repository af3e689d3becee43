/** The static pods that a configuration asks for, as files of the machine. */
import { controlPlanePod, type ControlPlaneComponentName, hostPort } from '../../node/static-pods/control-plane.js'
import { etcdPod, type EtcdVersion } from '../../node/static-pods/etcd.js'
import { nativeImage } from '../../node/static-pods/images.js'
import { type ComponentExtras, type HostPath, manifestText, type StaticPod } from '../../node/static-pods/static-pod.js'
import type { ApiEndpoint, ClusterConfiguration, ControlPlaneComponent } from '../config/types.js'
import { clusterDefaults } from '../config/defaults.js'
import type { NodeFiles } from '../machine/node-files.js'

export const manifestDirectory = '/etc/kubernetes/manifests'

const etcdPorts = { client: 2379, peer: 2380, metrics: 2381 }

/** Where machines keep the certificate authorities that they trust; each is mounted where it exists (kubeadm's list). */
const hostAuthorities: readonly HostPath[] = [
  ['ca-certs', '/etc/ssl/certs', 'DirectoryOrCreate'],
  ['etc-ca-certificates', '/etc/ca-certificates', 'DirectoryOrCreate'],
  ['etc-pki-ca-trust', '/etc/pki/ca-trust', 'DirectoryOrCreate'],
  ['etc-pki-tls-certs', '/etc/pki/tls/certs', 'DirectoryOrCreate'],
  ['usr-local-share-ca-certificates', '/usr/local/share/ca-certificates', 'DirectoryOrCreate'],
  ['usr-share-ca-certificates', '/usr/share/ca-certificates', 'DirectoryOrCreate'],
]

export interface ManifestOwner {
  readonly cluster: ClusterConfiguration
  readonly nodeName: string
  readonly endpoint: ApiEndpoint
}

export function componentPod(name: ControlPlaneComponentName, { cluster, endpoint }: ManifestOwner, files: NodeFiles): StaticPod {
  const { networking, certificatesDir, clusterName } = cluster
  return controlPlanePod(name, {
    ...{ advertiseAddress: endpoint.advertiseAddress, apiServerPort: endpoint.bindPort, certificatesDir, clusterName },
    etcd: etcdAccess(cluster),
    ...{ serviceSubnet: networking.serviceSubnet, dnsDomain: networking.dnsDomain },
    ...(networking.podSubnet ? { podSubnet: networking.podSubnet } : {}),
    image: (component) => imageOf(cluster, component),
    hostAuthorities: hostAuthorities.filter(([, path]) => path === '/etc/ssl/certs' || files.exists(path)),
    extras: {
      'kube-apiserver': extrasOf(cluster.apiServer),
      'kube-controller-manager': extrasOf(cluster.controllerManager),
      'kube-scheduler': extrasOf(cluster.scheduler),
    },
  })
}

export interface EtcdMember {
  readonly name: string
  readonly peerUrl: string
}

/** `others`: the members of a cluster that this one joins. */
export function memberPod(
  { cluster, nodeName, endpoint }: ManifestOwner,
  version: EtcdVersion,
  others: readonly EtcdMember[] = [],
): StaticPod {
  const { advertiseAddress } = endpoint
  const peerUrl = peerUrlOf(endpoint)
  const loopback = advertiseAddress.includes(':') ? '::1' : '127.0.0.1'
  const { local } = cluster.etcd
  return etcdPod({
    ...{ name: nodeName, clientUrl: url(advertiseAddress, etcdPorts.client), peerUrl, metricsPort: etcdPorts.metrics },
    localClientUrls: [url(loopback, etcdPorts.client)],
    initialCluster: [...others, { name: nodeName, peerUrl }],
    ...(others.length > 0 ? { initialClusterState: 'existing' as const } : {}),
    ...{ pki: `${cluster.certificatesDir}/etcd`, dataDir: local?.dataDir ?? '/var/lib/etcd', version },
    extra: extrasOf(local ?? {}),
  })
}

/** Where the other members reach the one of this endpoint's machine. */
export function peerUrlOf({ advertiseAddress }: ApiEndpoint): string {
  return url(advertiseAddress, etcdPorts.peer)
}

function url(host: string, port: number): string {
  return `https://${hostPort(host, port)}`
}

export function writePod(files: NodeFiles, pod: StaticPod): void {
  files.write(`${manifestDirectory}/${pod.metadata.name}.yaml`, manifestText(pod))
}

function etcdAccess({ etcd, certificatesDir: pki }: ClusterConfiguration) {
  if (etcd.external) {
    const { endpoints, caFile, certFile, keyFile } = etcd.external
    return { servers: endpoints, ...(caFile || certFile ? { tls: { caFile, certFile, keyFile } } : {}) }
  }
  const client = `${pki}/apiserver-etcd-client`
  return {
    servers: [`https://127.0.0.1:${etcdPorts.client}`],
    tls: { caFile: `${pki}/etcd/ca.crt`, certFile: `${client}.crt`, keyFile: `${client}.key` },
  }
}

/** Components of this package run without an image; who names a registry of his own wants what is there. */
function imageOf({ imageRepository, kubernetesVersion }: ClusterConfiguration, component: string): string {
  if (imageRepository === clusterDefaults.imageRepository) return nativeImage(component)
  return `${imageRepository}/${component}:${kubernetesVersion.startsWith('v') ? '' : 'v'}${kubernetesVersion}`
}

function extrasOf({ extraArgs, extraVolumes, extraEnvs }: ControlPlaneComponent): ComponentExtras {
  return {
    ...(extraArgs ? { args: extraArgs } : {}),
    ...(extraVolumes ? { volumes: extraVolumes } : {}),
    ...(extraEnvs ? { env: extraEnvs } : {}),
  }
}
