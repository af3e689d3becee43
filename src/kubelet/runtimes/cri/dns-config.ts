import type { Pod } from '../../../api/types/core-v1.js'
import type { DnsConfig } from './api/types.js'

/** The resolver of a pod by its dnsPolicy and dnsConfig (docs: DNS for Services and Pods). Pure. */
export interface ClusterDns {
  /** --cluster-dns */
  readonly servers: readonly string[]
  /** --cluster-domain */
  readonly domain: string
  /** What --resolv-conf names. */
  readonly host: DnsConfig
}

/** Upstream's validation limits, beyond which resolvers ignore what follows. */
const serversMax = 3
const searchesMax = 32
const searchLengthMax = 2048

export function dnsConfigOf(pod: Pod, { servers, domain, host }: ClusterDns): DnsConfig {
  const { dnsPolicy = 'ClusterFirst', dnsConfig, hostNetwork } = pod.spec ?? {}
  const clusterFirst = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork)
  const base: DnsConfig =
    dnsPolicy === 'None'
      ? { servers: [], searches: [], options: [] }
      : clusterFirst && servers.length > 0
        ? { servers, searches: clusterSearches(pod.metadata.namespace ?? '', domain, host.searches), options: ['ndots:5'] }
        : host
  const options = new Map(base.options.map(splitOption))
  for (const { name = '', value = '' } of dnsConfig?.options ?? []) options.set(name, value)
  return {
    servers: unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]).slice(0, serversMax),
    searches: bounded(unique([...base.searches, ...(dnsConfig?.searches ?? [])])),
    options: [...options].map(([name, value]) => (value === '' ? name : `${name}:${value}`)),
  }
}

function clusterSearches(namespace: string, domain: string, host: readonly string[]): string[] {
  const own = domain === '' ? [] : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain]
  return unique([...own, ...host])
}

function splitOption(option: string): [string, string] {
  const colon = option.indexOf(':')
  return colon < 0 ? [option, ''] : [option.slice(0, colon), option.slice(colon + 1)]
}

function bounded(searches: readonly string[]): string[] {
  const kept: string[] = []
  let length = 0
  for (const search of searches.slice(0, searchesMax)) {
    length += search.length + (kept.length > 0 ? 1 : 0)
    if (length > searchLengthMax) break
    kept.push(search)
  }
  return kept
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)]
}

/** resolv.conf(5) */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = []
  let [searches, options]: [string[], string[]] = [[], []]
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/)
    if (keyword === 'nameserver' && values[0]) servers.push(values[0])
    // The last one counts. A lone dot is the root, which is searched anyhow.
    else if (keyword === 'search') searches = values.map((value) => (value === '.' ? value : value.replace(/\.$/, '')))
    else if (keyword === 'options') options = values
  }
  return { servers, searches, options }
}
