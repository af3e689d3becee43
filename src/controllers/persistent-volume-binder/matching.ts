/** Which volume fits a claim. Pure. */
import { labelSelectorOf } from '../../api/selectors/label.js'
import { quantityValue } from '../../api/quantity.js'
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { classOf, pointsAt } from './binding.js'

const capacityOf = (volume: PersistentVolume): number => quantityValue(volume.spec?.capacity?.storage)
const requestOf = (claim: PersistentVolumeClaim): number => quantityValue(claim.spec?.resources?.requests?.storage)
const modeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string => spec?.volumeMode ?? 'Filesystem'
const attributesOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string => spec?.volumeAttributesClassName ?? ''

function offersModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const offered: readonly string[] = volume.spec?.accessModes ?? []
  return (claim.spec?.accessModes ?? []).every((mode) => offered.includes(mode))
}

export const hasSameMode = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean => modeOf(volume) === modeOf(claim)

/** Why the volume that a claim names does not do; undefined when it does. */
export function misfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (capacityOf(volume) < requestOf(claim)) return 'requested PV is too small'
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match'
  if (attributesOf(volume) !== attributesOf(claim)) return 'volumeAttributesClassName does not match'
  if (!hasSameMode(volume, claim)) return 'incompatible volumeMode'
  if (!offersModes(volume, claim)) return 'incompatible accessMode'
  return undefined
}

/**
 * The best of these volumes: with no more access modes than needed, then one that was reserved for the claim, then the smallest.
 * With `onlyReserved` a free volume is left to the scheduler (WaitForFirstConsumer), which knows where the pod will run.
 */
export function bestVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  onlyReserved: boolean,
): PersistentVolume | undefined {
  const selector = claim.spec?.selector ? labelSelectorOf(claim.spec.selector) : undefined
  const request = requestOf(claim)
  let best: PersistentVolume | undefined
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp || !hasSameMode(volume, claim) || !offersModes(volume, claim)) continue
    if (attributesOf(volume) !== attributesOf(claim) || capacityOf(volume) < request) continue
    const isReserved = pointsAt(volume, claim)
    if (!isReserved) {
      if (onlyReserved || volume.spec?.claimRef || volume.status?.phase !== 'Available') continue
      if (classOf(volume) !== classOf(claim) || (selector && !selector.matches(volume.metadata.labels))) continue
    }
    if (!best || isBetter(volume, best, claim)) best = volume
  }
  return best
}

function isBetter(volume: PersistentVolume, best: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const modes = (volume.spec?.accessModes?.length ?? 0) - (best.spec?.accessModes?.length ?? 0)
  if (modes !== 0) return modes < 0
  if (pointsAt(volume, claim) !== pointsAt(best, claim)) return pointsAt(volume, claim)
  const capacity = capacityOf(volume) - capacityOf(best)
  if (capacity !== 0) return capacity < 0
  return (volume.metadata.name ?? '') < (best.metadata.name ?? '')
}
