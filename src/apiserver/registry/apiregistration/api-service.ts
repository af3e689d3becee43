import { timestamp } from '../../../base/clock.js'
import type { APIService } from '../../../api/types/apiregistration-v1.js'
import type { Strategy } from '../strategy.js'

/** APIServices: one without a service is served by this very server, so it is available by definition. */
export const apiServiceStrategy: Strategy<APIService> = {
  resource: { group: 'apiregistration.k8s.io', resource: 'apiservices' },
  generation: 'none',
  allowUnconditionalUpdate: false,
  storagePrefix: 'apiregistration.k8s.io/apiservices',
  prepareForCreate(service, { clock }) {
    service.status = service.spec?.service
      ? {}
      : {
          conditions: [
            {
              type: 'Available',
              status: 'True',
              reason: 'Local',
              message: 'Local APIServices are always available',
              lastTransitionTime: timestamp(clock.now()),
            },
          ],
        }
  },
}
