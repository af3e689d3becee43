import type { Node, Taint } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { hints, type Hint, type Plugin, skip } from '../../framework/plugin.js'
import { unresolvable } from '../../framework/status.js'
import { isTolerated } from '../../../api/selectors/node.js'

const name = 'NodeUnschedulable'
const cordoned = unresolvable(name, 'node(s) were unschedulable')
const taint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

/** Keeps pods off cordoned nodes, unless they tolerate the taint that a cordon stands for. */
export function nodeUnschedulable(): Plugin {
  const takes = (pod: PodInfo, node: Node) => !node.spec?.unschedulable || isTolerated(pod.pod.spec?.tolerations, taint)
  const opened: Hint = (pod, event) => (event.kind === 'NodeAdd' || event.kind === 'NodeUpdate') && takes(pod, event.node)
  return {
    name,
    events: hints({ NodeAdd: opened, NodeUpdate: opened }),
    preFilter: (pod, { nodes }) => {
      if (isTolerated(pod.pod.spec?.tolerations, taint)) return skip
      return { filter: (set) => set.keep((slot) => (nodes.cordoned[slot] === 1 ? cordoned : undefined)) }
    },
  }
}
