/**
 * Puts pods near pods and keeps them away from pods, by topology domain: what the pod wants of those that run, and what those
 * that run do not want near them (required anti-affinity and every preference are symmetric).
 */
import type { Counts } from '../../cache/pod-index.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { type NamespaceLabels, type PodTerm, termMatches } from '../../cache/pod-term.js'
import type { Topology } from '../../cache/topology.js'
import type { NodeSet } from '../../framework/node-set.js'
import { type Filter, hints, type Hint, type Plugin, type Snapshot } from '../../framework/plugin.js'
import { unresolvable, unschedulable } from '../../framework/status.js'
import { scoreByPeers } from './scoring.js'

const name = 'InterPodAffinity'
const noPeer = unresolvable(name, "node(s) didn't match pod affinity rules")
const peer = unschedulable(name, "node(s) didn't match pod anti-affinity rules")
const unwanted = unschedulable(name, "node(s) didn't satisfy existing pods anti-affinity rules")

export interface InterPodAffinityArgs {
  readonly hardPodAffinityWeight?: number
  readonly ignorePreferredTermsOfExistingPods?: boolean
}

export function interPodAffinity(args: InterPodAffinityArgs, labelsOf: NamespaceLabels): Plugin {
  const { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false } = args
  const concerns = (pod: PodInfo, other: PodInfo): boolean => {
    const { affinity, antiAffinity } = pod.terms
    return (
      affinity.some((term) => termMatches(term, other, labelsOf)) ||
      antiAffinity.some((term) => termMatches(term, other, labelsOf)) ||
      other.terms.antiAffinity.some((term) => termMatches(term, pod, labelsOf))
    )
  }
  const pods: Hint = (pod, event) => {
    if (event.kind === 'AssignedPodUpdate') return concerns(pod, event.pod) || concerns(pod, event.old)
    return (event.kind === 'AssignedPodAdd' || event.kind === 'AssignedPodDelete') && concerns(pod, event.pod)
  }
  const labels: Hint = (_, event) => event.kind === 'NodeAdd' || (event.kind === 'NodeUpdate' && event.changes.has('labels'))
  return {
    name,
    events: hints({
      ...{ AssignedPodAdd: pods, AssignedPodUpdate: pods, AssignedPodDelete: pods, NodeAdd: labels, NodeUpdate: labels },
      PodUpdate: (_, event) => event.kind === 'PodUpdate' && JSON.stringify(event.pod.labels) !== JSON.stringify(event.old.labels),
      NamespaceUpdate: () => true,
    }),
    // Never skipped: a pod that is only promised to a node may repel this one too, without being among those that run.
    preFilter: (pod, snapshot) => new AffinityFilter(pod, snapshot),
    score: (pod, slots, snapshot, into) =>
      scoreByPeers({ pod, slots, snapshot, into, hardWeight: hardPodAffinityWeight, ignoreExisting: ignorePreferredTermsOfExistingPods }),
  }
}

/** How many pods of a kind a domain has. */
interface Domains {
  readonly topology: Topology
  readonly counts: Int32Array
}

/** Domains where pods run that do not want this one near. */
function repellingDomains(pod: PodInfo, { index, nodes, namespaceLabels }: Snapshot): Map<string, Domains> {
  const found = new Map<string, Domains>()
  for (const held of index.held('antiAffinity')) {
    if (!termMatches(held.term, pod, namespaceLabels)) continue
    const { topologyKey } = held.term
    let domains = found.get(topologyKey)
    if (!domains) found.set(topologyKey, (domains = emptyDomains(nodes.topology(topologyKey))))
    addCounts(domains, held, nodes.order)
  }
  return found
}

function emptyDomains(topology: Topology): Domains {
  return { topology, counts: new Int32Array(topology.size) }
}

function addCounts({ topology, counts }: Domains, of: Counts, order: Int32Array): void {
  const { domains } = topology
  const bySlot = of.counts
  for (let i = 0; i < order.length; i++) {
    const slot = order[i] as number
    if (slot >= bySlot.length) continue
    const count = bySlot[slot] as number
    const domain = domains[slot] as number
    if (count > 0 && domain >= 0) counts[domain] = (counts[domain] as number) + count
  }
}

