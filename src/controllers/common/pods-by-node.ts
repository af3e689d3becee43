import type { Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { View } from '../controller.js'

const nodeIndex = 'nodeName'

/** Call it in `start` of a controller that watches pods. */
export function indexPodsByNode(view: View): void {
  view.informer<Pod>(resources.pods).addIndex(nodeIndex, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []))
}

export function podsOnNode(view: View, node: string): readonly Pod[] {
  return view.lister<Pod>(resources.pods).by(nodeIndex, node)
}
