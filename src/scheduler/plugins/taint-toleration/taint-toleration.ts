/** Keeps pods off nodes with taints that they do not tolerate, and away from those with many soft ones. */
import type { Node, Taint } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { hints, type Hint, normalize, type Plugin } from '../../framework/plugin.js'
import { type NodeStatus, unresolvable } from '../../framework/status.js'
import { isTolerated } from '../../../api/selectors/node.js'

const name = 'TaintToleration'

export function taintToleration(): Plugin {
  const statuses = new Map<string, NodeStatus>()
  const statusOf = ({ key, value = '' }: Taint) => {
    const reason = `node(s) had untolerated taint {${key}: ${value}}`
    let status = statuses.get(reason)
    if (!status) {
      if (statuses.size > 1_000) statuses.clear()
      statuses.set(reason, (status = unresolvable(name, reason)))
    }
    return status
  }
  const nodeTakes = (pod: PodInfo, node: Node) => untolerated(pod, node.spec?.taints ?? []) === undefined
  const changed: Hint = (pod, event) => {
    if (event.kind === 'NodeAdd') return nodeTakes(pod, event.node)
    return event.kind === 'NodeUpdate' && event.changes.has('taints') && nodeTakes(pod, event.node)
  }
  return {
    name,
    events: hints({ NodeAdd: changed, NodeUpdate: changed, PodUpdate: tolerationsChanged }),
    preFilter: (pod, { nodes }) => {
      // By list of taints: undefined is "not looked at yet", null "tolerated".
      const found: (NodeStatus | null | undefined)[] = []
      const look = (set: number): NodeStatus | null => {
        const taint = untolerated(pod, nodes.taintLists[set] ?? [])
        return (found[set] = taint ? statusOf(taint) : null)
      }
      return {
        filter: (set) => {
          const { taintSet } = nodes
          set.keep((slot) => {
            const list = taintSet[slot] as number
            const known = found[list]
            return (known === undefined ? look(list) : known) ?? undefined
          })
        },
      }
    },
    score(pod, slots, { nodes }, into) {
      if (nodes.softTainted === 0) return false
      const counts: (number | undefined)[] = []
      for (let i = 0; i < slots.length; i++) {
        const list = nodes.taintSet[slots[i] as number] as number
        into[i] = counts[list] ??= softCount(pod, nodes.taintLists[list] ?? [])
      }
      normalize(into, slots.length, true)
      return true
    },
  }
}

function untolerated({ pod }: PodInfo, taints: readonly Taint[]): Taint | undefined {
  return taints.find((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(pod.spec?.tolerations, taint))
}

function softCount({ pod }: PodInfo, taints: readonly Taint[]): number {
  return taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(pod.spec?.tolerations, taint)).length
}

const tolerationsChanged: Hint = (_, event) =>
  event.kind === 'PodUpdate' && event.pod.pod.spec?.tolerations?.length !== event.old.pod.spec?.tolerations?.length
