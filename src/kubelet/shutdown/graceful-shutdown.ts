import type { Pod } from '../../api/types/core-v1.js'
import type { NodeState } from '../nodes/node-object.js'
import type { Verdict } from '../pods/status.js'

/**
 * Graceful node shutdown (KEP-2000, KEP-2712): pods end in groups from the least priority up, each group with its share of the time. Pure.
 */
export interface ShutdownPeriods {
  readonly shutdownGracePeriodMs: number
  readonly criticalGracePeriodMs: number
  readonly byPriority: readonly { readonly priority: number; readonly shutdownGracePeriodSeconds: number }[]
}

export interface ShutdownGroup {
  readonly pods: readonly Pod[]
  readonly graceSeconds: number
}

const systemCritical = 2_000_000_000

export function shutdownGroups(pods: readonly Pod[], periods: ShutdownPeriods): ShutdownGroup[] {
  const steps = stepsOf(periods)
  const groups = steps.map(({ graceSeconds }) => ({ pods: [] as Pod[], graceSeconds }))
  for (const pod of pods) {
    const priority = pod.spec?.priority ?? 0
    // The step of the greatest priority that is not above the pod's; below all of them, the first.
    const index = Math.max(
      0,
      steps.findLastIndex((step) => step.priority <= priority),
    )
    groups[index]?.pods.push(pod)
  }
  return groups.filter((group) => group.pods.length > 0)
}

function stepsOf({ shutdownGracePeriodMs, criticalGracePeriodMs, byPriority }: ShutdownPeriods) {
  if (byPriority.length > 0)
    return [...byPriority]
      .sort((a, b) => a.priority - b.priority)
      .map(({ priority, shutdownGracePeriodSeconds }) => ({ priority, graceSeconds: shutdownGracePeriodSeconds }))
  return [
    { priority: 0, graceSeconds: Math.floor((shutdownGracePeriodMs - criticalGracePeriodMs) / 1_000) },
    { priority: systemCritical, graceSeconds: Math.floor(criticalGracePeriodMs / 1_000) },
  ]
}

/** How long the machine has to be held up. */
export function shutdownSeconds(periods: ShutdownPeriods): number {
  return stepsOf(periods).reduce((sum, { graceSeconds }) => sum + graceSeconds, 0)
}

/** What a pod's status says that a shutdown ended. A pod's own grace counts where it is shorter. */
export function shutdownVerdict(pod: Pod, graceSeconds: number): Verdict {
  return {
    reason: 'Terminated',
    message: 'Pod was terminated in response to imminent node shutdown.',
    graceSeconds: Math.min(graceSeconds, pod.spec?.terminationGracePeriodSeconds ?? 30),
    isDisruption: true,
  }
}

export const shutdownRefusal: Verdict = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' }

export const shuttingDown: NodeState = { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' }
