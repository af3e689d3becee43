/**
 * Tells kubelets by an annotation how long they may keep ConfigMaps and Secrets: the longer the more nodes there are, so that a
 * large cluster's kubelets do not swamp the API server. A node's annotation follows with its next update.
 */
import { keyOf } from '../../api/object.js'
import type { Node } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { unlessGone } from '../common/refusals.js'
import type { Controller } from '../controller.js'

const annotation = 'node.alpha.kubernetes.io/ttl'

/** Ranges of cluster sizes overlap, so that one node more or less does not rewrite all. */
const steps = [
  { fromNodes: 0, toNodes: 100, seconds: 0 },
  { fromNodes: 90, toNodes: 500, seconds: 15 },
  { fromNodes: 450, toNodes: 1000, seconds: 30 },
  { fromNodes: 900, toNodes: 2000, seconds: 60 },
  { fromNodes: 1800, toNodes: Number.POSITIVE_INFINITY, seconds: 300 },
] as const

/** The step for a cluster of this size that was at `step` before. */
export function nextStep(step: number, nodes: number): number {
  let next = step
  while (nodes > (steps[next]?.toNodes ?? 0)) next++
  while (nodes < (steps[next]?.fromNodes ?? 0)) next--
  return next
}

export const secondsAt = (step: number): number => steps[step]?.seconds ?? 0

export function ttlController(): Controller {
  let nodes = 0
  let step = 0
  const wanted = () => String(secondsAt(step))
  return {
    name: 'ttl-controller',
    watches: [
      {
        resource: resources.nodes,
        toKeys(object, _view, change) {
          if (change !== 'update') {
            nodes += change === 'add' ? 1 : -1
            step = nextStep(step, nodes)
          }
          return change === 'delete' || object.metadata.annotations?.[annotation] === wanted() ? [] : [keyOf(object)]
        },
      },
    ],
    async reconcile(key, view) {
      const node = view.lister<Node>(resources.nodes).get(key)
      if (!node || node.metadata.annotations?.[annotation] === wanted()) return
      const body = { metadata: { annotations: { [annotation]: wanted() } } }
      await unlessGone(view.client.resource(resources.nodes).patch('', key, { type: 'merge', body }))
    },
  }
}
