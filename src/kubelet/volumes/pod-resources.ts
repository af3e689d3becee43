import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.js'

/**
 * What a pod on a real node has beside its processes: its volumes, block devices and the environment of its containers. A runtime
 * that runs real containers is constructed with one. Guarantees:
 * - every call may be repeated: what is there already is recognised, also what an earlier process of this kubelet mounted;
 * - a failure is a RuntimeError with upstream's reason and text: FailedMount or FailedAttachVolume (what the event says) of the
 *   volumes, CreateContainerConfigError of mounts and environment;
 * - files of ConfigMaps, Secrets, tokens and the downward API follow their objects from `setUp` until `tearDown`.
 */
export interface PodResources {
  /** Mounts every volume that a container of the pod uses. Before its sandbox runs, and for pods that ran before this process. */
  setUp(pod: Pod): Promise<void>
  /** Whether `setUp` of this process has succeeded for the pod and `tearDown` has not begun. */
  mounted(uid: string): boolean
  /** The API has a new version of the pod: its labels, annotations and ephemeral containers may be others. */
  observed(pod: Pod): void
  /**
   * What a container is to be given: its volumeMounts in their order, and with `podIps` the pod's /etc/hosts, unless one of them is
   * there. Sets the pod up first when that has not been done.
   */
  mounts(pod: Pod, container: AnyContainer, podIps?: readonly string[]): Promise<readonly Mount[]>
  /** Block volumes of a container (volumeDevices). */
  devices(pod: Pod, container: AnyContainer): Promise<readonly Device[]>
  /** The whole environment of a container, expanded. `podIps` and `hostIps`: what status.podIP(s) and status.hostIP(s) mean. */
  environment(
    pod: Pod,
    container: AnyContainer,
    podIps: readonly string[],
    hostIps: readonly string[],
  ): Promise<readonly EnvironmentVariable[]>
  /** Unmounts and removes the pod's volumes. When no container of it runs any more; its folder with logs of its end may stay. */
  tearDown(uid: string): Promise<void>
  /** `tearDown`, and all else that is below the pod's directory goes, too. */
  remove(uid: string): Promise<void>
  /** Clears what pods left behind that are none of `uids`: for a start, when all pods of the node are known. */
  sweep(uids: ReadonlySet<string>): Promise<void>
  stop(): Promise<void>
}

export type AnyContainer = Container | EphemeralContainer

export interface Mount {
  readonly containerPath: string
  readonly hostPath: string
  readonly readOnly: boolean
  /** With `readOnly`: the mounts below it, too (KEP-3857). */
  readonly recursiveReadOnly: boolean
  readonly propagation: 'None' | 'HostToContainer' | 'Bidirectional'
  /** The content may be given the pod's SELinux label. */
  readonly selinuxRelabel: boolean
}

export interface Device {
  readonly containerPath: string
  readonly hostPath: string
  /** "r" or "mrw", as the CRI has it. */
  readonly permissions: string
}

export interface EnvironmentVariable {
  readonly name: string
  readonly value: string
}

/** Where things of pods lie below the kubelet's root directory: upstream's layout, which tools and CSI drivers know. */
export function podDirectory(rootDir: string, uid: string): string {
  return `${rootDir}/pods/${uid}`
}
