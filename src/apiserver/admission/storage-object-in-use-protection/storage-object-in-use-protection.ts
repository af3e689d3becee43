import type { AdmissionPlugin } from '../admission.js'
import { on, resourceText } from '../plugin.js'

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
}

/** Volumes and claims in use are kept by a finalizer that their controllers take off. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: on(['CREATE'], ...Object.keys(finalizers)),
    mutate({ object, resource }) {
      const finalizer = finalizers[resourceText(resource)]
      if (!object || !finalizer || object.metadata.finalizers?.includes(finalizer)) return
      object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer]
    },
  }
}
