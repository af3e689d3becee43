/**
 * The certificates of a control plane: their names as phases and `certs renew` know them, files below the certificates' directory,
 * who signs them, and what they say. As kubeadm makes them (kubeadm implementation details: certificates).
 */
import { parseCidr, formatIp, parseIp } from '../../api/ip.js'
import type { LeafOptions } from '../../pki/certificates.js'
import type { ApiEndpoint, ClusterConfiguration } from '../config/types.js'

/** For whom certificates are made. */
export interface CertificateOwner {
  readonly cluster: ClusterConfiguration
  readonly nodeName: string
  readonly endpoint: ApiEndpoint
}

export type AuthorityName = 'ca' | 'front-proxy-ca' | 'etcd-ca'

export interface AuthoritySpec {
  readonly name: AuthorityName
  /** File without its ending: "etcd/ca". */
  readonly file: string
  readonly commonName: string
  /** What it is for, as printed. */
  readonly purpose: string
}

export interface LeafSpec {
  readonly name: string
  readonly file: string
  readonly authority: AuthorityName
  readonly purpose: string
  leaf(owner: CertificateOwner): LeafOptions
}

export const authorities: readonly AuthoritySpec[] = [
  { name: 'ca', file: 'ca', commonName: 'kubernetes', purpose: 'the Kubernetes CA that signs all other Kubernetes components' },
  { name: 'front-proxy-ca', file: 'front-proxy-ca', commonName: 'front-proxy-ca', purpose: 'the CA of the front proxy' },
  { name: 'etcd-ca', file: 'etcd/ca', commonName: 'etcd-ca', purpose: 'the CA of etcd' },
]

export const leaves: readonly LeafSpec[] = [
  {
    ...{ name: 'apiserver', file: 'apiserver', authority: 'ca', purpose: 'serving the Kubernetes API' },
    leaf: (owner) => ({ commonName: 'kube-apiserver', usages: ['server'], ...apiServerNames(owner) }),
  },
  {
    ...{ name: 'apiserver-kubelet-client', file: 'apiserver-kubelet-client', authority: 'ca' },
    purpose: 'the API server to connect to kubelets',
    leaf: () => ({ commonName: 'kube-apiserver-kubelet-client', organizations: ['kubeadm:cluster-admins'], usages: ['client'] }),
  },
  {
    ...{ name: 'front-proxy-client', file: 'front-proxy-client', authority: 'front-proxy-ca', purpose: 'the front proxy client' },
    leaf: () => ({ commonName: 'front-proxy-client', usages: ['client'] }),
  },
  {
    ...{ name: 'etcd-server', file: 'etcd/server', authority: 'etcd-ca', purpose: 'serving etcd' },
    leaf: (owner) => member(owner, owner.cluster.etcd.local?.serverCertSANs),
  },
  {
    ...{ name: 'etcd-peer', file: 'etcd/peer', authority: 'etcd-ca', purpose: 'etcd nodes to communicate with each other' },
    leaf: (owner) => member(owner, owner.cluster.etcd.local?.peerCertSANs),
  },
  {
    ...{ name: 'etcd-healthcheck-client', file: 'etcd/healthcheck-client', authority: 'etcd-ca' },
    purpose: 'liveness probes to healthcheck etcd',
    leaf: () => ({ commonName: 'kube-etcd-healthcheck-client', usages: ['client'] }),
  },
  {
    ...{ name: 'apiserver-etcd-client', file: 'apiserver-etcd-client', authority: 'etcd-ca' },
    purpose: 'the API server to access etcd',
    leaf: () => ({ commonName: 'kube-apiserver-etcd-client', usages: ['client'] }),
  },
]

/** The first address of the Service range: the `kubernetes` Service. */
export function serviceAddress(serviceSubnet: string, index = 1n): string {
  const cidr = parseCidr(serviceSubnet.split(',')[0]?.trim() ?? '')
  if (!cidr) throw new TypeError(`${serviceSubnet} is no CIDR`)
  return formatIp({ family: cidr.family, value: cidr.first + index })
}

function apiServerNames({ cluster, nodeName, endpoint }: CertificateOwner): Pick<LeafOptions, 'dnsNames' | 'ipAddresses'> {
  const { serviceSubnet, dnsDomain } = cluster.networking
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${dnsDomain}`]
  const shared = cluster.controlPlaneEndpoint ? [hostOf(cluster.controlPlaneEndpoint)] : []
  return alternativeNames([
    ...[nodeName, ...service, serviceAddress(serviceSubnet), endpoint.advertiseAddress],
    ...[...shared, ...(cluster.apiServer.certSANs ?? [])],
  ])
}

function member({ nodeName, endpoint }: CertificateOwner, further: readonly string[] = []): LeafOptions {
  const names = [nodeName, 'localhost', endpoint.advertiseAddress, '127.0.0.1', '::1', ...further]
  return { commonName: nodeName, usages: ['server', 'client'], ...alternativeNames(names) }
}

function alternativeNames(names: readonly string[]): Pick<LeafOptions, 'dnsNames' | 'ipAddresses'> {
  const all = [...new Set(names)]
  return { dnsNames: all.filter((name) => !parseIp(name)), ipAddresses: all.filter((name) => parseIp(name)) }
}

/** Of HOST, HOST:PORT or [HOST]:PORT. */
export function hostOf(hostPort: string): string {
  if (parseIp(hostPort)) return hostPort
  return hostPort.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
}
