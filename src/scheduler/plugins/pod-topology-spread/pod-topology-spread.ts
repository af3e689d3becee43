/** Spreads pods of a kind evenly over the domains of a topology: strictly, or as well as it goes. */
import type { Taint } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import type { Topology } from '../../cache/topology.js'
import { NodeClasses, type NodeTest } from '../../framework/node-classes.js'
import type { NodeSet } from '../../framework/node-set.js'
import { type Filter, hints, type Hint, type Plugin, skip, type Snapshot } from '../../framework/plugin.js'
import { unresolvable, unschedulable } from '../../framework/status.js'
import { isTolerated } from '../../../api/selectors/node.js'
import { type Constraint, Constraints, type OwnerListers, type PodTopologySpreadArgs } from './constraints.js'
import { scoreBySpread } from './scoring.js'

const name = 'PodTopologySpread'
const skewed = unschedulable(name, "node(s) didn't match pod topology spread constraints")
const noDomain = unresolvable(name, "node(s) didn't match pod topology spread constraints (missing required label)")

export function podTopologySpread(args: PodTopologySpreadArgs, listers: OwnerListers): Plugin {
  const constraints = new Constraints(args, listers)
  const classes = new NodeClasses()
  const counted: Hint = (pod, event) => {
    const matches = (other: PodInfo) =>
      other.namespace === pod.namespace && constraints.of(pod, 'DoNotSchedule').some(({ selector }) => selector.matches(other.labels))
    if (event.kind === 'AssignedPodUpdate') return matches(event.pod) || matches(event.old)
    return (event.kind === 'AssignedPodAdd' || event.kind === 'AssignedPodDelete') && matches(event.pod)
  }
  const domains: Hint = (_, event) =>
    event.kind === 'NodeAdd' || (event.kind === 'NodeUpdate' && (event.changes.has('labels') || event.changes.has('taints')))
  return {
    name,
    events: hints({
      ...{ AssignedPodAdd: counted, AssignedPodUpdate: counted, AssignedPodDelete: counted, NodeAdd: domains, NodeUpdate: domains },
      PodUpdate: (_, event) => event.kind === 'PodUpdate' && JSON.stringify(event.pod.labels) !== JSON.stringify(event.old.labels),
    }),
    preFilter(pod, snapshot) {
      const hard = constraints.of(pod, 'DoNotSchedule')
      if (hard.length === 0) return skip
      return new SpreadFilter(pod, hard, snapshot, new Inclusion(pod, snapshot, classes.of(pod.pod.spec, snapshot.nodes)))
    },
    score(pod, slots, snapshot, into) {
      const soft = constraints.of(pod, 'ScheduleAnyway')
      if (soft.length === 0) return false
      const needsAll = Boolean(pod.pod.spec?.topologySpreadConstraints?.length) || !constraints.areSystemDefaults
      const inclusion = new Inclusion(pod, snapshot, classes.of(pod.pod.spec, snapshot.nodes))
      return scoreBySpread({ pod, slots, snapshot, into, constraints: soft, needsAll, inclusion })
    },
  }
}

/** Which nodes count for a constraint (KEP-3094): those the pod's affinity allows, and on demand those whose taints it tolerates. */
export class Inclusion {
  readonly #pod: PodInfo
  readonly #snapshot: Snapshot
  readonly #byAffinity: NodeTest | undefined
  readonly #byTaints: (boolean | undefined)[] = []

  constructor(pod: PodInfo, snapshot: Snapshot, byAffinity: NodeTest | undefined) {
    this.#pod = pod
    this.#snapshot = snapshot
    this.#byAffinity = byAffinity
  }

