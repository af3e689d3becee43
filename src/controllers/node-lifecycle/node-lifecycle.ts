/**
 * Watches over nodes: a node that shows no life for the grace period gets Unknown conditions; conditions become NoSchedule taints
 * at once and NoExecute taints at a rate that depends on how much of its zone is down; pods of a node that was lost are marked
 * not Ready. Emptying the nodes is the work of the taint-eviction-controller.
 *
 * A look at every node every --node-monitor-period; events cost what they touch.
 */
import { keyOf } from '../../api/object.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { sameJson } from '../../api/same-json.js'
import { indexPodsByNode } from '../common/pods-by-node.js'
import type { Controller, View } from '../controller.js'
import { labelChange } from './labels.js'
import { evictKey, Monitor, nodeLifecycleDefaults, type NodeLifecycleOptions } from './monitor.js'
import { noScheduleChange, writeTaints } from './taints.js'

/** Keys beside "node/NAME" and "pod/NAMESPACE/NAME". */
const monitorKey = 'monitor'

export function nodeLifecycleController(options: NodeLifecycleOptions = nodeLifecycleDefaults): Controller {
  const monitor = new Monitor(options)
  return {
    name: 'node-lifecycle-controller',
    eventSource: 'node-controller',
    workers: 10,
    watches: [
      { resource: resources.nodes, toKeys: (object, _view, change) => (change === 'delete' ? [] : [`node/${keyOf(object)}`]), changed },
      // Leases are read in the monitor's look.
      { resource: resources.leases, toKeys: () => [], changed: () => false },
      {
        resource: resources.pods,
        toKeys: (object, _view, change) => (change !== 'delete' && monitor.isLost(object as Pod) ? [`pod/${keyOf(object)}`] : []),
        changed: (object, old) => (object as Pod).spec?.nodeName !== (old as Pod).spec?.nodeName,
      },
    ],
    start(view) {
      indexPodsByNode(view)
      view.enqueue(monitorKey)
    },
    async reconcile(key, view) {
      if (key === monitorKey) return monitor.look(view)
      if (key === evictKey) return monitor.taintNext(view)
      const slash = key.indexOf('/')
      const name = key.slice(slash + 1)
      if (key.startsWith('node/')) return reconcileNode(name, view)
      return monitor.markPod(name, view)
    },
  }
}

/** True when an update may change taints or labels. */
function changed(object: Node, old: Node): boolean {
  return (
    object.spec?.unschedulable !== old.spec?.unschedulable ||
    !sameJson(object.spec?.taints, old.spec?.taints) ||
    !sameJson(object.metadata.labels, old.metadata.labels) ||
    !sameJson(statuses(object), statuses(old))
  )
}

const statuses = (node: Node) => (node.status?.conditions ?? []).map(({ type, status }) => [type, status])

async function reconcileNode(name: string, view: View): Promise<void> {
  const node = view.lister<Node>(resources.nodes).get(name)
  if (!node) return
  const change = noScheduleChange(node)
  if (change.add.length > 0 || change.remove.length > 0) await writeTaints(view, node, change)
  const labels = labelChange(node.metadata.labels ?? {})
  if (labels) await view.client.resource(resources.nodes).patch('', name, { type: 'merge', body: { metadata: { labels } } })
}
