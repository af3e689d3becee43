/**
 * Keeps a volume that is bound from vanishing: the finalizer kubernetes.io/pv-protection is taken off one that is being deleted
 * only when no claim has it.
 */
import { keyOf } from '../../api/object.js'
import type { PersistentVolume } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { finalizerStep, writeFinalizers } from '../common/finalizers.js'
import type { Controller } from '../controller.js'

const finalizer = 'kubernetes.io/pv-protection'

export function persistentVolumeProtectionController(): Controller {
  const step = (volume: PersistentVolume) => finalizerStep(volume, finalizer, () => volume.status?.phase === 'Bound')
  return {
    name: 'persistentvolume-protection-controller',
    watches: [
      {
        resource: resources.persistentVolumes,
        toKeys: (object, _view, change) => (change !== 'delete' && step(object as PersistentVolume) ? [keyOf(object)] : []),
      },
    ],
    async reconcile(key, view) {
      const volume = view.lister<PersistentVolume>(resources.persistentVolumes).get(key)
      const next = volume && step(volume)
      if (next) await writeFinalizers(view.client, resources.persistentVolumes, volume, next)
    },
  }
}
