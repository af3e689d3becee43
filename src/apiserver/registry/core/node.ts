import type { Node } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

/** Nodes: a kubelet registers its Node together with the status. */
export const nodeStrategy: Strategy<Node> = {
  resource: { group: '', resource: 'nodes' },
  generation: 'none',
  keepsStatusOnCreate: true,
  // Kept under upstream's historical name.
  storagePrefix: 'minions',
  prepareForUpdate(node, old) {
    node.status = structuredClone(old.status ?? {})
  },
  selectableFields: {
    'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false),
  },
}
