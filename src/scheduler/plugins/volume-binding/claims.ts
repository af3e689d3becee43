/** The claims of a pod, as the volume plugins see them. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/types/core-v1.js'
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from '../../../api/types/storage-v1.js'
import type { Informer, Lister } from '../../../client/informer.js'
import type { PodInfo } from '../../cache/pod-info.js'

export interface StorageListers {
  readonly volumes: Informer<PersistentVolume>
  readonly claims: Informer<PersistentVolumeClaim>
  readonly classes: Lister<StorageClass>
  readonly csiNodes: Lister<CSINode>
  readonly csiDrivers: Lister<CSIDriver>
  readonly capacities: Lister<CSIStorageCapacity>
}

export const selectedNode = 'volume.kubernetes.io/selected-node'
export const bindCompleted = 'pv.kubernetes.io/bind-completed'
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
export const noProvisioner = 'kubernetes.io/no-provisioner'
const betaClass = 'volume.beta.kubernetes.io/storage-class'

const namesByPod = new WeakMap<Pod, readonly string[]>()

/** Names of the claims that the pod's volumes use; a generic ephemeral volume has one named after pod and volume. */
export function claimNames({ pod, name }: PodInfo): readonly string[] {
  let names = namesByPod.get(pod)
  if (!names) {
    names = (pod.spec?.volumes ?? []).flatMap((volume) => {
      if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName]
      return volume.ephemeral ? [`${name}-${volume.name}`] : []
    })
    namesByPod.set(pod, names)
  }
  return names
}

export function claimKey(claim: PersistentVolumeClaim): string {
  return `${claim.metadata.namespace}/${claim.metadata.name}`
}

export function isFullyBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return Boolean(spec?.volumeName) && metadata.annotations?.[bindCompleted] !== undefined
}

export function className(of: PersistentVolumeClaim | PersistentVolume): string {
  return of.metadata.annotations?.[betaClass] ?? of.spec?.storageClassName ?? ''
}

/** The claim waits for a pod that wants it. */
export function isDelayed(claim: PersistentVolumeClaim, classes: Lister<StorageClass>): boolean {
  return classes.get(className(claim))?.volumeBindingMode === 'WaitForFirstConsumer'
}

export function isReserved({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef
  if (!reference || reference.name !== claim.metadata.name || reference.namespace !== claim.metadata.namespace) return false
  return !reference.uid || reference.uid === claim.metadata.uid
}
