/** What a configuration that leaves something out means: kubeadm's own defaults, and what the machine itself says. */
import { isRecord } from '../../base/record.js'
import { kubernetesVersion } from '../../node/version.js'
import type { ClusterConfiguration, InitConfiguration, JoinConfiguration, NodeRegistration, ResetConfiguration, Timeouts } from './types.js'

/** What of a machine its configuration takes when it does not say. */
export interface MachineFacts {
  readonly hostname: string
  /** Address of the interface with the default route. */
  readonly address: string
}

export const defaultCriSocket = 'unix:///var/run/containerd/containerd.sock'
export const defaultBindPort = 6443
export const nodeTokenGroup = 'system:bootstrappers:kubeadm:default-node-token'
export const defaultTokenTtl = '24h0m0s'
export const tokenUsages = ['signing', 'authentication'] as const

type Given = Readonly<Record<string, unknown>> | undefined

const timeoutDefaults: Timeouts = {
  controlPlaneComponentHealthCheck: '4m0s',
  discovery: '5m0s',
  etcdAPICall: '2m0s',
  kubeletHealthCheck: '4m0s',
  kubernetesAPICall: '1m0s',
  tlsBootstrap: '5m0s',
  upgradeManifests: '5m0s',
}

export const clusterDefaults = {
  apiServer: {},
  caCertificateValidityPeriod: '87600h0m0s',
  certificateValidityPeriod: '8760h0m0s',
  certificatesDir: '/etc/kubernetes/pki',
  clusterName: 'kubernetes',
  controllerManager: {},
  dns: {},
  encryptionAlgorithm: 'RSA-2048',
  imageRepository: 'registry.k8s.io',
  kubernetesVersion,
  proxy: {},
  scheduler: {},
} as const

export function defaultCluster(given: Given): ClusterConfiguration {
  const { etcd, networking, ...rest } = present(given)
  return {
    ...clusterDefaults,
    ...rest,
    etcd:
      isRecord(etcd) && isRecord(etcd.external)
        ? { external: etcd.external }
        : { local: { dataDir: '/var/lib/etcd', ...memberOf(etcd, 'local') } },
    networking: { dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12', ...present(networking) },
  } as unknown as ClusterConfiguration
}

export function defaultInit(given: Given, facts: MachineFacts): InitConfiguration {
  const { nodeRegistration, localAPIEndpoint, timeouts, bootstrapTokens, ...rest } = present(given)
  const tokens = Array.isArray(bootstrapTokens) ? bootstrapTokens : [{}]
  return {
    ...rest,
    bootstrapTokens: tokens.map((token) => ({
      ...(isRecord(token) && token.expires ? {} : { ttl: defaultTokenTtl }),
      groups: [nodeTokenGroup],
      usages: [...tokenUsages],
      ...present(token),
    })),
    localAPIEndpoint: defaultEndpoint(localAPIEndpoint, facts),
    nodeRegistration: defaultRegistration(nodeRegistration, facts),
    timeouts: { ...timeoutDefaults, ...present(timeouts) },
  } as unknown as InitConfiguration
}

export function defaultJoin(given: Given, facts: MachineFacts): JoinConfiguration {
  const { nodeRegistration, timeouts, controlPlane, discovery, ...rest } = present(given)
  const found = present(discovery)
  const tlsBootstrapToken = found.tlsBootstrapToken ?? memberOf(found, 'bootstrapToken').token
  return {
    caCertPath: '/etc/kubernetes/pki/ca.crt',
    ...rest,
    discovery: { ...found, ...(tlsBootstrapToken ? { tlsBootstrapToken } : {}) },
    ...(isRecord(controlPlane)
      ? { controlPlane: { ...controlPlane, localAPIEndpoint: defaultEndpoint(controlPlane.localAPIEndpoint, facts) } }
      : {}),
    nodeRegistration: defaultRegistration(nodeRegistration, facts),
    timeouts: { ...timeoutDefaults, ...present(timeouts) },
  } as unknown as JoinConfiguration
}

export function defaultReset(given: Given): ResetConfiguration {
  const { timeouts, ...rest } = present(given)
  return {
    certificatesDir: clusterDefaults.certificatesDir,
    criSocket: defaultCriSocket,
    ...rest,
    timeouts: { ...timeoutDefaults, ...present(timeouts) },
  } as unknown as ResetConfiguration
}

function defaultEndpoint(given: unknown, { address }: MachineFacts): Record<string, unknown> {
  return { advertiseAddress: address, bindPort: defaultBindPort, ...present(given) }
}

function defaultRegistration(given: unknown, { hostname }: MachineFacts): NodeRegistration {
  return {
    criSocket: defaultCriSocket,
    imagePullPolicy: 'IfNotPresent',
    imagePullSerial: true,
    name: hostname.toLowerCase(),
    ...present(given),
  } as NodeRegistration
}

/** Without what is not set: null and '' mean the default, as in Go. */
function present(given: unknown): Record<string, unknown> {
  if (!isRecord(given)) return {}
  return Object.fromEntries(
    Object.entries(given).filter(
      ([name, value]) => name !== 'apiVersion' && name !== 'kind' && value !== null && value !== undefined && value !== '',
    ),
  )
}

function memberOf(given: unknown, member: string): Record<string, unknown> {
  return isRecord(given) ? present(given[member]) : {}
}
