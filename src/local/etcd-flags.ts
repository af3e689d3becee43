/**
 * Real etcd: how a member is started, as kubeadm starts it. Flags that etcd has renamed or gained are chosen by the version that is
 * installed, from 3.4 on.
 */
import { QuorateError } from '../base/errors.js'
import { probes, type StaticPod, staticPod } from './manifests.js'
import type { Platform } from './platform.js'

export interface EtcdMemberOptions {
  readonly name: string
  readonly ports: { readonly client: number; readonly peer: number; readonly metrics: number }
  /** Every member with its peer port, this one among them. */
  readonly initialCluster: readonly { readonly name: string; readonly peer: number }[]
  /** Where the certificates and the data lie, as the member sees it. */
  readonly pki: string
  readonly dataDir: string
  readonly version: EtcdVersion
}

export interface EtcdVersion {
  readonly text: string
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Throws QuorateError with advice when there is no etcd that can be used. */
export function installedEtcd(platform: Platform, run: (program: string) => string): EtcdVersion {
  const program = platform.findProgram('etcd')
  if (program === undefined)
    throw new QuorateError('EtcdMissing', 'etcd is not installed: there is no program of that name on the PATH', {
      remedy: `${platform.etcdAdvice} Or leave out --etcd: the embedded store needs nothing.`,
    })
  let text: string
  try {
    text = run(program)
  } catch (error) {
    throw new QuorateError('EtcdUnusable', `${program} --version fails: ${(error as Error).message}`, { remedy: platform.etcdAdvice })
  }
  const match = /etcd Version: (\d+)\.(\d+)\.(\d+)/.exec(text)
  const [major = 0, minor = 0, patch = 0] = match?.slice(1).map(Number) ?? []
  if (major !== 3 || minor < 4)
    throw new QuorateError(
      'EtcdUnusable',
      `${program} is ${match ? `version ${major}.${minor}.${patch}` : 'of an unknown version'}, and 3.4 or later is needed`,
      {
        remedy: platform.etcdAdvice,
      },
    )
  return { text: `${major}.${minor}.${patch}`, major, minor, patch }
}

export function etcdFlags({ name, ports, initialCluster, pki, dataDir, version }: EtcdMemberOptions): Record<string, string> {
  const url = (port: number) => `https://127.0.0.1:${port}`
  return {
    'advertise-client-urls': url(ports.client),
    'cert-file': `${pki}/server.crt`,
    'client-cert-auth': 'true',
    'data-dir': dataDir,
    ...(version.minor >= 6 ? { 'feature-gates': 'InitialCorruptCheck=true' } : { 'experimental-initial-corrupt-check': 'true' }),
    'initial-advertise-peer-urls': url(ports.peer),
    'initial-cluster': initialCluster.map((member) => `${member.name}=${url(member.peer)}`).join(','),
    'key-file': `${pki}/server.key`,
    'listen-client-urls': url(ports.client),
    'listen-metrics-urls': `http://127.0.0.1:${ports.metrics}`,
    'listen-peer-urls': url(ports.peer),
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

/** The static pod of a member on a control plane. */
export function etcdManifest(options: EtcdMemberOptions): StaticPod {
  const { version, ports, pki, dataDir } = options
  const probe = (path: string) => ({ host: '127.0.0.1', path, port: 'probe-port', scheme: 'HTTP' })
  // The endpoints that kubeadm probes came with 3.4.29 and 3.5.11.
  const endpoints = version.minor > 5 || (version.minor === 5 && version.patch >= 11) || (version.minor === 4 && version.patch >= 29)
  const ready = probe(endpoints ? '/readyz' : '/health')
  const live = probe(endpoints ? '/livez' : '/health?serializable=true')
  return staticPod({
    name: 'etcd',
    image: 'etcd-host',
    version: version.text,
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': `https://127.0.0.1:${ports.client}` },
    flags: etcdFlags(options),
    probes: probes({ live, ready, startup: ready }),
    port: ports.metrics,
    requests: { cpu: '100m', memory: '100Mi' },
    volumes: [
      ['etcd-certs', pki, 'DirectoryOrCreate'],
      ['etcd-data', dataDir, 'DirectoryOrCreate'],
    ],
  })
}
