import type {
  Container,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
  SELinuxOptions,
  AppArmorProfile,
} from '../../../api/types/core-v1.js'
import { RuntimeError } from '../../runtime.js'
import {
  type CriImage,
  type Int64Value,
  type NamespaceOption,
  namespaceMode,
  profileType,
  type SecurityProfile,
  type SelinuxOption,
} from './api/types.js'
import type { AnyContainer } from './names.js'

/** Users, groups, capabilities, profiles and namespaces: what a container's security context says wins over its pod's. Pure. */
export interface SecurityContextInput {
  readonly pod: Pod
  readonly container: AnyContainer
  /** Whose user applies where none is asked for. */
  readonly image: Pick<CriImage, 'uid' | 'username'>
  /** --seccomp-default */
  readonly seccompDefault: boolean
  /** Where Localhost profiles lie. */
  readonly seccompDir: string
  /** The container whose processes an ephemeral one shall see. */
  readonly targetId?: string
}

const maskedPaths = [
  ...['/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list'],
  ...['/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap'],
]
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export function containerSecurity(input: SecurityContextInput): object {
  const { pod, container, image, seccompDefault, seccompDir } = input
  const own: SecurityContext = container.securityContext ?? {}
  const shared: PodSecurityContext = pod.spec?.securityContext ?? {}
  const user = own.runAsUser ?? shared.runAsUser
  checkNonRoot(input, user)
  const group = own.runAsGroup ?? shared.runAsGroup
  const selinux = own.seLinuxOptions ?? shared.seLinuxOptions
  const apparmor = own.appArmorProfile ?? shared.appArmorProfile
  const { add, drop } = own.capabilities ?? {}
  const unmasked = own.procMount === 'Unmasked'
  return {
    capabilities: { addCapabilities: add ?? [], dropCapabilities: drop ?? [] },
    privileged: own.privileged ?? false,
    namespaceOptions: containerNamespaces(input),
    ...(selinux ? { selinuxOptions: selinuxOf(selinux) } : {}),
    ...userOf(user, image),
    ...(group === undefined ? {} : { runAsGroup: { value: group } }),
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    supplementalGroups: groupsOf(shared),
    supplementalGroupsPolicy: shared.supplementalGroupsPolicy === 'Strict' ? 1 : 0,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    ...seccompOf(own.seccompProfile ?? shared.seccompProfile, seccompDefault, seccompDir),
    ...(apparmor ? { apparmor: profileOf(apparmor, '') } : {}),
  }
}

export function sandboxSecurity(pod: Pod): object {
  const shared = pod.spec?.securityContext ?? {}
  const all: readonly AnyContainer[] = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  return {
    namespaceOptions: podNamespaces(pod),
    ...(shared.seLinuxOptions ? { selinuxOptions: selinuxOf(shared.seLinuxOptions) } : {}),
    ...(shared.runAsUser === undefined ? {} : { runAsUser: { value: shared.runAsUser } }),
    ...(shared.runAsGroup === undefined || shared.runAsUser === undefined ? {} : { runAsGroup: { value: shared.runAsGroup } }),
    supplementalGroups: groupsOf(shared),
    privileged: all.some(({ securityContext }) => securityContext?.privileged),
    // What holds the sandbox needs no more than the runtime's own profile allows, whatever its containers need.
    seccomp: { profileType: profileType.RuntimeDefault },
  }
}

export function podNamespaces({ spec }: Pod): NamespaceOption {
  return {
    network: spec?.hostNetwork ? namespaceMode.node : namespaceMode.pod,
    pid: spec?.hostPID ? namespaceMode.node : spec?.shareProcessNamespace ? namespaceMode.pod : namespaceMode.container,
    ipc: spec?.hostIPC ? namespaceMode.node : namespaceMode.pod,
  }
}

function containerNamespaces({ pod, targetId }: SecurityContextInput): NamespaceOption {
  const options = podNamespaces(pod)
  return targetId === undefined ? options : { ...options, pid: namespaceMode.target, targetId }
}

function userOf(
  user: number | undefined,
  { uid, username }: SecurityContextInput['image'],
): { runAsUser?: Int64Value; runAsUsername?: string } {
  if (user !== undefined) return { runAsUser: { value: user } }
  if (username) return { runAsUsername: username }
  return { runAsUser: { value: uid?.value ?? 0 } }
}

function groupsOf({ supplementalGroups = [], fsGroup }: PodSecurityContext): number[] {
  return [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])]
}

function checkNonRoot({ pod, container, image }: SecurityContextInput, user: number | undefined): void {
  const nonRoot = container.securityContext?.runAsNonRoot ?? pod.spec?.securityContext?.runAsNonRoot
  if (!nonRoot) return
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`
  const refuse = (why: string) => {
    throw new RuntimeError('CreateContainerConfigError', `${why} ${where}`)
  }
  if (user === 0) refuse("container's runAsUser breaks non-root policy")
  if (user !== undefined) return
  if (image.username)
    refuse(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`)
  if ((image.uid?.value ?? 0) === 0) refuse('container has runAsNonRoot and image will run as root')
}

function selinuxOf({ user = '', role = '', type = '', level = '' }: SELinuxOptions): SelinuxOption {
  return { user, role, type, level }
}

function seccompOf(profile: SeccompProfile | undefined, byDefault: boolean, dir: string): { seccomp?: SecurityProfile } {
  if (profile) return { seccomp: profileOf(profile, dir) }
  return { seccomp: { profileType: byDefault ? profileType.RuntimeDefault : profileType.Unconfined } }
}

function profileOf({ type, localhostProfile = '' }: SeccompProfile | AppArmorProfile, dir: string): SecurityProfile {
  const known = profileType[(type ?? 'Unconfined') as keyof typeof profileType] ?? profileType.Unconfined
  if (known !== profileType.Localhost) return { profileType: known }
  return { profileType: known, localhostRef: dir === '' ? localhostProfile : `${dir}/${localhostProfile}` }
}

/** Whether a container may be given the name of what it is: an ordinary one of the pod. */
export function isOrdinary(pod: Pod, container: AnyContainer): container is Container {
  return !(pod.spec?.ephemeralContainers ?? []).some(({ name }) => name === container.name)
}
