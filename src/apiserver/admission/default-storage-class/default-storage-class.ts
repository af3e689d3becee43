import type { PersistentVolumeClaim } from '../../../api/types/core-v1.js'
import type { StorageClass } from '../../../api/types/storage-v1.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin } from '../admission.js'
import { newestDefault } from '../newest-default.js'
import { type AdmissionDeps, on } from '../plugin.js'

const marks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']

/** A claim that names no storage class gets the default one; '' means none on purpose. */
export function defaultStorageClass({ access }: AdmissionDeps): AdmissionPlugin {
  const classes = access.lister<StorageClass>(resources.storageClasses)
  return {
    name: 'DefaultStorageClass',
    handles: on(['CREATE'], 'persistentvolumeclaims'),
    mutate({ object }) {
      const claim = object as unknown as PersistentVolumeClaim
      const named = claim.spec?.storageClassName ?? claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class']
      if (named !== undefined) return
      const found = newestDefault(classes.list(), marks)
      if (found?.metadata.name) claim.spec = { ...claim.spec, storageClassName: found.metadata.name }
    },
  }
}
