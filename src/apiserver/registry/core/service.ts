import type { Service } from '../../../api/types/core-v1.js'
import type { ServiceAllocator } from '../../allocators/service-allocator.js'
import type { Strategy } from '../strategy.js'
import { alignClusterIps, dropFieldsOfOldType, keepAllocated } from './service-fields.js'

/** Services: addresses and ports are allocated around the write. Without an allocator (pure tests) they stay as given. */
export function serviceStrategy(allocator?: ServiceAllocator): Strategy<Service> {
  return {
    resource: { group: '', resource: 'services' },
    generation: 'none',
    allowCreateOnUpdate: true,
    // Upstream keeps Services apart from their endpoints under this prefix; tools that read the store look there.
    storagePrefix: 'services/specs',
    prepareForCreate(service) {
      service.status = { loadBalancer: {} }
      alignClusterIps((service.spec ??= {}), undefined)
    },
    prepareForUpdate(service, old) {
      service.status = structuredClone(old.status ?? { loadBalancer: {} })
      keepAllocated((service.spec ??= {}), old.spec ?? {})
      alignClusterIps(service.spec, old.spec)
      dropFieldsOfOldType(service, old)
    },
    selectableFields: {
      'spec.clusterIP': (service) => service.spec?.clusterIP ?? '',
      'spec.type': (service) => service.spec?.type ?? '',
    },
    ...(allocator
      ? {
          beforeWrite: (service, old, context) => allocator.allocate(service, old, !context.dryRun),
          afterDelete: (service) => allocator.releaseAll(service),
        }
      : {}),
  }
}
