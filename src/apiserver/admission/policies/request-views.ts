/** A request in the versions that its object can be shown in: a rule for one version matches what was sent in another. */
import { apiVersionOf, type GroupVersionKind, type GroupVersionResource, type JsonValue, type UnknownObject } from '../../../api/object.js'
import type { ServedResource } from '../../registry/resource.js'
import type { AdmissionRequest } from '../admission.js'

/** Where resources are looked up; custom ones come and go. */
export interface ResourceCatalog {
  find(of: GroupVersionResource): ServedResource | undefined
  all(): Iterable<ServedResource>
  onChange(fn: () => void): void
}

/** What a rule is about: the resource and kind that its versions name. */
export interface RequestView {
  readonly resource: GroupVersionResource
  readonly kind: GroupVersionKind
  /** Missing: the request's objects are of this view as they are. */
  readonly served?: ServedResource
}

/** As the request was made; the objects that plugins get are in the version that is stored, and shown in this one. */
export function directView({ resource, kind }: AdmissionRequest, catalog: ResourceCatalog): RequestView {
  const served = catalog.find(resource)
  return { resource, kind, ...(served?.conversion ? { served } : {}) }
}

/** In every other version that the same objects are served in. */
export function otherViews({ resource }: AdmissionRequest, catalog: ResourceCatalog): RequestView[] {
  const served = catalog.find(resource)
  if (!served) return []
  return [...served.stored.versions.values()].flatMap((other): RequestView[] => {
    const { group, version, resource: name, kind } = other.info
    if (group === resource.group && version === resource.version) return []
    return [{ resource: { group, version, resource: name }, kind: { group, version, kind }, served: other }]
  })
}

/** An object of the request as the view shows it. Shared when it is the same: it must not be changed. */
export function shownIn({ kind, served }: RequestView, object: UnknownObject | undefined): UnknownObject | undefined {
  if (!object) return undefined
  const converted = served?.conversion ? served.conversion.fromStored(structuredClone(object)) : object
  return { ...converted, apiVersion: apiVersionOf(kind), kind: kind.kind }
}

/** A value in the view, decoded and defaulted as if it had been sent, and then as it is kept. Throws when it is no such object. */
export function asStored({ resource }: RequestView, catalog: ResourceCatalog, value: JsonValue): UnknownObject {
  const served = catalog.find(resource)
  if (!served) throw new Error(`${resource.resource} is not served`)
  const object = served.codec.decode(structuredClone(value))
  served.codec.applyDefaults(object)
  return served.conversion ? served.conversion.toStored(object) : object
}
