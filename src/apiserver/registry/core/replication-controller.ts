import type { ReplicationController } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  resource: { group: '', resource: 'replicationcontrollers' },
  defaultDeletionPolicy: 'Orphan',
  // Kept under upstream's historical name.
  storagePrefix: 'controllers',
  prepareForCreate(controller) {
    controller.status = { replicas: 0 }
  },
  selectableFields: {
    'status.replicas': (controller) => String(controller.status?.replicas ?? 0),
  },
}
