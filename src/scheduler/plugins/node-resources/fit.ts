/** Lets a pod only onto nodes with room for what it requests, and ranks nodes by how full they would be. */
import { amountOf } from '../../cache/requests.js'
import type { PodInfo } from '../../cache/pod-info.js'
import type { NodeTable, ResourceColumn } from '../../cache/node-table.js'
import type { NodeSet } from '../../framework/node-set.js'
import { hints, type Hint, type Plugin } from '../../framework/plugin.js'
import { type NodeStatus, unresolvable, unschedulable } from '../../framework/status.js'
import { type ScoringStrategy, scoreNodes, strategyScorer } from './scoring.js'

const name = 'NodeResourcesFit'

export interface NodeResourcesFitArgs {
  readonly ignoredResources?: readonly string[]
  readonly ignoredResourceGroups?: readonly string[]
  readonly scoringStrategy?: ScoringStrategy
}

interface Demand {
  readonly resource: string
  readonly amount: number
  /** undefined: no node has it. */
  readonly column: ResourceColumn | undefined
}

export function nodeResourcesFit(args: NodeResourcesFitArgs = {}): Plugin {
  const ignored = new Set(args.ignoredResources)
  const ignoredGroups = new Set(args.ignoredResourceGroups)
  const isIgnored = (resource: string) => {
    const slash = resource.indexOf('/')
    return slash > 0 && (ignored.has(resource) || ignoredGroups.has(resource.slice(0, slash)))
  }
  const scorer = strategyScorer(args.scoringStrategy)
  const statuses = new Map<string, NodeStatus>()
  const statusOf = (lacking: readonly string[], hopeless: boolean) => {
    const key = `${hopeless}${lacking.join()}`
    let status = statuses.get(key)
    if (!status) {
      if (statuses.size > 1_000) statuses.clear()
      statuses.set(key, (status = hopeless ? unresolvable(name, ...lacking) : unschedulable(name, ...lacking)))
    }
    return status
  }
  return {
    name,
    events: hints({
      NodeAdd: (pod, event) => event.kind === 'NodeAdd' && couldHold(event.node.status?.allocatable, pod),
      NodeUpdate: (pod, event) =>
        event.kind === 'NodeUpdate' && event.changes.has('allocatable') && couldHold(event.node.status?.allocatable, pod),
      AssignedPodDelete: frees,
      AssignedPodUpdate: (pod, event) => event.kind === 'AssignedPodUpdate' && shrank(event.pod, event.old) && overlaps(pod, event.old),
      PodUpdate: (_, event) => event.kind === 'PodUpdate' && shrank(event.pod, event.old),
    }),
    preFilter(pod, { nodes }) {
      const demands = demandsOf(pod, nodes).filter(({ resource }) => !isIgnored(resource))
      return { filter: (set) => filterFit(set, nodes, demands, statusOf) }
    },
    score: (pod, slots, { nodes }, into) => {
      scoreNodes({ pod, slots, nodes, into }, scorer)
      return true
    },
  }
}

function demandsOf({ requests }: PodInfo, nodes: NodeTable): Demand[] {
  const demands: Demand[] = []
  const add = (resource: string, amount: number, column: ResourceColumn | undefined) => {
    if (amount > 0) demands.push({ resource, amount, column })
  }
  add('cpu', requests.milliCpu, nodes.cpu)
  add('memory', requests.memory, nodes.memory)
  add('ephemeral-storage', requests.ephemeralStorage, nodes.ephemeralStorage)
  for (const [resource, amount] of requests.scalars ?? []) add(resource, amount, nodes.column(resource))
  return demands
}

function filterFit(
  set: NodeSet,
  nodes: NodeTable,
  demands: readonly Demand[],
  statusOf: (lacking: readonly string[], hopeless: boolean) => NodeStatus,
): void {
  const { podsAllocatable, pods } = nodes
  set.keep((slot) => {
    let lacking: string[] | undefined
    let hopeless = false
    if ((pods[slot] as PodInfo[]).length + 1 > (podsAllocatable[slot] as number)) (lacking ??= []).push('Too many pods')
    for (let i = 0; i < demands.length; i++) {
      const { resource, amount, column } = demands[i] as Demand
      const allocatable = column ? (column.allocatable[slot] as number) : 0
      const requested = column ? (column.requested[slot] as number) : 0
      if (amount <= allocatable - requested) continue
      ;(lacking ??= []).push(`Insufficient ${resource}`)
      // Even empty the node would be too small: nobody need be preempted for it.
      if (amount > allocatable) hopeless = true
    }
    return lacking && statusOf(lacking, hopeless)
  })
}

/** An empty node of this size would do: whether it has room is for the filter to say. */
function couldHold(allocatable: Readonly<Record<string, string>> | undefined, pod: PodInfo): boolean {
  if (!allocatable) return false
  const { requests } = pod
  const has = (resource: string, amount: number) => amount === 0 || amountOf(resource, allocatable[resource] ?? '0') >= amount
  if (!has('pods', 1) || !has('cpu', requests.milliCpu) || !has('memory', requests.memory)) return false
  if (!has('ephemeral-storage', requests.ephemeralStorage)) return false
  for (const [resource, amount] of requests.scalars ?? []) if (!has(resource, amount)) return false
  return true
}

/** A pod that goes leaves a place, and often what the waiting one lacks. */
const frees: Hint = () => true

/** The two want something of the same kind. */
function overlaps(pod: PodInfo, other: PodInfo): boolean {
  const { requests: a } = pod
  const { requests: b } = other
  if (a.milliCpu > 0 && b.milliCpu > 0) return true
  if (a.memory > 0 && b.memory > 0) return true
  if (a.ephemeralStorage > 0 && b.ephemeralStorage > 0) return true
  for (const [resource] of a.scalars ?? []) if (b.scalars?.has(resource)) return true
  return false
}

function shrank(now: PodInfo, before: PodInfo): boolean {
  const { requests: a } = now
  const { requests: b } = before
  if (a.milliCpu < b.milliCpu || a.memory < b.memory || a.ephemeralStorage < b.ephemeralStorage) return true
  for (const [resource, amount] of b.scalars ?? []) if ((a.scalars?.get(resource) ?? 0) < amount) return true
  return false
}
