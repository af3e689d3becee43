/** A kubelet's configuration: the file of --config (KubeletConfiguration), over which flags win, as upstream has it. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { parseDurationMs } from '../../base/duration.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { Taint } from '../../api/types/core-v1.js'
import { FlagError, type Flags } from '../flags/flags.js'
import type { HostedDeps } from './component.js'

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
  /** The document as it was read, for /configz. */
  readonly document: Readonly<Record<string, unknown>>
}

type Document = Readonly<Record<string, unknown>>

/** Fields that do something. */
const implemented = new Set([
  ...['apiVersion', 'kind', 'address', 'port', 'healthzBindAddress', 'healthzPort', 'staticPodPath', 'fileCheckFrequency'],
  ...['tlsCertFile', 'tlsPrivateKeyFile', 'authentication', 'authorization', 'maxPods', 'registerNode', 'registerWithTaints', 'providerID'],
])
/** Fields of kubeadm's documents that ask for nothing that a node without containers of its own could do differently. */
const harmless = new Set([
  ...[
    'cgroupDriver',
    'clusterDNS',
    'clusterDomain',
    'containerRuntimeEndpoint',
    'rotateCertificates',
    'logging',
    'memorySwap',
    'crashLoopBackOff',
  ],
])

export function readKubeletConfig(flags: Flags, { resolvePath, logger }: HostedDeps): KubeletConfig {
  const file = flags.string('config')
  const document = file === '' ? {} : readDocument(resolvePath(file))
  const ignored = Object.entries(document).filter(([field, value]) => !implemented.has(field) && !harmless.has(field) && !isZero(value))
  if (ignored.length > 0)
    logger.warn('Fields of the configuration are not implemented', { fields: ignored.map(([field]) => field).join(',') })
  return configOf(flags, document)
}

function configOf(flags: Flags, document: Document): KubeletConfig {
  const at = (...path: string[]) => path.reduce<unknown>((value, key) => (value as Document | undefined)?.[key], document)
  /** A flag that was given, the document's field, else the flag's default. */
  const text = (flag: string, ...path: string[]) => {
    const field = at(...path)
    return flags.has(flag) || field === undefined || field === '' ? flags.string(flag) : String(field)
  }
  const int = (flag: string, ...path: string[]) => Number(text(flag, ...path))
  const bool = (flag: string, ...path: string[]) => /^(true|1|t)$/i.test(text(flag, ...path))
  const ms = (flag: string, ...path: string[]) => {
    const value = text(flag, ...path)
    // Zero in a document means the default.
    return parseDurationMs(value) || flags.durationMs(flag)
  }
  const mode = text('authorization-mode', 'authorization', 'mode')
  if (mode !== 'AlwaysAllow' && mode !== 'Webhook') throw new FlagError(`authorization mode "${mode}" is not one of AlwaysAllow, Webhook`)
  return {
    address: text('address', 'address'),
    port: int('port', 'port'),
    healthzBindAddress: text('healthz-bind-address', 'healthzBindAddress'),
    healthzPort: int('healthz-port', 'healthzPort'),
    staticPodPath: text('pod-manifest-path', 'staticPodPath'),
    fileCheckMs: ms('file-check-frequency', 'fileCheckFrequency'),
    tlsCertFile: text('tls-cert-file', 'tlsCertFile'),
    tlsPrivateKeyFile: text('tls-private-key-file', 'tlsPrivateKeyFile'),
    clientCaFile: text('client-ca-file', 'authentication', 'x509', 'clientCAFile'),
    anonymous: bool('anonymous-auth', 'authentication', 'anonymous', 'enabled'),
    webhookAuthentication: bool('authentication-token-webhook', 'authentication', 'webhook', 'enabled'),
    authenticationTtlMs: ms('authentication-token-webhook-cache-ttl', 'authentication', 'webhook', 'cacheTTL'),
    authorizationMode: mode,
    allowedTtlMs: ms('authorization-webhook-cache-authorized-ttl', 'authorization', 'webhook', 'cacheAuthorizedTTL'),
    deniedTtlMs: ms('authorization-webhook-cache-unauthorized-ttl', 'authorization', 'webhook', 'cacheUnauthorizedTTL'),
    maxPods: int('max-pods', 'maxPods'),
    registerNode: bool('register-node', 'registerNode'),
    taints: flags.has('register-with-taints')
      ? flags.list('register-with-taints').map(taintOf)
      : ((at('registerWithTaints') as Taint[]) ?? []),
    providerId: text('provider-id', 'providerID'),
    document,
  }
}

function readDocument(file: string): Document {
  try {
    const document = parse(readFileSync(file, 'utf8'), { schema: 'core', uniqueKeys: true }) as Document
    if (document?.kind !== 'KubeletConfiguration' || document.apiVersion !== 'kubelet.config.k8s.io/v1beta1')
      throw new Error('no KubeletConfiguration of kubelet.config.k8s.io/v1beta1')
    return document
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--config: failed to load kubelet config file ${file}: ${messageOf(error)}`, { cause: error })
  }
}

function isZero(value: unknown): boolean {
  return value === '' || value === '0s' || value === 0 || value === false || value === null
}

const effects = new Set(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])

/** "key=value:Effect" or "key:Effect". */
export function taintOf(text: string): Taint {
  const colon = text.lastIndexOf(':')
  const [key = '', value] = text.slice(0, colon).split('=')
  const effect = text.slice(colon + 1)
  if (colon <= 0 || key === '' || !effects.has(effect)) throw new FlagError(`invalid taint spec: ${text}`)
  return { key, ...(value ? { value } : {}), effect: effect as Taint['effect'] }
}
