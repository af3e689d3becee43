/**
 * Hints of topology aware routing (KEP-2433): every zone gets a share of a Service's endpoints as large as its share of the
 * nodes' CPU, so that traffic stays in its zone and no endpoint is loaded by more than a fifth above the mean. Where that cannot
 * be done there are no hints at all. Pure.
 */
import { quantityMilliValue } from '../../api/quantity.js'
import type { Node } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.js'
import { controlPlaneLabel } from '../../api/well-known.js'
import { withHints } from './hints.js'
import type { SliceChanges } from './slices.js'

const overloadMax = 0.2
const zoneLabel = 'topology.kubernetes.io/zone'

export type Shares = ReadonlyMap<string, number>

/** Each zone's share of the CPU of ready workers; undefined when a node's is not known, or there is but one zone. */
export function zoneShares(nodes: readonly Node[]): Shares | undefined {
  const cpu = new Map<string, number>()
  let total = 0
  for (const { metadata, status } of nodes) {
    if (Object.hasOwn(metadata.labels ?? {}, controlPlaneLabel)) continue
    if (!status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) continue
    const zone = metadata.labels?.[zoneLabel]
    const milli = quantityMilliValue(status.allocatable?.cpu)
    if (!zone || milli === 0) return undefined
    cpu.set(zone, (cpu.get(zone) ?? 0) + milli)
    total += milli
  }
  return cpu.size < 2 ? undefined : new Map([...cpu].map(([zone, milli]) => [zone, milli / total]))
}

interface Allocation {
  readonly minimum: number
  readonly maximum: number
  readonly desired: number
}

/** How many of so many endpoints each zone should have; undefined when a zone would have too few. */
export function allocate(shares: Shares, endpoints: number): ReadonlyMap<string, Allocation> | undefined {
  const minima = new Map([...shares].map(([zone, share]) => [zone, Math.ceil((share * endpoints) / (1 + overloadMax))]))
  const sum = [...minima.values()].reduce((total, minimum) => total + minimum, 0)
  if (sum > endpoints || shares.size > endpoints) return undefined
  return new Map(
    [...minima].map(([zone, minimum]) => {
      const desired = Math.max((shares.get(zone) ?? 0) * endpoints, minimum)
      return [zone, { minimum, maximum: minimum + endpoints - sum, desired }]
    }),
  )
}

export interface Routed {
  readonly changes: SliceChanges
  /** Why there are no hints. */
  readonly off?: string
}

export function withTopologyHints(changes: SliceChanges, unchanged: readonly EndpointSlice[], shares: Shares | undefined): Routed {
  const off = (why: string): Routed => ({ changes: withHints(changes, unchanged, undefined), off: why })
  if (!shares) return off('Nodes of at least two zones with known CPU are needed')
  const all = [...changes.create, ...changes.update, ...unchanged].flatMap(({ endpoints }) => endpoints ?? []).filter(isReady)
  if (all.some(({ zone }) => !zone)) return off('An endpoint has no zone')
  const allocations = allocate(shares, all.length)
  if (!allocations) return off(`Too few endpoints: ${all.length} for ${shares.size} zones`)
  const zones = new Zones(allocations)
  const stale = unchanged.filter((slice) => !zones.keep(slice))
  const create = changes.create.map((slice) => zones.assign(slice))
  const update = [...changes.update, ...stale].map((slice) => zones.assign(slice))
  zones.balance()
  return { changes: { create, update, remove: changes.remove } }
}

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true

class Zones {
  readonly #allocations: ReadonlyMap<string, Allocation>
  readonly #counts = new Map<string, number>()
  /** Endpoints whose hint may still be changed, by the zone they are for. */
  readonly #movable = new Map<string, Endpoint[]>()

  constructor(allocations: ReadonlyMap<string, Allocation>) {
    this.#allocations = allocations
  }

  /** Counts the hints of a slice that need not be written; false when it must be. */
  keep(slice: EndpointSlice): boolean {
    const counts = new Map<string, number>()
    for (const endpoint of slice.endpoints ?? []) {
      const hinted = endpoint.hints?.forZones ?? []
      if (!isReady(endpoint)) {
        if (endpoint.hints) return false
        continue
      }
      const [first] = hinted
      if (!first || hinted.length > 1 || endpoint.hints?.forNodes) return false
      const count = (counts.get(first.name) ?? 0) + 1
      counts.set(first.name, count)
      if (count + this.#count(first.name) > (this.#allocations.get(first.name)?.maximum ?? 0)) return false
    }
    for (const [zone, count] of counts) this.#counts.set(zone, this.#count(zone) + count)
    return true
  }

  /** A copy of the slice whose ready endpoints are for their own zones. */
  assign(slice: EndpointSlice): EndpointSlice {
    const endpoints = (slice.endpoints ?? []).map(({ hints: _, ...endpoint }): Endpoint => {
      if (!isReady(endpoint) || !endpoint.zone) return endpoint
      const assigned = { ...endpoint, hints: { forZones: [{ name: endpoint.zone }] } }
      this.#put(endpoint.zone, assigned)
      return assigned
    })
    return { ...slice, endpoints }
  }

  /** Gives endpoints of zones with many to zones with few. */
  balance(): void {
    for (;;) {
      const to = this.#neediest()
      const from = to && this.#richest(to.deficit < 1 && this.#count(to.zone) >= to.minimum)
      const endpoint = from && this.#movable.get(from)?.pop()
      if (!to || !from || !endpoint) return
      this.#counts.set(from, this.#count(from) - 1)
      endpoint.hints = { forZones: [{ name: to.zone }] }
      this.#put(to.zone, endpoint)
    }
  }

  #count(zone: string): number {
    return this.#counts.get(zone) ?? 0
  }

  #put(zone: string, endpoint: Endpoint): void {
    this.#counts.set(zone, this.#count(zone) + 1)
    const list = this.#movable.get(zone)
    if (list) list.push(endpoint)
    else this.#movable.set(zone, [endpoint])
  }

  #neediest(): { zone: string; deficit: number; minimum: number } | undefined {
    let neediest: { zone: string; deficit: number; minimum: number } | undefined
    for (const [zone, { desired, minimum }] of this.#allocations) {
      const deficit = desired - this.#count(zone)
      if (deficit > 0 && (!neediest || deficit > neediest.deficit)) neediest = { zone, deficit, minimum }
    }
    return neediest
  }

  /** The zone with most above what it should have. Unless another falls short, only a whole endpoint too many is given away. */
  #richest(onlyWhole: boolean): string | undefined {
    let richest: string | undefined
    let most = 0
    for (const [zone, endpoints] of this.#movable) {
      const { desired = 0, minimum = 0 } = this.#allocations.get(zone) ?? {}
      const surplus = this.#count(zone) - desired
      if (endpoints.length === 0 || surplus <= most || this.#count(zone) <= minimum || (onlyWhole && surplus < 1)) continue
      richest = zone
      most = surplus
    }
    return richest
  }
}
