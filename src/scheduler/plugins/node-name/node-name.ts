import { hints, type Plugin, skip } from '../../framework/plugin.js'
import { unresolvable } from '../../framework/status.js'

const name = 'NodeName'
const other = unresolvable(name, "node(s) didn't match the requested node name")

/** Lets a pod that names its node onto no other. (Such pods rarely come here: they have a node already.) */
export function nodeName(): Plugin {
  return {
    name,
    events: hints({ NodeAdd: (pod, event) => event.kind === 'NodeAdd' && event.node.metadata.name === pod.nodeName }),
    preFilter: (pod, { nodes }) => {
      if (pod.nodeName === '') return skip
      return { filter: (set) => set.keep((slot) => (nodes.names[slot] === pod.nodeName ? undefined : other)) }
    },
  }
}
