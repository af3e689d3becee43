/**
 * Says of a claim that asks for more than it has that somebody else must enlarge it: no volume is enlarged by the control plane
 * itself any more, CSI drivers' resizers do it.
 */
import { keyOf } from '../../api/object.js'
import { quantityValue } from '../../api/quantity.js'
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { Controller } from '../controller.js'

export function asksForMore({ metadata, spec, status }: PersistentVolumeClaim): boolean {
  if (status?.phase !== 'Bound' || metadata.deletionTimestamp) return false
  return quantityValue(spec?.resources?.requests?.storage) > quantityValue(status.capacity?.storage)
}

export function volumeExpandController(): Controller {
  return {
    name: 'persistentvolume-expander-controller',
    eventSource: 'volume_expand',
    watches: [
      {
        resource: resources.persistentVolumeClaims,
        toKeys: (object, _view, change) => (change !== 'delete' && asksForMore(object as PersistentVolumeClaim) ? [keyOf(object)] : []),
        changed: (object, old) => !asksForMore(old as PersistentVolumeClaim) && asksForMore(object as PersistentVolumeClaim),
      },
      { resource: resources.persistentVolumes, toKeys: () => [], changed: () => false },
    ],
    reconcile(key, view) {
      const claim = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(key)
      if (!claim || !asksForMore(claim)) return Promise.resolve()
      const volume = view.lister<PersistentVolume>(resources.persistentVolumes).get(claim.spec?.volumeName ?? '')
      if (volume?.spec?.claimRef?.uid !== claim.metadata.uid) return Promise.reject(new Error(`volume of claim ${key} is not bound to it`))
      const about = { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }
      view.events.event(about, 'Normal', 'ExternalExpanding', 'waiting for an external controller to expand this PVC')
      return Promise.resolve()
    },
  }
}
