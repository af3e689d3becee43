import type { EndpointSlice } from '../../../api/types/discovery-v1.js'
import { sameJson } from '../../../api/same-json.js'
import type { Strategy } from '../strategy.js'

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  resource: { group: 'discovery.k8s.io', resource: 'endpointslices' },
  // Labels count: they say which Service a slice belongs to.
  generation: (slice, old) =>
    !sameJson({ ...slice, metadata: undefined }, { ...old, metadata: undefined }) ||
    !sameJson(slice.metadata.labels ?? {}, old.metadata.labels ?? {}),
}
