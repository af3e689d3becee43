import type { PodInfo } from '../../cache/pod-info.js'
import type { Topology } from '../../cache/topology.js'
import { scoreMax, type Snapshot } from '../../framework/plugin.js'
import type { Constraint } from './constraints.js'
import type { Inclusion } from './pod-topology-spread.js'

interface Scoring {
  readonly pod: PodInfo
  readonly slots: Int32Array
  readonly snapshot: Snapshot
  readonly into: Float64Array
  readonly constraints: readonly Constraint[]
  /** A node that lacks one of the topology keys gets nothing. */
  readonly needsAll: boolean
  readonly inclusion: Inclusion
}

const hostname = 'kubernetes.io/hostname'
const ignored = -1

/** The fewer pods of its kind there are in a node's domains, the better; a topology with few domains does not count for less. */
export function scoreBySpread({ pod, slots, snapshot, into, constraints, needsAll, inclusion }: Scoring): boolean {
  const { nodes, index } = snapshot
  const topologies = constraints.map(({ topologyKey }) => nodes.topology(topologyKey))
  const lacks = (slot: number) => needsAll && topologies.some(({ domains }) => (domains[slot] as number) < 0)
  let candidates = 0
  for (let i = 0; i < slots.length; i++) {
    const isIgnored = lacks(slots[i] as number)
    into[i] = isIgnored ? ignored : 0
    if (!isIgnored) candidates++
  }
  for (const [k, constraint] of constraints.entries()) {
    const topology = topologies[k] as Topology
    const bySlot = index.matchingSelector(pod.namespace, constraint.selector).counts
    const isHost = constraint.topologyKey === hostname
    const { counts, size } = isHost
      ? { counts: bySlot, size: candidates }
      : countDomains({ slots, into, topology, constraint, bySlot, lacks, snapshot, inclusion })
    const weight = Math.log(size + 2)
    for (let i = 0; i < slots.length; i++) {
      if (into[i] === ignored) continue
      const slot = slots[i] as number
      const domain = topology.domains[slot] as number
      if (domain < 0) continue
      const count = counts[isHost ? slot : domain] ?? 0
      into[i] = (into[i] as number) + count * weight + (constraint.maxSkew - 1)
    }
  }
  turnAround(into, slots.length)
  return true
}

interface Counting extends Pick<Scoring, 'slots' | 'into' | 'snapshot' | 'inclusion'> {
  readonly topology: Topology
  readonly constraint: Constraint
  readonly bySlot: Int32Array
  lacks(slot: number): boolean
}

/** Pods in the domains that the candidates belong to, and how many such domains there are. */
function countDomains({ slots, into, topology, constraint, bySlot, lacks, snapshot, inclusion }: Counting): {
  counts: Int32Array
  size: number
} {
  const counts = new Int32Array(topology.size).fill(-1)
  let size = 0
  // Candidates without the label (possible with the system's defaults) are one more domain.
  let hasNone = false
  for (let i = 0; i < slots.length; i++) {
    if (into[i] === ignored) continue
    const domain = topology.domains[slots[i] as number] as number
    if (domain < 0) hasNone = true
    else if (counts[domain] === -1) {
      counts[domain] = 0
      size++
    }
  }
  for (const slot of snapshot.nodes.order) {
    const domain = topology.domains[slot] as number
    if (domain < 0 || counts[domain] === -1 || slot >= bySlot.length || lacks(slot) || !inclusion.includes(constraint, slot)) continue
    counts[domain] = (counts[domain] as number) + (bySlot[slot] as number)
  }
  return { counts, size: hasNone ? size + 1 : size }
}

/** The least gets the most: 100 · (max + min − score) / max. */
function turnAround(scores: Float64Array, count: number): void {
  let min = Number.POSITIVE_INFINITY
  let max = 0
  for (let i = 0; i < count; i++) {
    if (scores[i] === ignored) continue
    const score = (scores[i] = Math.round(scores[i] as number))
    if (score < min) min = score
    if (score > max) max = score
  }
  for (let i = 0; i < count; i++) {
    const score = scores[i] as number
    if (score === ignored) scores[i] = 0
    else scores[i] = max === 0 ? scoreMax : Math.floor((scoreMax * (max + min - score)) / max)
  }
}
