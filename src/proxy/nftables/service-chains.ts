/**
 * Chains and sets that a service port needs for itself. Most need none; there are two reasons: session affinity, which remembers
 * clients in a set for each endpoint, and source ranges of a load balancer.
 */
import { fingerprint } from '../../base/fingerprint.js'
import type { Endpoint } from '../model/endpoint.js'
import type { PortEndpoints } from '../model/frontend.js'
import { type ServicePort, servicePortName } from '../model/service-port.js'
import type { Dialect } from './base.js'

/** What is in a table under a name. Equal texts are equal objects. */
export type TableObject =
  | { readonly kind: 'chain'; readonly rules: readonly string[] }
  /** Its definition never changes under one name. */
  | { readonly kind: 'set'; readonly definition: string }

export type AffinityScope = 'service' | 'external' | 'local'

/** Longest that nftables takes, less one for the end of the text. */
const nameLengthMax = 127

/** Names carry the hash first: a long name may be cut behind it. */
function named(kind: string, port: ServicePort, ...more: readonly string[]): string {
  const name = `${servicePortName(port)}/${port.protocol}`
  const hash = fingerprint([name, port.affinitySeconds, ...more].join(' ')).slice(0, 12)
  return [`${kind}-${hash}-${name.replace(':', '/')}`, ...more]
    .join('_')
    .replace(/[^A-Za-z0-9/_.-]/g, '_')
    .slice(0, nameLengthMax)
}

export function affinityChain(port: ServicePort, scope: AffinityScope): string {
  return named(scope, port)
}

export function firewallChain(port: ServicePort): string {
  return named('firewall', port)
}

/** `isNodeIn`: whether an address of this node lies in one of the ranges. */
export function serviceObjects(
  { port, sets: { cluster, local } }: PortEndpoints,
  dialect: Dialect,
  isNodeIn: (ranges: readonly string[]) => boolean,
): ReadonlyMap<string, TableObject> {
  const objects = new Map<string, TableObject>()
  if (port.sourceRanges.length > 0 && port.loadBalancerIps.length > 0) {
    // A node that is allowed may use the address although the load balancer put it on the node itself as the packet's source.
    const allowed = [...port.sourceRanges, ...(isNodeIn(port.sourceRanges) ? port.loadBalancerIps : [])]
    objects.set(firewallChain(port), { kind: 'chain', rules: [`${dialect.ip} saddr != { ${allowed.join(', ')} } drop`] })
  }
  if (port.affinitySeconds === undefined) return objects
  const chosen = new Map([...cluster, ...local].map((endpoint) => [endpoint.address, endpoint]))
  for (const endpoint of chosen.values()) addEndpoint(objects, port, endpoint, dialect)
  for (const [scope, endpoints] of [['service', cluster] as const, ['local', local] as const])
    if (endpoints.length > 0) objects.set(affinityChain(port, scope), { kind: 'chain', rules: choice(port, endpoints, dialect) })
  if (cluster.length > 0 && port.external)
    objects.set(affinityChain(port, 'external'), {
      kind: 'chain',
      rules: ['jump mark-for-masquerade', `goto ${affinityChain(port, 'service')}`],
    })
  return objects
}

function addEndpoint(
  objects: Map<string, TableObject>,
  port: ServicePort,
  { ip, port: number, address }: Endpoint,
  dialect: Dialect,
): void {
  const timeout = `${port.affinitySeconds}s`
  const set = named('affinity', port, address)
  objects.set(set, { kind: 'set', definition: `{ type ${dialect.type}; flags dynamic,timeout; timeout ${timeout}; }` })
  const to = dialect.ip === 'ip' ? `${ip}:${number}` : `[${ip}]:${number}`
  const rules = [`update @${set} { ${dialect.ip} saddr }`, `meta l4proto ${port.protocol} dnat ${dialect.ip} to ${to}`]
  objects.set(named('endpoint', port, address), { kind: 'chain', rules })
}

/** The endpoint that remembers the client, else any. */
function choice(port: ServicePort, endpoints: readonly Endpoint[], { ip }: Dialect): string[] {
  const chains = endpoints.map(({ address }) => named('endpoint', port, address))
  const known = endpoints.map(({ address }, at) => `${ip} saddr @${named('affinity', port, address)} goto ${chains[at]}`)
  const vmap = chains.map((name, slot) => `${slot} : goto ${name}`).join(', ')
  return [...known, `numgen random mod ${chains.length} vmap { ${vmap} }`]
}
