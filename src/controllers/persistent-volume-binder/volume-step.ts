/** What to do about a volume. Pure. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { migratedTo, provisionedBy, hasAnnotation } from './binding.js'
import { hasSameMode } from './matching.js'

export type VolumeStep =
  | { readonly do: 'set-phase'; readonly phase: 'Available' | 'Bound' }
  /** The claim has still to be bound to it. */
  | { readonly do: 'wake-claim' }
  | { readonly do: 'mismatch' }
  /** Nobody has it any more: Released, and then what the reclaim policy says. */
  | { readonly do: 'release' }
  /** The claim it points at was bound elsewhere. */
  | { readonly do: 'unbind' }

/** `claim`: the one that the volume points at, as fresh as can be; undefined when there is none of that name and uid. */
export function volumeStep(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  const ref = volume.spec?.claimRef
  // A reservation without a uid is the claim's to redeem.
  if (!ref?.uid) return { do: 'set-phase', phase: 'Available' }
  if (!claim) return { do: 'release' }
  const { volumeName } = claim.spec ?? {}
  if (!volumeName) return hasSameMode(volume, claim) ? { do: 'wake-claim' } : { do: 'mismatch' }
  if (volumeName === volume.metadata.name) return { do: 'set-phase', phase: 'Bound' }
  const isMadeForIt = hasAnnotation(volume, provisionedBy) && volume.spec?.persistentVolumeReclaimPolicy === 'Delete'
  return { do: isMadeForIt ? 'release' : 'unbind' }
}

export type Reclaim =
  | { readonly do: 'keep' }
  | { readonly do: 'delete' }
  | { readonly do: 'recycle' }
  | { readonly do: 'fail'; readonly reason: 'VolumeFailedDelete' | 'VolumeFailedRecycle'; readonly message: string }

/** What becomes of a released volume. A volume of somebody else's driver is that driver's to delete. */
export function reclaim(volume: PersistentVolume): Reclaim {
  const { spec = {}, metadata } = volume
  if (hasAnnotation(volume, migratedTo)) return { do: 'keep' }
  switch (spec.persistentVolumeReclaimPolicy ?? 'Retain') {
    case 'Retain':
      return { do: 'keep' }
    case 'Recycle':
      if (spec.hostPath || spec.nfs) return { do: 'recycle' }
      return { do: 'fail', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' }
    case 'Delete': {
      const maker = metadata.annotations?.[provisionedBy]
      if (maker !== undefined && !maker.startsWith('kubernetes.io/')) return { do: 'keep' }
      const why = undeletable(volume)
      return why === undefined ? { do: 'delete' } : { do: 'fail', reason: 'VolumeFailedDelete', message: why }
    }
  }
}

/**
 * Of the volumes that the control plane itself could delete only hostPath is left, and of it only what lies below /tmp. What is
 * removed is the object: the directory is on a node, and nobody's business here.
 */
function undeletable({ spec, metadata }: PersistentVolume): string | undefined {
  const prefix = `error getting deleter volume plugin for volume "${metadata.name}": `
  if (!spec?.hostPath) return `${prefix}no deletable volume plugin matched`
  if (/^\/tmp\/.+/.test(spec.hostPath.path)) return undefined
  return `host_path deleter only supports /tmp/.+ but received provided ${spec.hostPath.path}`
}
