import type { Pod, Volume } from '../../api/types/core-v1.js'
import { RuntimeError } from '../runtime.js'
import type { AnyContainer } from './pod-resources.js'

/** Which volumes of a pod its containers use, and how. Pure. */
export function containersOf({ spec }: Pod): AnyContainer[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]
}

export interface VolumeUse {
  readonly volume: Volume
  readonly mounted: boolean
  readonly device: boolean
}

/** Volumes that no container names are left alone, as upstream does. */
export function usedVolumes(pod: Pod): VolumeUse[] {
  const mounts = new Set<string>()
  const devices = new Set<string>()
  for (const container of containersOf(pod)) {
    for (const { name } of container.volumeMounts ?? []) mounts.add(name)
    for (const { name } of container.volumeDevices ?? []) devices.add(name)
    for (const { valueFrom } of container.env ?? []) if (valueFrom?.fileKeyRef) mounts.add(valueFrom.fileKeyRef.volumeName)
  }
  return (pod.spec?.volumes ?? [])
    .map((volume) => ({ volume, mounted: mounts.has(volume.name), device: devices.has(volume.name) }))
    .filter(({ mounted, device }) => mounted || device)
}

/** The claim behind a volume: named by the pod, or made for it (generic ephemeral volumes, KEP-1698). */
export function claimOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume) {
  if (persistentVolumeClaim)
    return { name: persistentVolumeClaim.claimName, readOnly: persistentVolumeClaim.readOnly === true, ownedByPod: false }
  if (ephemeral) return { name: `${pod.metadata.name}-${name}`, readOnly: false, ownedByPod: true }
  return undefined
}

/** What kubelet says of volumes that could not even be looked at (its waitForAttachAndMount). */
export function unprocessed(volumes: readonly string[], cause: string): RuntimeError {
  const names = `[${volumes.join(' ')}]`
  return new RuntimeError(
    'FailedMount',
    `Unable to attach or mount volumes: unmounted volumes=${names}, unattached volumes=[], failed to process volumes=${names}: ${cause}`,
  )
}
