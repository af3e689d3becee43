import type { Pod } from '../../api/types/core-v1.js'
import { isPodReady, readySinceMs, restartsOf } from '../common/pods.js'

const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost'
const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * The pods that a scale-down ends, worst first (KEP-2255 and the ReplicaSet documentation): unassigned, then pending, then
 * not ready, then cheap by annotation, then on crowded nodes, then ready for a shorter time, restarted more often, younger.
 * `related`: active pods of the same owner family, by which nodes count as crowded.
 */
export function podsToDelete(pods: readonly Pod[], count: number, related: readonly Pod[], nowMs: number): Pod[] {
  if (count >= pods.length) return [...pods]
  const crowd = new Map<string, number>()
  for (const pod of related) {
    const node = pod.spec?.nodeName
    if (node) crowd.set(node, (crowd.get(node) ?? 0) + 1)
  }
  const ranked = pods.map((pod) => ({ pod, rank: rankOf(pod, crowd, nowMs) }))
  ranked.sort((a, b) => {
    for (let i = 0; i < a.rank.length; i++) {
      const difference = (a.rank[i] ?? 0) - (b.rank[i] ?? 0)
      if (difference !== 0) return difference
    }
    return 0
  })
  return ranked.slice(0, count).map(({ pod }) => pod)
}

/** Lower goes first, compared member by member. */
function rankOf(pod: Pod, crowd: ReadonlyMap<string, number>, nowMs: number): number[] {
  return [
    pod.spec?.nodeName ? 1 : 0,
    phaseRank[pod.status?.phase ?? 'Unknown'] ?? 1,
    isPodReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(crowd.get(pod.spec?.nodeName ?? '') ?? 0),
    ageBucket(nowMs - (readySinceMs(pod) ?? nowMs)),
    -restartsOf(pod),
    ageBucket(nowMs - Date.parse(pod.metadata.creationTimestamp ?? '')),
  ]
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[deletionCostAnnotation] ?? 0)
  return Number.isInteger(cost) ? cost : 0
}

/** Ages are compared on a logarithmic scale, so that pods of about the same age go in no particular order (KEP-2185). */
function ageBucket(ms: number): number {
  return ms > 1000 ? Math.floor(Math.log2(ms / 1000)) : 0
}
