import type { Node } from '../../../api/types/core-v1.js'
import type { AdmissionPlugin } from '../admission.js'
import { on } from '../plugin.js'

const key = 'node.kubernetes.io/not-ready'

/** A new node gets no pods before its first Ready: the node lifecycle controller takes this taint off. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    handles: on(['CREATE'], 'nodes'),
    mutate({ object }) {
      const node = object as unknown as Node
      if (node.spec?.taints?.some((taint) => taint.key === key && taint.effect === 'NoSchedule')) return
      node.spec = { ...node.spec, taints: [...(node.spec?.taints ?? []), { key, effect: 'NoSchedule' }] }
    },
  }
}
