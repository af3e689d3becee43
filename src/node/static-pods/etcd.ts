/**
 * The static pod of an etcd member, as kubeadm makes it, and its flags. Flags that etcd has renamed or gained are chosen by the
 * version that is installed, from 3.4 on.
 */
import { QuorateError } from '../../base/errors.js'
import { type ComponentExtras, probes, type StaticPod, staticPod } from './static-pod.js'

export interface EtcdMemberOptions {
  readonly name: string
  readonly clientUrl: string
  readonly peerUrl: string
  /** Further URLs that clients of this machine use. */
  readonly localClientUrls?: readonly string[]
  readonly metricsPort: number
  /** Every member with its peer URL, this one among them. */
  readonly initialCluster: readonly { readonly name: string; readonly peerUrl: string }[]
  /** `existing`: it joins a cluster that runs. Left out: the flag is too, and the cluster is new. */
  readonly initialClusterState?: 'new' | 'existing'
  /** Where the certificates and the data lie, as the member sees it. */
  readonly pki: string
  readonly dataDir: string
  readonly version: EtcdVersion
  readonly extra?: ComponentExtras
}

export interface EtcdVersion {
  readonly text: string
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Throws QuorateError EtcdUnusable with this advice when the output of `etcd --version` names none that can be used. */
export function etcdVersionOf(output: string, program: string, advice: string): EtcdVersion {
  const match = /etcd Version: (\d+)\.(\d+)\.(\d+)/.exec(output)
  const [major = 0, minor = 0, patch = 0] = match?.slice(1).map(Number) ?? []
  if (major === 3 && minor >= 4) return { text: `${major}.${minor}.${patch}`, major, minor, patch }
  const found = match ? `version ${major}.${minor}.${patch}` : 'of an unknown version'
  throw new QuorateError('EtcdUnusable', `${program} is ${found}, and 3.4 or later is needed`, { remedy: advice })
}

export function etcdFlags(options: EtcdMemberOptions): Record<string, string> {
  const { name, clientUrl, peerUrl, localClientUrls = [], initialCluster, pki, dataDir, version, initialClusterState } = options
  return {
    'advertise-client-urls': clientUrl,
    'cert-file': `${pki}/server.crt`,
    'client-cert-auth': 'true',
    'data-dir': dataDir,
    ...(version.minor >= 6 ? { 'feature-gates': 'InitialCorruptCheck=true' } : { 'experimental-initial-corrupt-check': 'true' }),
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': initialCluster.map((member) => `${member.name}=${member.peerUrl}`).join(','),
    ...(initialClusterState ? { 'initial-cluster-state': initialClusterState } : {}),
    'key-file': `${pki}/server.key`,
    'listen-client-urls': [...localClientUrls, clientUrl].join(','),
    'listen-metrics-urls': `http://127.0.0.1:${options.metricsPort}`,
    'listen-peer-urls': peerUrl,
    ...(version.minor === 4 ? { logger: 'zap' } : {}),
    name,
    'peer-cert-file': `${pki}/peer.crt`,
    'peer-client-cert-auth': 'true',
    'peer-key-file': `${pki}/peer.key`,
    'peer-trusted-ca-file': `${pki}/ca.crt`,
    'snapshot-count': '10000',
    'trusted-ca-file': `${pki}/ca.crt`,
    ...(version.minor >= 6 ? { 'watch-progress-notify-interval': '5s' } : {}),
  }
}

export function etcdPod(options: EtcdMemberOptions): StaticPod {
  const { version, metricsPort, pki, dataDir, clientUrl, extra = {} } = options
  const probe = (path: string) => ({ host: '127.0.0.1', path, port: 'probe-port', scheme: 'HTTP' })
  // The endpoints that kubeadm probes came with 3.4.29 and 3.5.11.
  const endpoints = version.minor > 5 || (version.minor === 5 && version.patch >= 11) || (version.minor === 4 && version.patch >= 29)
  const ready = probe(endpoints ? '/readyz' : '/health')
  const live = probe(endpoints ? '/livez' : '/health?serializable=true')
  return staticPod({
    name: 'etcd',
    image: `quorate/etcd-host:${version.text}`,
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': clientUrl },
    flags: etcdFlags(options),
    extra,
    probes: probes({ live, ready, startup: ready }),
    port: metricsPort,
    requests: { cpu: '100m', memory: '100Mi' },
    volumes: [
      ['etcd-certs', pki, 'DirectoryOrCreate'],
      ['etcd-data', dataDir, 'DirectoryOrCreate'],
    ],
  })
}
