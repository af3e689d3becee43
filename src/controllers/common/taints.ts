import { tolerates } from '../../api/selectors/node.js'
import type { Taint, Toleration } from '../../api/types/core-v1.js'

/** The tolerations that answer the taints, one a taint; undefined when one of them is not tolerated. */
export function toleratedBy(taints: readonly Taint[], tolerations: readonly Toleration[]): Toleration[] | undefined {
  const used: Toleration[] = []
  for (const taint of taints) {
    const answer = tolerations.find((toleration) => tolerates(toleration, taint))
    if (!answer) return undefined
    used.push(answer)
  }
  return used
}

/** A taint is known by key and effect; its value may differ. */
export const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect
