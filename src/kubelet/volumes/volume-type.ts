import type { PersistentVolume, Pod, Volume } from '../../api/types/core-v1.js'
import type { Ownership } from './files/ownership.js'

/**
 * What every type of volume does; one folder a type. `setUp` is called again for a volume that is there already (a restarted
 * kubelet, content that has changed): it leaves it as wanted or throws, and never disturbs who uses it. `tearDown` knows nothing
 * but the directory: the pod may have been forgotten.
 */
export interface VolumeType {
  /** "kubernetes.io/empty-dir": also names its folder of a pod. */
  readonly plugin: string
  handles(spec: VolumeSpec): boolean
  /** Where the volume is now, for a bind mount into a container (a device for a block volume). Throws what the event says. */
  setUp(request: VolumeRequest): Promise<VolumeReady>
  tearDown(directory: string): Promise<void>
  /** The name by which the control plane attaches it to the node; undefined for what needs no attaching. */
  attachable?(spec: VolumeSpec): string | undefined
  /** Whether its content follows objects of the API, so that `setUp` is called again when they change. */
  readonly follows?: boolean
}

export interface VolumeSpec {
  /** As containers name it. */
  readonly name: string
  readonly volume: Volume
  /** What the claim of the volume is bound to. */
  readonly persistent?: PersistentVolume
  /** The claim's volumeMode. */
  readonly block: boolean
  /** The pod asks for it read-only. */
  readonly readOnly: boolean
}

export interface VolumeRequest {
  readonly pod: Pod
  readonly spec: VolumeSpec
  /** …/pods/UID/volumes/PLUGIN~/NAME: its place, which may not be there yet. */
  readonly directory: string
  readonly fsGroup: { readonly id: number; readonly policy: Ownership['policy'] } | undefined
}

export interface VolumeReady {
  readonly path: string
  /** The content is not the containers' to change. */
  readonly readOnly?: boolean
  readonly selinuxRelabel?: boolean
}

/** The name that messages and folders use: the PersistentVolume's, where there is one. */
export function specName({ persistent, name }: VolumeSpec): string {
  return persistent?.metadata.name ?? name
}

/** "kubernetes.io/empty-dir" → "kubernetes.io~empty-dir". */
export function pluginFolder(plugin: string): string {
  return plugin.replaceAll('/', '~')
}
