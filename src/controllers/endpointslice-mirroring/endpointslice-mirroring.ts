/**
 * Shows Endpoints that were made by hand, of Services without a selector, as EndpointSlices too, so that proxies need to look at
 * slices only. Endpoints labelled endpointslice.kubernetes.io/skip-mirror=true are left out.
 */
import { keyOf } from '../../api/object.js'
import type { Endpoints, Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { resources } from '../../client/resources.js'
import { OwnWrites } from '../common/own-writes.js'
import { batched } from '../common/service-pods.js'
import type { Controller, View } from '../controller.js'
import { leaderAnnotation } from '../endpoint/endpoint.js'
import { managedByLabel, serviceNameLabel, type SliceChanges } from '../endpointslice/slices.js'
import { indexSlices, slicesOf, writeSlices } from '../endpointslice/write-slices.js'
import { mirror, mirrorManager } from './mirror.js'

const skipLabel = 'endpointslice.kubernetes.io/skip-mirror'

export interface MirroringOptions {
  /** --mirroring-max-endpoints-per-subset */
  readonly endpointsPerSubsetMax?: number
  /** --mirroring-endpointslice-updates-batch-period */
  readonly batchPeriodMs?: number
}

export function endpointSliceMirroringController({ endpointsPerSubsetMax = 1000, batchPeriodMs = 0 }: MirroringOptions = {}): Controller {
  const writes = new OwnWrites()
  return {
    name: 'endpointslice-mirroring-controller',
    eventSource: 'endpoint-slice-mirroring-controller',
    watches: [
      { resource: resources.endpoints, toKeys: (object, view) => batched([keyOf(object)], batchPeriodMs, view) },
      {
        resource: resources.services,
        toKeys: (object) => [keyOf(object)],
        changed: (object, old) => Boolean((object as Service).spec?.selector) !== Boolean((old as Service).spec?.selector),
      },
      {
        resource: resources.endpointSlices,
        toKeys(object, _view, change) {
          if (object.metadata.labels?.[managedByLabel] !== mirrorManager) return []
          const key = `${object.metadata.namespace}/${object.metadata.labels[serviceNameLabel]}`
          return writes.seen(key, object, keyOf(object), change) ? [key] : []
        },
      },
    ],
    start: indexSlices,
    async reconcile(key, view) {
      if (!writes.isCurrent(key, view.informer<EndpointSlice>(resources.endpointSlices))) return
      const slices = slicesOf(view, key, mirrorManager).filter((slice) => !slice.metadata.deletionTimestamp)
      const endpoints = mirrorable(key, view)
      const changes = endpoints ? changesOf(endpoints, slices, endpointsPerSubsetMax, view) : remove(slices)
      await writeSlices(key, changes, { view, writes })
    },
  }
}

/** The Endpoints to mirror, if any. */
function mirrorable(key: string, view: View): Endpoints | undefined {
  const endpoints = view.lister<Endpoints>(resources.endpoints).get(key)
  const service = view.lister<Service>(resources.services).get(key)
  if (!endpoints || !service || service.spec?.selector) return undefined
  const { labels, annotations } = endpoints.metadata
  return labels?.[skipLabel] === 'true' || annotations?.[leaderAnnotation] ? undefined : endpoints
}

const remove = (slices: readonly EndpointSlice[]): SliceChanges => ({ create: [], update: [], remove: [...slices] })

function changesOf(endpoints: Endpoints, slices: readonly EndpointSlice[], max: number, view: View): SliceChanges {
  const { changes, invalidAddresses, surplusAddresses } = mirror(endpoints, slices, max)
  const about = { ...endpoints, apiVersion: 'v1', kind: 'Endpoints' }
  if (invalidAddresses > 0)
    view.events.event(
      about,
      'Warning',
      'InvalidIPAddress',
      `Skipped ${invalidAddresses} invalid IP addresses when mirroring to EndpointSlices`,
    )
  if (surplusAddresses > 0)
    view.events.event(
      about,
      'Warning',
      'TooManyAddressesToMirror',
      `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${surplusAddresses} addresses were skipped`,
    )
  return changes
}
