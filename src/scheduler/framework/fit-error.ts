/** What the user reads when no node takes a pod: upstream's counted sentence. */
import type { NodeStatus } from './status.js'

export interface Diagnosis {
  readonly nodeCount: number
  /** Of the nodes looked at and rejected. */
  readonly statuses: Iterable<NodeStatus>
  /** A plugin rejected the pod as a whole. */
  readonly preFilter?: NodeStatus
}

export function fitMessage({ nodeCount, statuses, preFilter }: Diagnosis, after = ''): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods'
  let message = `0/${nodeCount} nodes are available:`
  if (preFilter) message += ` ${preFilter.reasons.join(', ')}.`
  else {
    const lines = countReasons(statuses)
    if (lines.length > 0) message += ` ${lines.join(', ')}.`
  }
  return after ? `${message} ${after}` : message
}

function countReasons(statuses: Iterable<NodeStatus>): string[] {
  const counts = new Map<string, number>()
  for (const { reasons } of statuses) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${count} ${reason}`).sort()
}
