import type { GroupVersionKind, KubeObject } from '../../api/object.js'
import { apiVersionOf } from '../../api/object.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'

/** The one owner that manages the object, if any (API convention: at most one reference has controller: true). */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true)
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}

/** The reference that a controller puts on what it makes. */
export function controllerReference(owner: KubeObject, kind: GroupVersionKind): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

/**
 * Index values by which a controller finds what it owns and what it might adopt: the uid of the managing owner, or
 * "orphan/NAMESPACE". Use with `informer.addIndex(ownerIndex, ownerIndexValues)`.
 */
export const ownerIndex = 'controllerUid'
export function ownerIndexValues(object: KubeObject): readonly string[] {
  const owner = controllerOf(object)
  return [owner ? owner.uid : orphansOf(object.metadata.namespace ?? '')]
}
export const orphansOf = (namespace: string): string => `orphan/${namespace}`
