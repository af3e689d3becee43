/**
 * The table of one address family without any Service: maps, sets and the chains at the hooks. Services are elements of its maps, so
 * a change of one is a change of a few elements, however many there are.
 *
 * The way of a packet: `services` finds the frontend of its destination in a verdict map and goes to a chain that knows only *how
 * many* endpoints there are; that chain throws the dice and finds the endpoint in a map by (frontend, dice). Frontends that nobody
 * answers are refused at the filter hooks. Table and map names are upstream's where upstream has the same thing (KEP-3866).
 */
import type { IpFamily } from '../../api/ip.js'

export type LocalTraffic =
  /** Pods have addresses in these ranges (DetectLocalMode ClusterCIDR and NodeCIDR). None: it cannot be told what is a pod. */
  { readonly ranges: readonly string[] } | { readonly interfacePrefix: string } | { readonly bridge: string }

export interface TableOptions {
  readonly family: IpFamily
  readonly masqueradeBit: number
  readonly masqueradeAll: boolean
  readonly localTraffic: LocalTraffic
  /** Ranges of the addresses that node ports answer on; 'primary': those of the set nodeport-ips. */
  readonly nodePortAddresses: 'primary' | readonly string[]
}

const protocols = ['tcp', 'udp', 'sctp']

export const tableName = 'kube-proxy'

/** The family's words in nftables. */
export interface Dialect {
  /** Of tables and of header fields. */
  readonly ip: 'ip' | 'ip6'
  readonly type: 'ipv4_addr' | 'ipv6_addr'
  readonly loopback: string
}

export function dialectOf(family: IpFamily): Dialect {
  return family === 'IPv4'
    ? { ip: 'ip', type: 'ipv4_addr', loopback: '127.0.0.0/8' }
    : { ip: 'ip6', type: 'ipv6_addr', loopback: '::1/128' }
}

/** The destination of a packet as the key of a map. */
export function destinationOf({ ip }: Dialect): string {
  return `${ip} daddr . meta l4proto . th dport`
}

export const nodePort = 'meta l4proto . th dport'

/** Commands that replace the table by one without Services. */
export function baseTable(options: TableOptions): string {
  const dialect = dialectOf(options.family)
  const { ip } = dialect
  return [
    // Added first, because deleting a table that is not there is an error.
    `add table ${ip} ${tableName}`,
    `delete table ${ip} ${tableName}`,
    `table ${ip} ${tableName} {`,
    'comment "rules for kube-proxy";',
    ...containers(dialect),
    ...targets(options, dialect),
    ...services(options, dialect),
    ...filters(dialect),
    '}',
    '',
  ].join('\n')
}

function containers({ ip, type }: Dialect): string[] {
  const address = `${type} . inet_proto . inet_service : verdict`
  const port = 'inet_proto . inet_service : verdict'
  const map = (name: string, of: string) => `map ${name} { type ${of}; }`
  // A map for each protocol: a rule that is added later gets the protocol of the map's declaration for a condition (nft 1.0.6 knows
  // no other way; one declared with "th dport" could not be used again at all).
  const endpoints = (name: string, address: string) =>
    protocols.map((protocol) => {
      const port = `${protocol} dport`
      return `map ${name}-${protocol} { typeof ${address}${port} . numgen random mod 65536 : ${ip} daddr . ${port}; }`
    })
  return [
    `set cluster-ips { type ${type}; }`,
    `set nodeport-ips { type ${type}; }`,
    `set hairpin-connections { type ${type} . ${type}; }`,
    ...['service-ips', 'internal-ips', 'local-ips', 'no-endpoint-services', 'firewall-ips'].map((name) => map(name, address)),
    ...['service-nodeports', 'internal-nodeports', 'local-nodeports', 'no-endpoint-nodeports'].map((name) => map(name, port)),
    ...['endpoints', 'local-endpoints'].flatMap((name) => endpoints(name, `${ip} daddr . `)),
    ...['nodeport-endpoints', 'local-nodeport-endpoints'].flatMap((name) => endpoints(name, '')),
  ]
}

