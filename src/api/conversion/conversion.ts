/** Kinds that are served in two shapes and stored in one. */
import type { GroupVersionResource, UnknownObject } from '../object.js'
import { eventFromCore, eventToCore } from './event.js'
import { autoscalerFromV2, autoscalerToV2 } from './horizontal-pod-autoscaler.js'

export interface Conversion {
  toStored(object: UnknownObject): UnknownObject
  fromStored(object: UnknownObject): UnknownObject
}

interface View extends Conversion {
  readonly stored: GroupVersionResource
}

const views: Readonly<Record<string, View>> = {
  'events.k8s.io/v1/events': { stored: { group: '', version: 'v1', resource: 'events' }, toStored: eventToCore, fromStored: eventFromCore },
  'autoscaling/v1/horizontalpodautoscalers': {
    stored: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' },
    toStored: autoscalerToV2,
    fromStored: autoscalerFromV2,
  },
}

/** Where a resource's objects are stored: itself, for nearly all. */
export function storedVersionOf(of: GroupVersionResource): GroupVersionResource {
  return views[`${of.group}/${of.version}/${of.resource}`]?.stored ?? of
}

/** undefined when what is served is what is stored. Both functions may use the object given to them up. */
export function conversionOf(of: GroupVersionResource, stored: GroupVersionResource): Conversion | undefined {
  if (of.group === stored.group && of.version === stored.version) return undefined
  return views[`${of.group}/${of.version}/${of.resource}`]
}
