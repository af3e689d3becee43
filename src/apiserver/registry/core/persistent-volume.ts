import { timestamp } from '../../../base/clock.js'
import type { PersistentVolume } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  resource: { group: '', resource: 'persistentvolumes' },
  generation: 'none',
  prepareForCreate(volume, { clock }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: timestamp(clock.now()) }
  },
  prepareForUpdate(volume, old) {
    volume.status = structuredClone(old.status ?? {})
  },
  prepareForStatusUpdate(volume, old, { clock }) {
    const status = (volume.status ??= {})
    if (status.phase === old.status?.phase) return
    // A controller that knows the moment may say it; else it is now (KEP-3762).
    if (!status.lastPhaseTransitionTime || status.lastPhaseTransitionTime === old.status?.lastPhaseTransitionTime)
      status.lastPhaseTransitionTime = timestamp(clock.now())
  },
}