interface TermDomains extends Domains {
  readonly term: PodTerm
}

class AffinityFilter implements Filter {
  readonly #pod: PodInfo
  readonly #labelsOf: NamespaceLabels
  readonly #repelling: Map<string, Domains>
  readonly #affinity: readonly TermDomains[]
  readonly #antiAffinity: readonly TermDomains[]
  readonly #nodes: Snapshot['nodes']
  /** The pod would be a peer of itself: the first of a group that wants to be together may go anywhere. */
  readonly #isOwnPeer: boolean

  constructor(pod: PodInfo, snapshot: Snapshot) {
    const { nodes, index, namespaceLabels } = snapshot
    this.#pod = pod
    this.#nodes = nodes
    this.#labelsOf = namespaceLabels
    this.#repelling = repellingDomains(pod, snapshot)
    const { affinity, antiAffinity } = pod.terms
    // A peer must be meant by all the terms at once.
    const peers = affinity.length > 0 ? index.matchingTerms(affinity) : undefined
    this.#affinity = affinity.map((term) => this.#count(term, peers as Counts))
    this.#antiAffinity = antiAffinity.map((term) => this.#count(term, index.matchingTerm(term)))
    this.#isOwnPeer = affinity.every((term) => termMatches(term, pod, namespaceLabels))
  }

  filter(set: NodeSet): void {
    if (this.#affinity.length > 0) {
      const anywhere = this.#isOwnPeer && this.#affinity.every(({ counts }) => counts.every((count) => count === 0))
      set.keep((slot) => (this.#hasPeers(slot, anywhere) ? undefined : noPeer))
    }
    if (this.#antiAffinity.length > 0) set.keep((slot) => (this.#antiAffinity.some((domains) => hasAny(domains, slot)) ? peer : undefined))
    for (const domains of this.#repelling.values()) set.keep((slot) => (hasAny(domains, slot) ? unwanted : undefined))
  }

  addPod(pod: PodInfo, slot: number): void {
    this.#change(pod, slot, 1)
  }

  removePod(pod: PodInfo, slot: number): void {
    this.#change(pod, slot, -1)
  }

  #hasPeers(slot: number, anywhere: boolean): boolean {
    for (const { topology, counts } of this.#affinity) {
      const domain = topology.domains[slot] as number
      if (domain < 0 || (!anywhere && (counts[domain] as number) <= 0)) return false
    }
    return true
  }

  #count(term: PodTerm, of: Counts): TermDomains {
    const domains = { term, ...emptyDomains(this.#nodes.topology(term.topologyKey)) }
    addCounts(domains, of, this.#nodes.order)
    return domains
  }

  #change(pod: PodInfo, slot: number, by: 1 | -1): void {
    for (const term of pod.terms.antiAffinity) {
      if (!termMatches(term, this.#pod, this.#labelsOf)) continue
      let domains = this.#repelling.get(term.topologyKey)
      if (!domains) this.#repelling.set(term.topologyKey, (domains = emptyDomains(this.#nodes.topology(term.topologyKey))))
      bump(domains, slot, by)
    }
    if (this.#affinity.length > 0 && this.#affinity.every(({ term }) => termMatches(term, pod, this.#labelsOf)))
      for (const domains of this.#affinity) bump(domains, slot, by)
    for (const domains of this.#antiAffinity) if (termMatches(domains.term, pod, this.#labelsOf)) bump(domains, slot, by)
  }
}

function hasAny({ topology, counts }: Domains, slot: number): boolean {
  const domain = topology.domains[slot] as number
  return domain >= 0 && (counts[domain] as number) > 0
}

function bump({ topology, counts }: Domains, slot: number, by: number): void {
  const domain = topology.domains[slot] as number
  if (domain >= 0) counts[domain] = (counts[domain] as number) + by
}
