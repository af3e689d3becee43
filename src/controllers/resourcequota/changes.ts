/** Which changes of objects give something back to a quota, or take of it past admission. */
import type { KubeObject } from '../../api/object.js'
import type { PersistentVolumeClaim, Pod, Service } from '../../api/types/core-v1.js'
import { isPodFinished } from '../common/pods.js'
import { sameJson } from '../../api/same-json.js'

/** A pod ended, or was resized. */
export function podChanged(now: KubeObject, old: KubeObject): boolean {
  const [after, before] = [now as Pod, old as Pod]
  if (isPodFinished(after) !== isPodFinished(before)) return true
  // The same object is shared by unchanged states of a cache; comparing what a new one asks for is cheap next to parsing it.
  const asked = ({ spec }: Pod) => [spec?.resources, ...(spec?.containers ?? []).map((container) => container.resources)]
  return !sameJson(asked(after), asked(before))
}

export function serviceChanged(now: KubeObject, old: KubeObject): boolean {
  const [after, before] = [(now as Service).spec, (old as Service).spec]
  return after?.type !== before?.type || after?.ports?.length !== before?.ports?.length
}

export function claimChanged(now: KubeObject, old: KubeObject): boolean {
  const storage = ({ spec, status }: PersistentVolumeClaim) => [
    spec?.resources?.requests?.['storage'],
    status?.allocatedResources?.['storage'],
    spec?.volumeAttributesClassName,
  ]
  return !sameJson(storage(now as PersistentVolumeClaim), storage(old as PersistentVolumeClaim))
}
