import type { Node, Pod } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin } from '../admission.js'
import { type AdmissionDeps, on } from '../plugin.js'

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const

/** A pod learns zone and region of its node as labels of its own (KEP-4742), when it is bound or made on a node. */
export function podTopologyLabels({ access }: AdmissionDeps): AdmissionPlugin {
  const nodes = access.lister<Node>(resources.nodes)
  return {
    name: 'PodTopologyLabels',
    handles: on(['CREATE'], 'pods', 'pods/binding', 'bindings'),
    mutate({ object, resource, subresource }) {
      if (!object) return
      const isPod = resource.resource === 'pods' && subresource === ''
      const nodeName = isPod ? (object as unknown as Pod).spec?.nodeName : (object['target'] as { name?: string } | undefined)?.name
      const labels = nodeName ? nodes.get(nodeName)?.metadata.labels : undefined
      const found = copied.flatMap((key) => (labels?.[key] === undefined ? [] : [[key, labels[key]] as const]))
      if (found.length > 0) object.metadata.labels = { ...object.metadata.labels, ...Object.fromEntries(found) }
    },
  }
}
