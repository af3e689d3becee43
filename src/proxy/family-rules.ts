/** One address family of a proxier: its table, and what goes with the table's changes (stale connections, counts for metrics). */
import type { IpFamily } from '../api/ip.js'
import type { Service } from '../api/types/core-v1.js'
import type { EndpointSlice } from '../api/types/discovery-v1.js'
import type { NodeTopology } from './model/categorize.js'
import { type Frontend, type ProxiedService, proxiedService } from './model/frontend.js'
import type { RememberedClients } from './nftables/remembered-clients.js'
import { Ruleset, type RulesetOptions } from './nftables/ruleset.js'

export class FamilyRules {
  readonly family: IpFamily
  readonly #ruleset: Ruleset
  readonly #lacking = { internal: new Set<string>(), external: new Set<string>() }
  /** Endpoints of UDP frontends that have changed in a way that may leave stale connections behind. */
  #live = new Map<string, ReadonlySet<string>>()

  constructor(options: RulesetOptions) {
    this.family = options.family
    this.#ruleset = new Ruleset(options)
  }

  /** Returns how many ready endpoints the Service has on this node. */
  put(key: string, service: Service | undefined, slices: readonly EndpointSlice[], node: NodeTopology): number {
    const now = proxiedService(service, slices, this.family, node)
    const old = this.#ruleset.put(key, now)
    this.#noteLacking(key, now)
    this.#noteLive(old, now)
    return now.localEndpoints
  }

  transaction(): string {
    return this.#ruleset.transaction()
  }

  replacement(remembered: RememberedClients): Iterable<string> {
    return this.#ruleset.replacement(remembered)
  }

  /** What conntrack is to be asked about now that the rules are written. */
  takeLive(): ReadonlyMap<string, ReadonlySet<string>> {
    const live = this.#live
    this.#live = new Map()
    return live
  }

  /** Services with a Local traffic policy that have endpoints, but none here. */
  lacking(policy: 'internal' | 'external'): number {
    return this.#lacking[policy].size
  }

  #noteLacking(key: string, { frontends }: ProxiedService): void {
    const lacks = { internal: false, external: false }
    for (const { refuse, outside } of frontends) if (refuse === 'drop') lacks[outside ? 'external' : 'internal'] = true
    for (const policy of ['internal', 'external'] as const) {
      if (lacks[policy]) this.#lacking[policy].add(key)
      else this.#lacking[policy].delete(key)
    }
  }

  #noteLive(old: ProxiedService, now: ProxiedService): void {
    const before = udpEndpoints(old.frontends)
    const after = udpEndpoints(now.frontends)
    for (const [destination, endpoints] of before) {
      const next = after.get(destination) ?? new Set()
      if (endpoints.size === 0 || [...endpoints].some((address) => !next.has(address))) this.#live.set(destination, next)
    }
    for (const [destination, endpoints] of after) if (!before.has(destination)) this.#live.set(destination, endpoints)
  }
}

function udpEndpoints(frontends: readonly Frontend[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const { port, destination, endpoints, outside = [] } of frontends)
    if (port.protocol === 'udp') found.set(destination, new Set([...endpoints, ...outside].map(({ address }) => address)))
  return found
}
