/** Which pods would have to go on a node, and which node's loss is the least (upstream's order of criteria). Pure. */
import type { PodDisruptionBudget } from '../../../api/types/policy-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import type { Cycle, Failure } from '../../framework/cycle.js'
import { NodeSet } from '../../framework/node-set.js'
import type { Snapshot } from '../../framework/plugin.js'
import { type NodeStatus, unresolvable } from '../../framework/status.js'
import { splitByBudgets } from './budgets.js'

export interface Candidate {
  readonly slot: number
  /** The most important first. */
  readonly victims: readonly PodInfo[]
  /** Victims whose loss breaks a disruption budget. */
  readonly violations: number
}

export interface DryRun {
  readonly cycle: Cycle
  readonly snapshot: Snapshot
  readonly pod: PodInfo
  readonly failure: Failure
  readonly budgets: readonly PodDisruptionBudget[]
  readonly nowMs: number
}

const noVictims = unresolvable('DefaultPreemption', 'No preemption victims found for incoming pod')

/** The fewest pods to take away from the node so that `pod` fits; or why that does not help. Leaves the cache as it was. */
export function dryRun({ cycle, snapshot, pod, failure: { filters }, budgets, nowMs }: DryRun, slot: number): Candidate | NodeStatus {
  const { nodes } = snapshot
  const lower = (nodes.pods[slot] as PodInfo[]).filter(({ priority }) => priority < pod.priority)
  if (lower.length === 0) return noVictims
  const set = new NodeSet(1)
  const fits = () => {
    cycle.filter(pod, filters, set.only(slot))
    return set.count > 0
  }
  const gone = new Set<PodInfo>()
  const take = (victim: PodInfo) => {
    cycle.removePod(victim, slot, filters)
    gone.add(victim)
  }
  const giveBack = (victim: PodInfo) => {
    cycle.addPod(victim, slot, filters)
    gone.delete(victim)
  }
  for (const victim of lower) take(victim)
  let violations = 0
  const fitsAtAll = fits()
  if (fitsAtAll) {
    const { breaking, allowed } = splitByBudgets([...lower].sort(byImportance(nowMs)), budgets)
    // Whoever can stay stays: first those that budgets protect, the most important first.
    const mustGo = (victim: PodInfo) => {
      giveBack(victim)
      if (fits()) return false
      take(victim)
      return true
    }
    for (const victim of breaking) if (mustGo(victim)) violations++
    for (const victim of allowed) mustGo(victim)
  }
  const victims = [...gone].sort(byImportance(nowMs))
  for (const victim of victims) giveBack(victim)
  if (!fitsAtAll) return set.statuses[slot] as NodeStatus
  return { slot, victims, violations }
}

function byImportance(nowMs: number): (a: PodInfo, b: PodInfo) => number {
  return (a, b) => b.priority - a.priority || startedMs(a, nowMs) - startedMs(b, nowMs)
}

function startedMs({ pod }: PodInfo, nowMs: number): number {
  return pod.status?.startTime ? Date.parse(pod.status.startTime) : nowMs
}

/** The first criterion that tells two apart decides; the first of equals wins. */
export function leastLoss(candidates: readonly Candidate[], nowMs: number): Candidate | undefined {
  let best: Candidate | undefined
  let bestRank: readonly number[] = []
  for (const candidate of candidates) {
    const rank = rankOf(candidate, nowMs)
    if (best && compareRanks(rank, bestRank) >= 0) continue
    best = candidate
    bestRank = rank
  }
  return best
}

/** Broken budgets, highest priority, sum of priorities, number of victims; then the latest start of the most important victims. */
function rankOf({ victims, violations }: Candidate, nowMs: number): readonly number[] {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY
  let sum = 0
  let earliest = Number.POSITIVE_INFINITY
  for (const victim of victims) {
    // Priorities may be negative: moved above zero, so that more victims never make a smaller sum.
    sum += victim.priority + 2 ** 31
    if (victim.priority === highest) earliest = Math.min(earliest, startedMs(victim, nowMs))
  }
  return [violations, highest, sum, victims.length, -earliest]
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const other = b[i] as number
    if (value !== other) return value < other ? -1 : 1
  }
  return 0
}
