/** What a frontend is in the table: elements of its maps, and which shared chains they go to. */
import type { Frontend, FrontendKind } from '../model/frontend.js'
import { affinityChain, firewallChain } from './service-chains.js'

/** The places of a frontend's endpoints: `inside` of `endpoints`, `outside` of `outside`. */
export interface Slots {
  readonly inside: readonly string[]
  readonly outside: readonly string[]
}

export interface FrontendElements {
  /** "MAP KEY" → value. */
  readonly elements: ReadonlyMap<string, string>
  /** Names of chains that throw the dice, as `diceChain` knows them. */
  readonly diceChains: readonly string[]
}

interface MapNames {
  readonly service: string
  readonly internal: string
  readonly local: string
  readonly refused: string
  readonly endpoints: string
  readonly localEndpoints: string
  readonly split: string
}

const names: Readonly<Record<FrontendKind, MapNames>> = {
  address: {
    ...{ service: 'service-ips', internal: 'internal-ips', local: 'local-ips', refused: 'no-endpoint-services' },
    ...{ endpoints: 'endpoints', localEndpoints: 'local-endpoints', split: 'external-local-ips' },
  },
  nodeport: {
    ...{ service: 'service-nodeports', internal: 'internal-nodeports', local: 'local-nodeports', refused: 'no-endpoint-nodeports' },
    ...{ endpoints: 'nodeport-endpoints', localEndpoints: 'local-nodeport-endpoints', split: 'external-local-nodeports' },
  },
}

export function elementsOf(frontend: Frontend, { inside, outside }: Slots): FrontendElements {
  const { kind, key, destination, refuse } = frontend
  const of = names[kind]
  const elements = new Map<string, string>()
  const diceChains: string[] = []
  /** The verdict that sends traffic to these endpoints; undefined when there are none. */
  const verdictTo = (base: string, slots: readonly string[], scope: 'service' | 'external' | 'local') => {
    if (slots.length === 0) return undefined
    if (frontend.port.affinitySeconds !== undefined) return `goto ${affinityChain(frontend.port, scope)}`
    const map = `${base}-${frontend.port.protocol}`
    for (const [slot, address] of slots.entries()) elements.set(`${map} ${destination} . ${slot}`, address)
    const chain = `${map}-${slots.length}${scope === 'external' ? '-masq' : ''}`
    diceChains.push(chain)
    return `goto ${chain}`
  }
  const set = (map: string, verdict: string | undefined) => {
    if (verdict) elements.set(`${map} ${key}`, verdict)
  }
  if (frontend.outside) {
    set(of.internal, verdictTo(of.endpoints, inside, 'service'))
    set(of.local, verdictTo(of.localEndpoints, outside, 'local'))
    if (inside.length + outside.length > 0) set(of.service, `goto ${of.split}`)
  } else {
    const own = !frontend.masquerade && frontend.port.internalLocal ? 'local' : 'service'
    set(of.service, verdictTo(of.endpoints, inside, frontend.masquerade ? 'external' : own))
  }
  if (refuse) set(of.refused, `goto ${refuse}-chain`)
  if (frontend.sourceRanges) set('firewall-ips', `goto ${firewallChain(frontend.port)}`)
  return { elements, diceChains }
}

/** The rules of a chain named by `elementsOf`: MAP-PROTOCOL-COUNT, and whether it masquerades. */
export function diceRules(chain: string, ip: 'ip' | 'ip6'): string[] {
  const [, map = '', protocol = '', count = '', masquerades] = /^(.*-(tcp|udp|sctp))-(\d+)(-masq)?$/.exec(chain) ?? []
  const destination = map.includes('nodeport') ? `${protocol} dport` : `${ip} daddr . ${protocol} dport`
  return [...(masquerades ? ['jump mark-for-masquerade'] : []), `dnat ${ip} to ${destination} . numgen random mod ${count} map @${map}`]
}
