/**
 * The certificates of a cluster, laid out as kubeadm lays them out: three authorities, a key for service-account tokens, and for
 * every control plane its leaves. Everything is a value here; who writes the files decides where they lie and with which mode.
 * Unlike kubeadm's, keys are ECDSA P-256 (a twentieth of the time of RSA 2048 to make, the same strength or more).
 */
import { createAuthority, createLeaf, createSigningKey, type KeyPair, type LeafOptions } from './certificates.js'

export interface ClusterPki {
  /** Signs the API server, its clients and the kubelets: `ca.crt`. */
  readonly ca: KeyPair
  /** Signs the API server as a proxy in front of aggregated API servers: `front-proxy-ca.crt`. */
  readonly frontProxyCa: KeyPair
  /** Signs etcd, its peers and its clients: `etcd/ca.crt`. */
  readonly etcdCa: KeyPair
  /** `sa.key` and `sa.pub`. */
  readonly serviceAccount: { readonly key: string; readonly publicKey: string }
}

/** A control plane, as far as its certificates name it. */
export interface ControlPlaneNames {
  readonly nodeName: string
  /** Where its API server and its etcd member are reached. */
  readonly ipAddresses: readonly string[]
  /** Further names of the API server: the load balancer's. */
  readonly dnsNames?: readonly string[]
  /** First address of the Service range: the `kubernetes` Service. */
  readonly serviceIp: string
}

/** File below etc/kubernetes/pki → PEM. */
export type PkiFiles = Readonly<Record<string, string>>

export async function createClusterPki(nowMs: number): Promise<ClusterPki> {
  const [ca, frontProxyCa, etcdCa, serviceAccount] = await Promise.all([
    createAuthority('kubernetes', { nowMs }),
    createAuthority('front-proxy-ca', { nowMs }),
    createAuthority('etcd-ca', { nowMs }),
    createSigningKey(),
  ])
  return { ca, frontProxyCa, etcdCa, serviceAccount }
}

/** What every control plane holds alike. */
export function sharedFiles({ ca, frontProxyCa, etcdCa, serviceAccount }: ClusterPki): PkiFiles {
  return {
    ...pair('ca', ca),
    ...pair('front-proxy-ca', frontProxyCa),
    ...pair('etcd/ca', etcdCa),
    'sa.key': serviceAccount.key,
    'sa.pub': serviceAccount.publicKey,
  }
}

/** The leaves of one control plane's API server. */
export async function apiServerFiles(pki: ClusterPki, names: ControlPlaneNames, nowMs: number): Promise<PkiFiles> {
  const cluster = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
  return leaves(
    {
      apiserver: [
        pki.ca,
        {
          commonName: 'kube-apiserver',
          usages: ['server'],
          dnsNames: [...new Set([names.nodeName, ...cluster, 'localhost', ...(names.dnsNames ?? [])])],
          ipAddresses: [...new Set([names.serviceIp, ...names.ipAddresses])],
        },
      ],
      'apiserver-kubelet-client': [
        pki.ca,
        { commonName: 'kube-apiserver-kubelet-client', organizations: ['kubeadm:cluster-admins'], usages: ['client'] },
      ],
      'front-proxy-client': [pki.frontProxyCa, { commonName: 'front-proxy-client', usages: ['client'] }],
    },
    nowMs,
  )
}

/** The leaf by which an API server is etcd's client; also the one of a human's health check. */
export async function etcdClientFiles(pki: ClusterPki, nowMs: number): Promise<PkiFiles> {
  return leaves(
    {
      'apiserver-etcd-client': [pki.etcdCa, { commonName: 'kube-apiserver-etcd-client', usages: ['client'] }],
      'etcd/healthcheck-client': [pki.etcdCa, { commonName: 'kube-etcd-healthcheck-client', usages: ['client'] }],
    },
    nowMs,
  )
}

/** The leaves of one etcd member. */
export async function etcdMemberFiles(
  pki: ClusterPki,
  { nodeName, ipAddresses }: Pick<ControlPlaneNames, 'nodeName' | 'ipAddresses'>,
  nowMs: number,
): Promise<PkiFiles> {
  const member: LeafOptions = {
    commonName: nodeName,
    usages: ['server', 'client'],
    dnsNames: [nodeName, 'localhost'],
    ipAddresses: [...new Set([...ipAddresses, '127.0.0.1', '::1'])],
  }
  return leaves({ 'etcd/server': [pki.etcdCa, member], 'etcd/peer': [pki.etcdCa, member] }, nowMs)
}

async function leaves(wanted: Readonly<Record<string, readonly [KeyPair, LeafOptions]>>, nowMs: number): Promise<PkiFiles> {
  const made = await Promise.all(
    Object.entries(wanted).map(async ([name, [authority, options]]) => pair(name, await createLeaf(authority, { ...options, nowMs }))),
  )
  return Object.assign({}, ...made) as PkiFiles
}

function pair(name: string, { cert, key }: KeyPair): PkiFiles {
  return { [`${name}.crt`]: cert, [`${name}.key`]: key }
}
