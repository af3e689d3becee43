/** Whether a pod that fits nowhere may push others off a node, which node, and whom. Pure; see preemptor.ts for the deed. */
import type { PodInfo } from '../../cache/pod-info.js'
import { fitMessage } from '../../framework/fit-error.js'
import type { PreemptionOptions } from '../../framework/profile.js'
import { isStatus, type NodeStatus, unresolvable } from '../../framework/status.js'
import type { Random } from '../../../base/random.js'
import { type Candidate, type DryRun, dryRun, leastLoss } from './candidates.js'

export type Preemption =
  | { readonly kind: 'preempt'; readonly candidate: Candidate }
  /** Not this time: the nomination stays as it is. */
  | { readonly kind: 'not eligible'; readonly message: string }
  /** It would not help: a nomination is withdrawn. */
  | { readonly kind: 'useless'; readonly message: string }

const notHelpful = unresolvable('DefaultPreemption', 'Preemption is not helpful for scheduling')

export function findPreemption(run: DryRun, options: PreemptionOptions, random: Random, nominatedNode: string): Preemption {
  const reason = ineligibility(run, nominatedNode)
  if (reason) return { kind: 'not eligible', message: `preemption: ${reason}` }
  const { failure, snapshot, nowMs } = run
  const potential = failure.preFilter ? [] : [...snapshot.nodes.order].filter((slot) => failure.statuses[slot]?.code === 'unschedulable')
  const { candidates, statuses } = dryRuns(run, potential, options, random)
  const candidate = leastLoss(candidates, nowMs)
  if (candidate) return { kind: 'preempt', candidate }
  const all = [...snapshot.nodes.order].map((slot) => statuses.get(slot) ?? notHelpful)
  return { kind: 'useless', message: `preemption: ${fitMessage({ nodeCount: all.length, statuses: all })}` }
}

/** Upstream looks at a share of the nodes from a random one on, and at least until one is found that breaks no budget. */
function dryRuns(run: DryRun, slots: readonly number[], options: PreemptionOptions, random: Random) {
  const share = Math.floor((slots.length * options.minCandidateNodesPercentage) / 100)
  const enough = Math.min(slots.length, Math.max(share, options.minCandidateNodesAbsolute))
  const offset = Math.floor(random.next() * slots.length)
  const statuses = new Map<number, NodeStatus>()
  const candidates: Candidate[] = []
  let keepsBudgets = false
  for (let i = 0; i < slots.length && !(candidates.length >= enough && keepsBudgets); i++) {
    const slot = slots[(offset + i) % slots.length] as number
    const found = dryRun(run, slot)
    if (isStatus(found)) statuses.set(slot, found)
    else {
      candidates.push(found)
      if (found.violations === 0) keepsBudgets = true
    }
  }
  return { candidates, statuses }
}

function ineligibility({ pod, failure, snapshot }: DryRun, nominatedNode: string): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const slot = nominatedNode === '' ? undefined : snapshot.nodes.slotOf(nominatedNode)
  if (slot === undefined) return undefined
  // The node has become hopeless meanwhile: the pod need not wait for its victims there.
  if (failure.statuses[slot]?.code === 'unresolvable') return undefined
  const leaving = snapshot.nodes.pods[slot]?.some((other) => other.priority < pod.priority && isLeavingForAnother(other))
  return leaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined
}

export const preemptedReason = 'PreemptionByScheduler'

function isLeavingForAnother({ pod, isTerminating }: PodInfo): boolean {
  if (!isTerminating) return false
  const condition = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')
  return condition?.status === 'True' && condition.reason === preemptedReason
}