function targets({ masqueradeBit }: TableOptions, { ip }: Dialect): string[] {
  const mark = `0x${(2 ** masqueradeBit).toString(16)}`
  return [
    chain('mark-for-masquerade', `meta mark set meta mark | ${mark}`),
    chain(
      'masquerading',
      // A pod that reached itself through a Service would answer itself directly.
      `ct status dnat ${ip} saddr . ${ip} daddr @hairpin-connections masquerade fully-random`,
      `meta mark & ${mark} == 0 return`,
      // Off again, so that a packet that comes round is not masqueraded once more.
      `meta mark set meta mark ^ ${mark}`,
      'masquerade fully-random',
    ),
    // A reset is heeded at once; ICMP errors are limited in number, and the first one of IPv6 may come too early to be heeded.
    chain('reject-chain', 'meta l4proto tcp reject with tcp reset', 'reject'),
    chain('drop-chain', 'drop'),
  ]
}

function services(options: TableOptions, dialect: Dialect): string[] {
  const { ip } = dialect
  const destination = destinationOf(dialect)
  const outsider = options.masqueradeAll ? '' : notFromPod(options.localTraffic, ip)
  const ports = options.nodePortAddresses
  const here =
    ports === 'primary'
      ? `${ip} daddr @nodeport-ips`
      : `fib daddr type local ${ip} daddr != ${dialect.loopback}${ports.length > 0 ? ` ${ip} daddr { ${ports.join(', ')} }` : ''}`
  return [
    ...split('external-local-ips', destination, '-ips', options, ip),
    ...split('external-local-nodeports', nodePort, '-nodeports', options, ip),
    chain(
      'services',
      ...(outsider === undefined ? [] : [`${ip} daddr @cluster-ips ${outsider}jump mark-for-masquerade`]),
      `${destination} vmap @service-ips`,
      `${here} ${nodePort} vmap @service-nodeports`,
    ),
    chain('nodeport-endpoints-check', `${here} ${nodePort} vmap @no-endpoint-nodeports`),
    chain('nat-prerouting', 'type nat hook prerouting priority -100', 'jump services'),
    chain('nat-output', 'type nat hook output priority -100', 'jump services'),
    chain('nat-postrouting', 'type nat hook postrouting priority 100', 'jump masquerading'),
  ]
}

/** Where a Service keeps traffic from outside to the endpoints of this node, pods and the node itself still reach all. */
function split(name: string, key: string, suffix: string, { localTraffic }: TableOptions, ip: string): string[] {
  const pod = fromPod(localTraffic, ip)
  return [
    chain(
      name,
      ...(pod === undefined ? [] : [`${pod} ${key} vmap @internal${suffix}`]),
      'fib saddr type local jump mark-for-masquerade',
      `fib saddr type local ${key} vmap @internal${suffix}`,
      `${key} vmap @local${suffix}`,
    ),
  ]
}

function filters(dialect: Dialect): string[] {
  const { ip } = dialect
  const destination = destinationOf(dialect)
  // The checks behind DNAT see the old destination only on packets that no endpoint took.
  return [
    chain('firewall-check', `${destination} vmap @firewall-ips`),
    chain('service-endpoints-check', `${destination} vmap @no-endpoint-services`),
    // A port that the Service does not have.
    chain('cluster-ips-check', `${ip} daddr @cluster-ips goto reject-chain`),
    chain('filter-prerouting', 'type filter hook prerouting priority -110', 'ct state new jump firewall-check'),
    chain(
      'filter-input',
      'type filter hook input priority 0',
      'ct state new jump nodeport-endpoints-check',
      'ct state new jump service-endpoints-check',
    ),
    chain(
      'filter-forward',
      'type filter hook forward priority 0',
      'ct state new jump service-endpoints-check',
      'ct state new jump cluster-ips-check',
    ),
    chain('filter-output', 'type filter hook output priority -110', 'ct state new jump firewall-check'),
    chain(
      'filter-output-post-dnat',
      'type filter hook output priority -90',
      'ct state new jump service-endpoints-check',
      'ct state new jump cluster-ips-check',
    ),
  ]
}

function fromPod(local: LocalTraffic, ip: string): string | undefined {
  if ('bridge' in local) return `iifname "${local.bridge}"`
  if ('interfacePrefix' in local) return `iifname "${local.interfacePrefix}*"`
  return local.ranges.length > 0 ? `${ip} saddr { ${local.ranges.join(', ')} }` : undefined
}

/** undefined: nothing can be said of who is a pod, so nothing is masqueraded for it. */
function notFromPod(local: LocalTraffic, ip: string): string | undefined {
  const match = fromPod(local, ip)
  return match?.replace(/^(iifname|ip6? saddr) /, '$1 != ').concat(' ')
}

function chain(name: string, ...rules: readonly string[]): string {
  // One statement a line: nft wants a line's end, not a semicolon, before a closing brace.
  return [`chain ${name} {`, ...rules, '}'].join('\n')
}
