import type { Node, Taint, Toleration } from '../../api/types/core-v1.js'
import { toleratedBy } from '../common/taints.js'

const none: readonly Taint[] = []

export function noExecuteTaints(node: Node): readonly Taint[] {
  const taints = node.spec?.taints
  return taints?.some(({ effect }) => effect === 'NoExecute') ? taints.filter(({ effect }) => effect === 'NoExecute') : none
}

/** How long a pod may stay under these taints: 0 for not at all, undefined for as long as it likes. The shortest toleration counts. */
export function evictionDelayMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  if (taints.length === 0) return undefined
  const used = toleratedBy(taints, tolerations)
  if (!used) return 0
  const seconds = used.map(({ tolerationSeconds }) => tolerationSeconds).filter((each) => each !== undefined)
  return seconds.length === 0 ? undefined : Math.max(0, Math.min(...seconds)) * 1000
}
