/** A kubelet's configuration: the file of --config (KubeletConfiguration), over which flags win, as upstream has it. */
import { type Flags } from '../flags/flags.js'
import definitions from '../flags/data/kubelet.json' with { type: 'json' }
import type { FlagDefinition } from '../flags/flags.js'
import type { Taint } from '../../api/types/core-v1.js'
import type { HostedDeps } from './component.js'
import { readKubeletConfiguration } from './kubelet-configuration/kubelet-configuration.js'
import type { KubeletConfiguration } from './kubelet-configuration/kubelet-fields.js'

export interface KubeletConfig {
  readonly address: string
  readonly port: number
  readonly healthzBindAddress: string
  readonly healthzPort: number
  readonly staticPodPath: string
  readonly fileCheckMs: number
  readonly tlsCertFile: string
  readonly tlsPrivateKeyFile: string
  readonly clientCaFile: string
  readonly anonymous: boolean
  readonly webhookAuthentication: boolean
  readonly authenticationTtlMs: number
  readonly authorizationMode: 'AlwaysAllow' | 'Webhook'
  readonly allowedTtlMs: number
  readonly deniedTtlMs: number
  readonly maxPods: number
  readonly registerNode: boolean
  readonly taints: readonly Taint[]
  readonly providerId: string
  /** The container runtime that was named; undefined: none was, and the node has no containers of its own. */
  readonly runtimeEndpoint: string | undefined
  /** All of it, by upstream's field names; durations in milliseconds. */
  readonly configuration: KubeletConfiguration
  /** The document with every default, for /configz. */
  readonly document: Readonly<Record<string, unknown>>
}

/** Fields that do something, or ask for what there is anyhow. */
const implemented = new Set([
  ...['address', 'port', 'healthzBindAddress', 'healthzPort', 'staticPodPath', 'fileCheckFrequency', 'tlsCertFile', 'tlsPrivateKeyFile'],
  ...['authentication', 'authorization', 'maxPods', 'registerNode', 'registerWithTaints', 'providerID'],
  ...['cgroupDriver', 'clusterDNS', 'clusterDomain', 'containerRuntimeEndpoint', 'rotateCertificates', 'logging', 'memorySwap'],
  ...[
    'crashLoopBackOff',
    'runtimeRequestTimeout',
    'imageServiceEndpoint',
    'cgroupRoot',
    'cgroupsPerQOS',
    'cpuCFSQuota',
    'cpuCFSQuotaPeriod',
  ],
  ...['podPidsLimit', 'podLogsDir', 'resolvConf', 'seccompDefault', 'containerLogMaxSize', 'containerLogMaxFiles', 'serializeImagePulls'],
  ...['kubeReserved', 'systemReserved', 'evictionHard', 'podsPerCore', 'enforceNodeAllocatable', 'evictionSoft', 'evictionSoftGracePeriod'],
  ...['evictionMinimumReclaim', 'evictionPressureTransitionPeriod', 'evictionMaxPodGracePeriod', 'mergeDefaultEvictionSettings'],
  ...['imageGCHighThresholdPercent', 'imageGCLowThresholdPercent', 'imageMinimumGCAge', 'imageMaximumGCAge'],
])

export function readKubeletConfig(flags: Flags, { resolvePath, logger }: HostedDeps): KubeletConfig {
  const read = readKubeletConfiguration({ flags, definitions: definitions as readonly FlagDefinition[], resolvePath })
  const { configuration, document } = read
  const ignored = read.given.filter((field) => !implemented.has(field) && !isZero(document[field]))
  if (ignored.length > 0) logger.warn('Fields of the configuration are not implemented', { fields: ignored.join(',') })
  const { authentication, authorization } = configuration
  return {
    address: configuration.address,
    port: flags.has('port') ? flags.int('port') : configuration.port,
    healthzBindAddress: configuration.healthzBindAddress,
    healthzPort: configuration.healthzPort,
    staticPodPath: configuration.staticPodPath,
    fileCheckMs: configuration.fileCheckFrequency,
    tlsCertFile: configuration.tlsCertFile,
    tlsPrivateKeyFile: configuration.tlsPrivateKeyFile,
    clientCaFile: authentication.x509.clientCAFile,
    anonymous: authentication.anonymous.enabled,
    webhookAuthentication: authentication.webhook.enabled,
    authenticationTtlMs: authentication.webhook.cacheTTL,
    authorizationMode: authorization.mode === 'Webhook' ? 'Webhook' : 'AlwaysAllow',
    allowedTtlMs: authorization.webhook.cacheAuthorizedTTL,
    deniedTtlMs: authorization.webhook.cacheUnauthorizedTTL,
    maxPods: configuration.maxPods,
    registerNode: configuration.registerNode,
    taints: configuration.registerWithTaints,
    providerId: configuration.providerID,
    runtimeEndpoint:
      flags.has('container-runtime-endpoint') || read.given.includes('containerRuntimeEndpoint')
        ? configuration.containerRuntimeEndpoint
        : undefined,
    ...{ configuration, document },
  }
}

function isZero(value: unknown): boolean {
  return value === '' || value === '0s' || value === 0 || value === false || value === null
}
