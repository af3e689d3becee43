/**
 * A kube-proxy's configuration: the file of --config (KubeProxyConfiguration, kubeproxy.config.k8s.io/v1alpha1) or, without one, the
 * flags. As upstream has it, a file takes the place of all flags except --hostname-override.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { parseCidr, parseIp } from '../../api/ip.js'
import { parseDurationMs } from '../../base/duration.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { DetectLocal, RuleConfig } from '../../proxy/node-view.js'
import { FlagError, type Flags } from '../flags/flags.js'
import type { HostedDeps } from './component.js'

export interface ConntrackConfig {
  /** 0: left as it is. */
  readonly maxPerCore: number
  readonly min: number
  readonly tcpEstablishedMs: number
  readonly tcpCloseWaitMs: number
  readonly tcpBeLiberal: boolean
  readonly udpMs: number
  readonly udpStreamMs: number
}

export interface KubeProxyConfig {
  readonly kubeconfig: string
  readonly hostnameOverride: string
  /** HOST:PORT; '' for none. */
  readonly healthzBindAddress: string
  readonly metricsBindAddress: string
  readonly bindAddressHardFail: boolean
  readonly minSyncMs: number
  readonly syncMs: number
  readonly rules: RuleConfig
  readonly conntrack: ConntrackConfig
  /** The document with its defaults, for /configz and --write-config-to. */
  readonly document: Readonly<Record<string, unknown>>
}

type Document = Readonly<Record<string, unknown>>

const apiVersion = 'kubeproxy.config.k8s.io/v1alpha1'

/**
 * Fields that do something, by path. Those of other proxy modes and platforms are accepted and do nothing here, as they do nothing
 * in upstream's mode nftables.
 */
const fields = new Set([
  ...['apiVersion', 'kind', 'hostnameOverride', 'healthzBindAddress', 'metricsBindAddress', 'bindAddress', 'bindAddressHardFail'],
  ...['clientConnection', 'clusterCIDR', 'detectLocalMode', 'detectLocal', 'mode', 'nftables', 'nodePortAddresses', 'conntrack'],
  ...['configSyncPeriod', 'enableProfiling', 'featureGates', 'iptables', 'ipvs', 'logging', 'oomScoreAdj', 'portRange'],
  ...['showHiddenMetricsForVersion', 'winkernel', 'windowsRunAsService'],
])

/** Upstream's defaults for the mode nftables. A zero value in a document means the default. */
const standard = {
  healthzBindAddress: '0.0.0.0:10256',
  metricsBindAddress: '127.0.0.1:10249',
  syncPeriod: '30s',
  minSyncPeriod: '1s',
  masqueradeBit: 14,
  maxPerCore: 32_768,
  min: 131_072,
  tcpEstablished: '24h0m0s',
  tcpCloseWait: '1h0m0s',
}

export function kubeProxyConfig(flags: Flags, deps: HostedDeps): KubeProxyConfig {
  const file = flags.string('config')
  const document = file === '' ? documentOfFlags(flags) : readDocument(file, deps)
  return configOf(document, flags)
}

function readDocument(file: string, { resolvePath, logger }: HostedDeps): Document {
  const fail = (what: string, cause?: unknown) => new QuorateError('BadConfig', `--config: ${file}: ${what}`, { cause })
  let document: Document | null
  try {
    document = parse(readFileSync(resolvePath(file), 'utf8'), { schema: 'core', uniqueKeys: true }) as Document | null
  } catch (error) {
    throw fail(messageOf(error), error)
  }
  if (document?.kind !== 'KubeProxyConfiguration' || document.apiVersion !== apiVersion)
    throw fail(`no KubeProxyConfiguration of ${apiVersion}`)
  const unknown = Object.keys(document).filter((field) => !fields.has(field))
  // Upstream decodes this version leniently: a field of a newer release must not stop a node's Services.
  if (unknown.length > 0) logger.warn('Unknown fields of the configuration', { fields: unknown.join(',') })
  return document
}

