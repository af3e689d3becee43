/**
 * One scheduling cycle, without effects: which node is best for a pod now. Looks at as many nodes as it needs: in a large
 * cluster a part of them, starting where the last cycle ended, so that every node gets its turn.
 */
import type { PodInfo } from '../cache/pod-info.js'
import type { Random } from '../../base/random.js'
import type { Nominator } from '../queue/nominator.js'
import { NodeSet } from './node-set.js'
import type { Filter, Snapshot } from './plugin.js'
import type { OnlyNodes, Profile } from './profile.js'
import { type NodeStatus, unresolvable } from './status.js'

export type CycleResult =
  | { readonly kind: 'fits'; readonly slot: number; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: 'none'; readonly failure: Failure }

export interface Failure {
  readonly nodeCount: number
  readonly preFilter?: NodeStatus
  /** By slot. Good until the next cycle. */
  readonly statuses: readonly (NodeStatus | undefined)[]
  readonly filters: readonly Filter[]
  readonly rejectedBy: ReadonlySet<string>
}

/** Below so many nodes all of them are looked at. */
const nodesMin = 100
/** Nodes are looked at so many at a time at least: a filter's fixed cost is shared. */
const partMin = 32

export class Cycle {
  readonly #snapshot: Snapshot
  readonly #nominator: Nominator
  readonly #random: Random
  #start = 0
  /** Made once and used by every cycle. */
  #found = new NodeSet(0)
  #part = new NodeSet(0)
  #total = new Float64Array(0)
  #scratch = new Float64Array(0)

  constructor(snapshot: Snapshot, nominator: Nominator, random: Random) {
    this.#snapshot = snapshot
    this.#nominator = nominator
    this.#random = random
  }

  run(pod: PodInfo, profile: Profile): CycleResult {
    const { order } = this.#snapshot.nodes
    const prepared = profile.prepare(pod, this.#snapshot)
    if ('rejected' in prepared) return this.#rejected(prepared.rejected)
    const { filters, only } = prepared
    this.#clear(order.length)
    const { statuses } = this.#found
    const set = this.#found
    const evaluated = this.#nominatedFits(pod, filters, set) ? 1 : this.#find({ pod, profile, filters, only, set })
    if (set.count === 0) return { kind: 'none', failure: { nodeCount: order.length, statuses, filters, rejectedBy: pluginsOf(statuses) } }
    const slots = set.list.subarray(0, set.count)
    return { kind: 'fits', slot: this.#best(pod, profile, slots), evaluated, feasible: set.count }
  }

  #clear(nodeCount: number): void {
    const { capacity } = this.#snapshot.nodes
    if (this.#found.list.length < nodeCount || this.#found.statuses.length !== capacity) {
      this.#found = new NodeSet(capacity, new Array<NodeStatus | undefined>(capacity).fill(undefined))
      this.#part = new NodeSet(capacity, this.#found.statuses)
      return
    }
    this.#found.statuses.fill(undefined)
    this.#found.count = 0
  }

  #rejected(status: NodeStatus): CycleResult {
    const { order } = this.#snapshot.nodes
    const statuses: NodeStatus[] = []
    for (const slot of order) statuses[slot] = status
    return {
      kind: 'none',
      failure: { nodeCount: order.length, preFilter: status, statuses, filters: [], rejectedBy: new Set([status.plugin]) },
    }
  }

  /** The node that preemption cleared for the pod is tried before all others. */
  #nominatedFits(pod: PodInfo, filters: readonly Filter[], set: NodeSet): boolean {
    const name = this.#nominator.nodeOf(pod.key) ?? pod.nominatedNodeName
    const slot = name === '' ? undefined : this.#snapshot.nodes.slotOf(name)
    if (slot === undefined || !this.#snapshot.nodes.nodes[slot]) return false
    set.only(slot)
    if (filters.some(({ only }) => only && !only.has(slot))) set.count = 0
    this.filter(pod, filters, set)
    return set.count > 0
  }

