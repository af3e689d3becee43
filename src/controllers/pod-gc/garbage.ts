/** Which pods are garbage. Pure. */
import type { Node, Pod } from '../../api/types/core-v1.js'

const outOfServiceTaint = 'node.kubernetes.io/out-of-service'

const isEvicted = ({ status }: Pod): boolean => status?.phase === 'Failed' && status.reason === 'Evicted'

/** Evicted pods before others, then the oldest: what is least missed goes first. */
function byWorth(a: Pod, b: Pod): number {
  if (isEvicted(a) !== isEvicted(b)) return isEvicted(a) ? -1 : 1
  const [first = '', second = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (first !== second) return first < second ? -1 : 1
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}

/** Pods that have ended beyond so many (--terminated-pod-gc-threshold; 0 keeps all). */
export function surplusEnded(pods: readonly Pod[], threshold: number): readonly Pod[] {
  if (threshold <= 0) return []
  const ended = pods.filter(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed')
  if (ended.length <= threshold) return []
  return ended.sort(byWorth).slice(0, ended.length - threshold)
}

/** Ending pods of nodes that are down and that the administrator has declared out of service (KEP-2268). */
export function endingOnDeadNodes(pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): readonly Pod[] {
  return pods.filter(({ metadata, spec }) => {
    const node = metadata.deletionTimestamp && spec?.nodeName ? nodeOf(spec.nodeName) : undefined
    return node !== undefined && isOutOfService(node)
  })
}

function isOutOfService({ spec, status }: Node): boolean {
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
  return !isReady && (spec?.taints?.some(({ key }) => key === outOfServiceTaint) ?? false)
}

/** Ending pods that no kubelet will ever end: they have no node. */
export function endingUnscheduled(pods: readonly Pod[]): readonly Pod[] {
  return pods.filter(({ metadata, spec }) => metadata.deletionTimestamp && !spec?.nodeName)
}