/** What the flags say, as the document that says the same. */
function documentOfFlags(flags: Flags): Document {
  const duration = (flag: string) => flags.string(flag) || '0s'
  return {
    ...{ apiVersion, kind: 'KubeProxyConfiguration' },
    bindAddress: flags.string('bind-address'),
    bindAddressHardFail: flags.bool('bind-address-hard-fail'),
    clientConnection: { kubeconfig: flags.string('kubeconfig') },
    clusterCIDR: flags.string('cluster-cidr'),
    healthzBindAddress: flags.string('healthz-bind-address'),
    metricsBindAddress: flags.string('metrics-bind-address'),
    mode: flags.string('proxy-mode'),
    detectLocalMode: flags.string('detect-local-mode'),
    detectLocal: { bridgeInterface: flags.string('pod-bridge-interface'), interfaceNamePrefix: flags.string('pod-interface-name-prefix') },
    nodePortAddresses: flags.list('nodeport-addresses'),
    // Upstream has one set of flags for what every mode knows; their names are the oldest mode's.
    nftables: {
      masqueradeAll: flags.bool('masquerade-all'),
      masqueradeBit: flags.int('iptables-masquerade-bit'),
      minSyncPeriod: duration('iptables-min-sync-period'),
      syncPeriod: duration('iptables-sync-period'),
    },
    conntrack: {
      maxPerCore: flags.int('conntrack-max-per-core'),
      min: flags.int('conntrack-min'),
      tcpEstablishedTimeout: duration('conntrack-tcp-timeout-established'),
      tcpCloseWaitTimeout: duration('conntrack-tcp-timeout-close-wait'),
      tcpBeLiberal: flags.bool('conntrack-tcp-be-liberal'),
      udpTimeout: duration('conntrack-udp-timeout'),
      udpStreamTimeout: duration('conntrack-udp-timeout-stream'),
    },
  }
}

function configOf(document: Document, flags: Flags): KubeProxyConfig {
  const at = (...path: string[]) => path.reduce<unknown>((value, key) => (value as Document | null | undefined)?.[key], document)
  const text = (path: string[], otherwise = '') => {
    const value = at(...path)
    return typeof value === 'string' && value !== '' ? value : otherwise
  }
  /** undefined and null mean the default; for counts zero means none. */
  const int = (path: string[], otherwise: number) => {
    const value = at(...path) ?? otherwise
    if (!Number.isInteger(value)) throw invalid(path.join('.'), value, 'must be an integer')
    return value as number
  }
  const ms = (path: string[], otherwise = '0s', zeroIsDefault = true) => {
    const value = at(...path) ?? otherwise
    const parsed = parseDurationMs(String(value))
    if (parsed === undefined || parsed < 0) throw invalid(path.join('.'), value, 'must be a duration that is not negative')
    return parsed === 0 && zeroIsDefault ? (parseDurationMs(otherwise) ?? 0) : parsed
  }
  const mode = text(['mode'], 'nftables')
  if (mode !== 'nftables')
    throw new QuorateError('BadConfig', `the proxy mode "${mode}" is known to kube-proxy but not implemented by Quorate`, {
      remedy: 'Leave the mode empty, or set it to nftables.',
    })
  const minSyncMs = ms(['nftables', 'minSyncPeriod'], standard.minSyncPeriod)
  const syncMs = ms(['nftables', 'syncPeriod'], standard.syncPeriod)
  if (minSyncMs > syncMs) throw invalid('nftables.syncPeriod', text(['nftables', 'syncPeriod']), 'must be at least minSyncPeriod')
  const masqueradeBit = int(['nftables', 'masqueradeBit'], standard.masqueradeBit)
  if (masqueradeBit < 0 || masqueradeBit > 31) throw invalid('nftables.masqueradeBit', masqueradeBit, 'must be within the range [0, 31]')
  return {
    kubeconfig: text(['clientConnection', 'kubeconfig']),
    hostnameOverride: flags.string('hostname-override') || text(['hostnameOverride']),
    healthzBindAddress: bindAddress('healthzBindAddress', text(['healthzBindAddress'], standard.healthzBindAddress)),
    metricsBindAddress: bindAddress('metricsBindAddress', text(['metricsBindAddress'], standard.metricsBindAddress)),
    bindAddressHardFail: at('bindAddressHardFail') === true,
    ...{ minSyncMs, syncMs },
    rules: {
      masqueradeBit,
      masqueradeAll: at('nftables', 'masqueradeAll') === true,
      detectLocal: detectLocal(text(['detectLocalMode'], 'ClusterCIDR'), text, document),
      nodePortAddresses: nodePortAddresses(at('nodePortAddresses')),
      bindAddress: boundAddress(text(['bindAddress'], '0.0.0.0')),
    },
    conntrack: {
      maxPerCore: int(['conntrack', 'maxPerCore'], standard.maxPerCore),
      min: int(['conntrack', 'min'], standard.min),
      tcpEstablishedMs: ms(['conntrack', 'tcpEstablishedTimeout'], standard.tcpEstablished, false),
      tcpCloseWaitMs: ms(['conntrack', 'tcpCloseWaitTimeout'], standard.tcpCloseWait, false),
      tcpBeLiberal: at('conntrack', 'tcpBeLiberal') === true,
      udpMs: ms(['conntrack', 'udpTimeout']),
      udpStreamMs: ms(['conntrack', 'udpStreamTimeout']),
    },
    document: { ...document, mode },
  }
}