  /** Fills `set` with feasible nodes; gives back how many were looked at. */
  #find(of: { pod: PodInfo; profile: Profile; filters: readonly Filter[]; only: readonly OnlyNodes[]; set: NodeSet }): number {
    const { pod, profile, filters, only, set } = of
    const { order } = this.#snapshot.nodes
    const enough = only.length > 0 ? order.length : nodesToFind(order.length, profile.options.percentageOfNodesToScore ?? 0)
    const start = order.length === 0 ? 0 : this.#start % order.length
    const part = this.#part
    let looked = 0
    set.count = 0
    while (looked < order.length && set.count < enough) {
      const take = Math.min(order.length - looked, Math.max(partMin, enough - set.count))
      part.count = 0
      for (let i = 0; i < take; i++) part.add(order[(start + looked + i) % order.length] as number)
      looked += take
      for (const { plugin, slots } of only) part.keep((slot) => (slots.has(slot) ? undefined : excluded(plugin)))
      this.filter(pod, filters, part)
      for (let i = 0; i < part.count && set.count < enough; i++) set.add(part.list[i] as number)
    }
    this.#start = (start + looked) % Math.max(1, order.length)
    return looked
  }

  /**
   * Applies the filters. A node that is promised to others of at least the pod's priority must do with and without them: they
   * may come, or may not.
   */
  filter(pod: PodInfo, filters: readonly Filter[], set: NodeSet): void {
    for (const filter of filters) {
      if (set.count === 0) return
      filter.filter?.(set)
    }
    if (this.#nominator.size === 0) return
    const { nodes } = this.#snapshot
    const single = new NodeSet(1, set.statuses)
    set.keep((slot) => {
      const expected = [...this.#nominator.on(nodes.names[slot] as string)].filter(
        (other) => other.priority >= pod.priority && other.key !== pod.key,
      )
      if (expected.length === 0) return undefined
      for (const other of expected) this.addPod(other, slot, filters)
      single.only(slot)
      for (const filter of filters) filter.filter?.(single)
      for (const other of expected) this.removePod(other, slot, filters)
      return single.count > 0 ? undefined : set.statuses[slot]
    })
  }

  /** What if: undone by `removePod`. */
  addPod(pod: PodInfo, slot: number, filters: readonly Filter[]): void {
    this.#snapshot.nodes.place(slot, pod)
    for (const filter of filters) filter.addPod?.(pod, slot)
  }

  removePod(pod: PodInfo, slot: number, filters: readonly Filter[]): void {
    this.#snapshot.nodes.displace(slot, pod)
    for (const filter of filters) filter.removePod?.(pod, slot)
  }

  /** The highest score; among equals any, by chance. */
  #best(pod: PodInfo, profile: Profile, slots: Int32Array): number {
    if (slots.length === 1) return slots[0] as number
    if (this.#total.length < slots.length) {
      this.#total = new Float64Array(slots.length)
      this.#scratch = new Float64Array(slots.length)
    }
    const total = this.#total
    profile.score(pod, slots, this.#snapshot, { total, scratch: this.#scratch })
    let best = 0
    let equals = 1
    for (let i = 1; i < slots.length; i++) {
      const score = total[i] as number
      const top = total[best] as number
      if (score > top) {
        best = i
        equals = 1
      } else if (score === top && this.#random.next() * ++equals < 1) best = i
    }
    return slots[best] as number
  }
}

/** Upstream's rule: all of a hundred; else a percentage that falls from 50 as the cluster grows, never below 5. */
export function nodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < nodesMin || percentage >= 100) return nodeCount
  const share = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(nodeCount / 125))
  return Math.max(nodesMin, Math.floor((nodeCount * share) / 100))
}

const exclusions = new Map<string, NodeStatus>()
function excluded(plugin: string): NodeStatus {
  let status = exclusions.get(plugin)
  if (!status) exclusions.set(plugin, (status = unresolvable(plugin, `node(s) didn't satisfy plugin(s) [${plugin}]`)))
  return status
}

function pluginsOf(statuses: readonly (NodeStatus | undefined)[]): ReadonlySet<string> {
  const found = new Set<string>()
  for (const status of statuses) if (status) found.add(status.plugin)
  return found
}
