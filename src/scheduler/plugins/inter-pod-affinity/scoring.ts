import type { Counts } from '../../cache/pod-index.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { termMatches } from '../../cache/pod-term.js'
import { scoreMax, type Snapshot } from '../../framework/plugin.js'

interface Scoring {
  readonly pod: PodInfo
  readonly slots: Int32Array
  readonly snapshot: Snapshot
  readonly into: Float64Array
  /** What a required affinity of a running pod counts for one that it means. */
  readonly hardWeight: number
  readonly ignoreExisting: boolean
}

/** The sum of weights of all preferences, own and of the pods that run, by domain; stretched to 0..100. */
export function scoreByPeers({ pod, slots, snapshot, into, hardWeight, ignoreExisting }: Scoring): boolean {
  const { preferredAffinity, preferredAntiAffinity } = pod.terms
  const { index, namespaceLabels } = snapshot
  const hasOwn = preferredAffinity.length > 0 || preferredAntiAffinity.length > 0
  if (!hasOwn && ignoreExisting) return false
  const sums = new DomainSums(snapshot)
  for (const term of preferredAffinity) sums.add(term.topologyKey, index.matchingTerm(term), term.weight)
  for (const term of preferredAntiAffinity) sums.add(term.topologyKey, index.matchingTerm(term), -term.weight)
  for (const [kind, sign] of existing) {
    if (kind === 'affinity' && hardWeight === 0) continue
    for (const held of index.held(kind)) {
      if (!termMatches(held.term, pod, namespaceLabels)) continue
      sums.add(held.term.topologyKey, held, kind === 'affinity' ? hardWeight : sign * held.term.weight)
    }
  }
  return sums.isEmpty ? false : stretch(sums, slots, into)
}

const existing = [
  ['affinity', 1],
  ['preferredAffinity', 1],
  ['preferredAntiAffinity', -1],
] as const

class DomainSums {
  readonly #snapshot: Snapshot
  readonly #byKey = new Map<string, Float64Array>()
  isEmpty = true

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot
  }

  add(topologyKey: string, { counts }: Counts, weight: number): void {
    const { nodes } = this.#snapshot
    const { domains, size } = nodes.topology(topologyKey)
    let sums = this.#byKey.get(topologyKey)
    if (!sums) this.#byKey.set(topologyKey, (sums = new Float64Array(size)))
    for (const slot of nodes.order) {
      if (slot >= counts.length) continue
      const count = counts[slot] as number
      const domain = domains[slot] as number
      if (count === 0 || domain < 0) continue
      sums[domain] = (sums[domain] as number) + count * weight
      this.isEmpty = false
    }
  }

  at(slot: number): number {
    let sum = 0
    for (const [key, sums] of this.#byKey) {
      const domain = this.#snapshot.nodes.topology(key).domains[slot] as number
      if (domain >= 0) sum += sums[domain] as number
    }
    return sum
  }
}

function stretch(sums: DomainSums, slots: Int32Array, into: Float64Array): boolean {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < slots.length; i++) {
    const sum = sums.at(slots[i] as number)
    into[i] = sum
    if (sum < min) min = sum
    if (sum > max) max = sum
  }
  if (max === min) return false
  for (let i = 0; i < slots.length; i++) into[i] = Math.trunc((scoreMax * ((into[i] as number) - min)) / (max - min))
  return true
}