function detectLocal(mode: string, text: (path: string[]) => string, { clusterCIDR = '' }: Document): DetectLocal {
  switch (mode) {
    case 'ClusterCIDR': {
      const ranges = String(clusterCIDR ?? '')
        .split(',')
        .map((range) => range.trim())
        .filter((range) => range !== '')
      const bad = ranges.find((range) => !parseCidr(range))
      if (bad !== undefined) throw invalid('clusterCIDR', bad, 'must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)')
      return { mode, ranges }
    }
    case 'NodeCIDR':
      return { mode }
    case 'BridgeInterface':
      return { mode, bridge: interfaceName('detectLocal.bridgeInterface', text(['detectLocal', 'bridgeInterface'])) }
    case 'InterfaceNamePrefix':
      return { mode, interfacePrefix: interfaceName('detectLocal.interfaceNamePrefix', text(['detectLocal', 'interfaceNamePrefix'])) }
    default:
      throw invalid('detectLocalMode', mode, 'must be one of BridgeInterface, ClusterCIDR, InterfaceNamePrefix, NodeCIDR')
  }
}

/** Linux' limit, and nothing that could end the quotes that it is written in. */
function interfaceName(path: string, name: string): string {
  if (!/^[^\s"/*]{1,15}$/.test(name)) throw invalid(path, name, 'must be the name of an interface')
  return name
}

/** KEP-3866: in the mode nftables node ports answer on the node's primary addresses unless the configuration says otherwise. */
function nodePortAddresses(value: unknown): RuleConfig['nodePortAddresses'] {
  const ranges = (value ?? []) as readonly unknown[]
  if (!Array.isArray(ranges)) throw invalid('nodePortAddresses', value, 'must be a list')
  if (ranges.length === 0 || (ranges.length === 1 && ranges[0] === 'primary')) return 'primary'
  for (const range of ranges as unknown[])
    if (typeof range !== 'string' || !parseCidr(range))
      throw invalid('nodePortAddresses', range, 'must be a valid CIDR block, or "primary" alone')
  return ranges as string[]
}

function boundAddress(text: string): string {
  if (!parseIp(text)) throw invalid('bindAddress', text, 'must be a valid textual representation of an IP address')
  return text
}

function bindAddress(path: string, text: string): string {
  const [host, port] = hostPort(text)
  if (!parseIp(host) || !(port >= 0 && port <= 65_535)) throw invalid(path, text, 'must be IP:port')
  return text
}

/** "[::]:10256" and "0.0.0.0:10256". */
export function hostPort(text: string): [host: string, port: number] {
  const colon = text.lastIndexOf(':')
  return [text.slice(0, colon).replace(/^\[|\]$/g, ''), /^\d+$/.test(text.slice(colon + 1)) ? Number(text.slice(colon + 1)) : Number.NaN]
}

function invalid(path: string, value: unknown, why: string): FlagError {
  return new FlagError(`KubeProxyConfiguration.${path}: Invalid value: ${JSON.stringify(value)}: ${why}`)
}
