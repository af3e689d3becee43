/** Finds and writes the slices of a Service; shared with the mirroring of Endpoints. */
import { keyOf } from '../../api/object.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { resources } from '../../client/resources.js'
import type { OwnWrites } from '../common/own-writes.js'
import { isGoingNamespace, unlessGone } from '../common/refusals.js'
import { triggerTimeAnnotation } from '../common/service-pods.js'
import type { View } from '../controller.js'
import { managedByLabel, serviceNameLabel, type SliceChanges } from './slices.js'

const serviceIndex = 'sliceService'

export function indexSlices(view: View): void {
  view.informer<EndpointSlice>(resources.endpointSlices).addIndex(serviceIndex, ({ metadata: { namespace, labels } }) => {
    const service = labels?.[serviceNameLabel]
    return service ? [`${labels[managedByLabel] ?? ''}/${namespace}/${service}`] : []
  })
}

/** The slices of the Service `key` that `manager` keeps. */
export function slicesOf(view: View, key: string, manager: string): readonly EndpointSlice[] {
  return view.lister<EndpointSlice>(resources.endpointSlices).by(serviceIndex, `${manager}/${key}`)
}

interface Writing {
  readonly view: View
  readonly writes: OwnWrites
  readonly triggerTime?: string | undefined
}

export async function writeSlices(key: string, changes: SliceChanges, { view, writes, triggerTime }: Writing): Promise<void> {
  const slices = view.client.resource<EndpointSlice>(resources.endpointSlices)
  const stamped = (slice: EndpointSlice): EndpointSlice => {
    const { [triggerTimeAnnotation]: _, ...annotations } = slice.metadata.annotations ?? {}
    if (triggerTime) annotations[triggerTimeAnnotation] = triggerTime
    return { ...slice, metadata: { ...slice.metadata, annotations } }
  }
  for (const slice of changes.create) {
    try {
      writes.wrote(key, await slices.create(stamped(slice)))
    } catch (error) {
      if (isGoingNamespace(error)) return
      throw error
    }
  }
  for (const slice of changes.update) writes.wrote(key, await slices.update(stamped(slice)))
  for (const slice of changes.remove) {
    const { namespace = '', name = '' } = slice.metadata
    await unlessGone(slices.delete(namespace, name))
    writes.deleted(key, keyOf(slice))
  }
}
