/** How a volume and a claim point at each other. Pure. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'

/** On a claim: its binding was completed once. What is missing later was lost. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed'
/** On either: this controller (or the scheduler) made the pointer, so it may take it back. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
/** On a volume: the provisioner that made it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by'
export const migratedTo = 'pv.kubernetes.io/migrated-to'
/** On a claim: the node that the scheduler has chosen for its first pod. */
export const selectedNode = 'volume.kubernetes.io/selected-node'
/** On a claim: who is to provision it; the beta spelling is still set beside it. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'
const betaStorageClass = 'volume.beta.kubernetes.io/storage-class'

export const hasAnnotation = ({ metadata }: { metadata: { annotations?: Record<string, string> } }, name: string): boolean =>
  metadata.annotations !== undefined && Object.hasOwn(metadata.annotations, name)

/** The class by its old annotation or by the field. '' is no class. */
export function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata.annotations?.[betaStorageClass] ?? spec?.storageClassName ?? ''
}

/** True when the claim says nothing of a class, not even that it wants none. */
export const asksForNoClassAtAll = (claim: PersistentVolumeClaim): boolean =>
  !hasAnnotation(claim, betaStorageClass) && claim.spec?.storageClassName === undefined

/** True when the volume points at this claim; a pointer without a uid is a reservation by name. */
export function pointsAt(volume: PersistentVolume, { metadata: { namespace, name, uid } }: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef
  return ref !== undefined && ref.namespace === namespace && ref.name === name && (!ref.uid || ref.uid === uid)
}

/** The volume pointing at the claim; undefined when it does already, uid and all. */
export function volumeBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const { namespace, name, uid, resourceVersion } = claim.metadata
  const isOurs = !pointsAt(volume, claim)
  if (!isOurs && volume.spec?.claimRef?.uid === uid) return undefined
  return {
    ...volume,
    metadata: isOurs ? annotated(volume.metadata, { [boundByController]: 'yes' }) : volume.metadata,
    spec: {
      ...volume.spec,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
    },
  }
}

/** The claim pointing at the volume, its binding completed; undefined when it is so already. */
export function claimBoundTo(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim | undefined {
  const isOurs = claim.spec?.volumeName !== volume.metadata.name
  if (!isOurs && hasAnnotation(claim, bindCompleted)) return undefined
  const marks = { ...(isOurs ? { [boundByController]: 'yes' } : {}), [bindCompleted]: 'yes' }
  return { ...claim, metadata: annotated(claim.metadata, marks), spec: { ...claim.spec, volumeName: volume.metadata.name } }
}

/** The volume free again: a pointer of this controller's is taken away, one of the user's stays as a reservation by name. */
export function volumeUnbound(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...spec } = volume.spec ?? {}
  if (!hasAnnotation(volume, boundByController)) {
    const { uid: _, ...reservation } = claimRef ?? {}
    return { ...volume, spec: { ...spec, claimRef: reservation } }
  }
  const { [boundByController]: _, ...annotations } = volume.metadata.annotations ?? {}
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec }
}

function annotated<M extends { annotations?: Record<string, string> }>(metadata: M, marks: Record<string, string>): M {
  return { ...metadata, annotations: { ...metadata.annotations, ...marks } }
}

/** The status of a claim bound to this volume. The size of a claim that was bound before is the resizer's business. */
export function boundStatus(claim: PersistentVolumeClaim, volume: PersistentVolume): NonNullable<PersistentVolumeClaim['status']> {
  const keepsCapacity = claim.status?.phase === 'Bound' && claim.status.capacity !== undefined
  const storage = volume.spec?.capacity?.storage
  const attributes = volume.spec?.volumeAttributesClassName
  return {
    ...claim.status,
    phase: 'Bound',
    accessModes: volume.spec?.accessModes ?? [],
    ...(keepsCapacity || storage === undefined ? {} : { capacity: { storage } }),
    ...(attributes && !keepsCapacity ? { currentVolumeAttributesClassName: attributes } : {}),
  }
}

/** The status of a claim without a volume. */
export function unboundStatus(claim: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): NonNullable<PersistentVolumeClaim['status']> {
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...status } = claim.status ?? {}
  return { ...status, phase }
}
