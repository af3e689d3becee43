/** What both halves of the binder see: the cached objects with its own writes over them, and their indexes. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { indexPodsByClaim } from '../common/claims-of-pods.js'
import type { View } from '../controller.js'
import { bindCompleted, classOf, hasAnnotation } from './binding.js'
import { Latest } from '../common/latest.js'

export interface Caches {
  readonly view: View
  readonly claims: Latest<PersistentVolumeClaim>
  readonly volumes: Latest<PersistentVolume>
  /** --enable-dynamic-provisioning */
  readonly provisions: boolean
}

export const claimKey = (namespace: string | undefined, name: string | undefined): string => `claim/${namespace}/${name}`
export const volumeKey = (name: string | undefined): string => `volume/${name}`

export const indexes = {
  /** Claims whose binding is not complete, by class. */
  waitingByClass: 'waitingByClass',
  /** Claims by the name of their volume. */
  claimsByVolume: 'claimsByVolume',
  /** Volumes that point at no claim, by class. */
  freeByClass: 'freeByClass',
  /** Volumes by the claim they point at. */
  byClaim: 'byClaim',
} as const

export function makeCaches(view: View, provisions: boolean): Caches {
  indexPodsByClaim(view)
  const claims = view.informer<PersistentVolumeClaim>(resources.persistentVolumeClaims)
  claims.addIndex(indexes.waitingByClass, (claim) => (hasAnnotation(claim, bindCompleted) ? [] : [classOf(claim)]))
  claims.addIndex(indexes.claimsByVolume, ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []))
  const volumes = view.informer<PersistentVolume>(resources.persistentVolumes)
  volumes.addIndex(indexes.freeByClass, (volume) => (volume.spec?.claimRef ? [] : [classOf(volume)]))
  volumes.addIndex(indexes.byClaim, ({ spec }) => (spec?.claimRef ? [`${spec.claimRef.namespace}/${spec.claimRef.name}`] : []))
  return { view, provisions, claims: new Latest(claims), volumes: new Latest(volumes) }
}
