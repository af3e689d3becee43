import type { PersistentVolumeClaim } from '../../../api/types/core-v1.js'
import type { StorageClass } from '../../../api/types/storage-v1.js'
import { amountOf, compareAmounts } from '../../../api/resource-usage/amount.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin } from '../admission.js'
import { type AdmissionDeps, on, refused } from '../plugin.js'

/** A claim grows only when it is bound and its class lets volumes grow. */
export function persistentVolumeClaimResize({ access }: AdmissionDeps): AdmissionPlugin {
  const classes = access.lister<StorageClass>(resources.storageClasses)
  const sizeOf = (claim: PersistentVolumeClaim) => amountOf(claim.spec?.resources?.requests?.['storage'])
  return {
    name: 'PersistentVolumeClaimResize',
    handles: on(['UPDATE'], 'persistentvolumeclaims'),
    validate(request) {
      const claim = request.object as unknown as PersistentVolumeClaim
      const old = request.oldObject as unknown as PersistentVolumeClaim
      if (compareAmounts(sizeOf(claim), sizeOf(old)) <= 0) return
      if (old.status?.phase !== 'Bound') throw refused(request, 'Only bound persistent volume claims can be expanded')
      const name = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? ''
      if (name === '' || classes.get(name)?.allowVolumeExpansion !== true)
        throw refused(
          request,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        )
    },
  }
}