  includes({ honorsAffinity, honorsTaints }: Constraint, slot: number): boolean {
    if (honorsAffinity && this.#byAffinity && !this.#byAffinity(slot)) return false
    return !honorsTaints || this.#tolerated(slot)
  }

  #tolerated(slot: number): boolean {
    const { taintSet, taintLists } = this.#snapshot.nodes
    const list = taintSet[slot] as number
    return (this.#byTaints[list] ??= (taintLists[list] ?? []).every((taint) => this.#isTolerated(taint)))
  }

  #isTolerated(taint: Taint): boolean {
    return taint.effect === 'PreferNoSchedule' || isTolerated(this.#pod.pod.spec?.tolerations, taint)
  }
}

interface Counted {
  readonly constraint: Constraint
  readonly topology: Topology
  /** Pods by domain. */
  readonly counts: Int32Array
  /** Nodes by domain: one without any is no domain for the constraint. */
  readonly nodes: Int32Array
  /** The pod is one of those it is spread among. */
  readonly self: 0 | 1
}

class SpreadFilter implements Filter {
  readonly #pod: PodInfo
  readonly #counted: readonly Counted[]
  readonly #inclusion: Inclusion

  constructor(pod: PodInfo, constraints: readonly Constraint[], snapshot: Snapshot, inclusion: Inclusion) {
    this.#pod = pod
    this.#inclusion = inclusion
    const topologies = constraints.map(({ topologyKey }) => snapshot.nodes.topology(topologyKey))
    const slots = withAllKeys(snapshot.nodes.order, topologies)
    this.#counted = constraints.map((constraint, i) => countDomains(pod, constraint, topologies[i] as Topology, slots, snapshot, inclusion))
  }

  filter(set: NodeSet): void {
    for (const { constraint, topology, counts, nodes, self } of this.#counted) {
      const { maxSkew, minDomains } = constraint
      const least = leastCount(counts, nodes, minDomains)
      set.keep((slot) => {
        const domain = topology.domains[slot] as number
        if (domain < 0) return noDomain
        return (counts[domain] as number) + self - least > maxSkew ? skewed : undefined
      })
    }
  }

  addPod(pod: PodInfo, slot: number): void {
    this.#change(pod, slot, 1)
  }

  removePod(pod: PodInfo, slot: number): void {
    this.#change(pod, slot, -1)
  }

  #change(pod: PodInfo, slot: number, by: 1 | -1): void {
    if (pod.namespace !== this.#pod.namespace || pod.isTerminating) return
    if (this.#counted.some(({ topology }) => (topology.domains[slot] as number) < 0)) return
    for (const { constraint, topology, counts } of this.#counted) {
      if (!constraint.selector.matches(pod.labels) || !this.#inclusion.includes(constraint, slot)) continue
      const domain = topology.domains[slot] as number
      counts[domain] = (counts[domain] as number) + by
    }
  }
}

/** Only nodes that belong to a domain of every constraint take part. */
function withAllKeys(order: Int32Array, topologies: readonly Topology[]): Int32Array {
  let slots = order
  for (const { domains } of topologies) {
    let lacking = false
    for (let i = 0; i < slots.length && !lacking; i++) lacking = (domains[slots[i] as number] as number) < 0
    if (lacking) slots = slots.filter((slot) => (domains[slot] as number) >= 0)
  }
  return slots
}

function countDomains(
  pod: PodInfo,
  constraint: Constraint,
  topology: Topology,
  slots: Int32Array,
  { index }: Snapshot,
  inclusion: Inclusion,
): Counted {
  const { counts: bySlot } = index.matchingSelector(pod.namespace, constraint.selector)
  const counts = new Int32Array(topology.size)
  const nodes = new Int32Array(topology.size)
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number
    if (!inclusion.includes(constraint, slot)) continue
    const domain = topology.domains[slot] as number
    nodes[domain] = (nodes[domain] as number) + 1
    if (slot < bySlot.length) counts[domain] = (counts[domain] as number) + (bySlot[slot] as number)
  }
  return { constraint, topology, counts, nodes, self: constraint.selector.matches(pod.labels) ? 1 : 0 }
}

/** 0 while there are fewer domains than there should be. */
function leastCount(counts: Int32Array, nodes: Int32Array, minDomains: number): number {
  let least = Number.POSITIVE_INFINITY
  let domains = 0
  for (let domain = 0; domain < counts.length; domain++) {
    if (nodes[domain] === 0) continue
    domains++
    if ((counts[domain] as number) < least) least = counts[domain] as number
  }
  return domains < minDomains ? 0 : least
}
