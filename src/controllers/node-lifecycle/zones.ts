/**
 * How fast nodes of a zone may be emptied. Pure. Where a few nodes are down they are at fault; where many are, the network or the
 * control plane may be, and emptying what still runs would make it worse.
 */
import type { Node, NodeCondition } from '../../api/types/core-v1.js'

export type ZoneState = 'Initial' | 'Normal' | 'PartialDisruption' | 'FullDisruption'

export interface EvictionRates {
  /** --node-eviction-rate and --secondary-node-eviction-rate, nodes a second. */
  readonly rate: number
  readonly secondaryRate: number
  /** --unhealthy-zone-threshold: this share of unready nodes makes a zone partly disrupted. */
  readonly unhealthyThreshold: number
  /** --large-cluster-size-threshold: a partly disrupted zone of no more nodes is left alone. */
  readonly largeClusterSize: number
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {}
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? ''
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? ''
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`
}

/** A node with this label does not count for its zone's health. */
export const isExcludedFromDisruption = (node: Node): boolean =>
  Object.hasOwn(node.metadata.labels ?? {}, 'node.kubernetes.io/exclude-disruption')

export function zoneState(ready: readonly (NodeCondition | undefined)[], unhealthyThreshold: number): ZoneState {
  const down = ready.filter((condition) => condition?.status !== 'True').length
  if (down > 0 && down === ready.length) return 'FullDisruption'
  if (down > 2 && down / ready.length >= unhealthyThreshold) return 'PartialDisruption'
  return 'Normal'
}

/** A zone that is wholly down is emptied at the usual rate: others go on, so it is not the control plane's view that is wrong. */
export function rateFor(state: ZoneState, size: number, rates: EvictionRates): number {
  if (state !== 'PartialDisruption') return rates.rate
  return size > rates.largeClusterSize ? rates.secondaryRate : 0
}

export interface DisruptionStep {
  readonly states: Map<string, ZoneState>
  /** New rates of zones. */
  readonly rates: Map<string, number>
  /** Everything went down at once, or came back: see the controller. */
  readonly turn?: 'everything-down' | 'back'
}

/** What the new look at the zones changes. While every zone is down nothing is emptied at all. */
export function disruptionStep(
  before: ReadonlyMap<string, ZoneState>,
  conditions: ReadonlyMap<string, readonly (NodeCondition | undefined)[]>,
  rates: EvictionRates,
): DisruptionStep {
  const now = new Map([...conditions].map(([zone, ready]) => [zone, zoneState(ready, rates.unhealthyThreshold)]))
  const known = new Map([...now.keys()].map((zone) => [zone, before.get(zone) ?? 'Initial']))
  const isAllDown = [...now.values()].every((state) => state === 'FullDisruption')
  const wasAllDown = [...known.values()].every((state) => state === 'FullDisruption')
  if (isAllDown && wasAllDown) return { states: known, rates: new Map() }
  if (isAllDown) {
    return { states: now, rates: new Map([...now.keys()].map((zone) => [zone, 0])), turn: 'everything-down' }
  }
  const changed = [...now].filter(([zone, state]) => wasAllDown || known.get(zone) !== state)
  const newRates = new Map(changed.map(([zone, state]) => [zone, rateFor(state, conditions.get(zone)?.length ?? 0, rates)]))
  return { states: now, rates: newRates, ...(wasAllDown ? { turn: 'back' } : {}) }
}
