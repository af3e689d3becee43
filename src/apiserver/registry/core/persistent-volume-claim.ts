import type { PersistentVolumeClaim, TypedLocalObjectReference } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  resource: { group: '', resource: 'persistentvolumeclaims' },
  generation: 'none',
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' }
    alignDataSources(claim)
  },
  prepareForUpdate(claim, old) {
    claim.status = structuredClone(old.status ?? {})
    alignDataSources(claim)
  },
}

/** What the older field could always name; other kinds are the newer one's, and left out here. */
function isKnownSource({ apiGroup, kind }: TypedLocalObjectReference): boolean {
  return kind === 'PersistentVolumeClaim' ? !apiGroup : kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io'
}

/** dataSource and dataSourceRef name the same thing unless another namespace is meant (KEP-1495, KEP-3294). */
function alignDataSources({ spec }: PersistentVolumeClaim): void {
  if (!spec) return
  if (spec.dataSource && !isKnownSource(spec.dataSource)) delete spec.dataSource
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource }
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef
    spec.dataSource = { ...(apiGroup ? { apiGroup } : {}), kind, name }
  }
}
