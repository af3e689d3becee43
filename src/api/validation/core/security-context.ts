/** Security contexts of pods and containers (core/v1). */
import type {
  AppArmorProfile,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
  WindowsSecurityContextOptions,
} from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import { isSubdomain, mustBeRelativePath, utf8Length } from '../names.js'

const idMax = 2 ** 31 - 1
const profileTypes = new Set(['Localhost', 'RuntimeDefault', 'Unconfined'])
const changePolicies = new Set(['Always', 'OnRootMismatch'])
const groupPolicies = new Set(['Merge', 'Strict'])
const labelPolicies = new Set(['MountOption', 'Recursive'])
const procMounts = new Set(['Default', 'Unmasked'])
const sysctl = /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/

/** `privilegedAllowed`: --allow-privileged, `hostUsers`: whether the pod shares the users of its host. */
export function containerSecurityFaults(faults: Faults, path: string, context: SecurityContext | undefined, hostUsers: boolean): void {
  if (!context) return
  idFaults(faults, `${path}.runAsUser`, context.runAsUser)
  idFaults(faults, `${path}.runAsGroup`, context.runAsGroup)
  seccompFaults(faults, `${path}.seccompProfile`, context.seccompProfile)
  appArmorFaults(faults, `${path}.appArmorProfile`, context.appArmorProfile)
  const { procMount, allowPrivilegeEscalation, privileged, capabilities } = context
  if (procMount !== undefined) {
    if (!procMounts.has(procMount)) faults.notSupported(`${path}.procMount`, procMount, procMounts)
    if (hostUsers && procMount === 'Unmasked') faults.invalid(`${path}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  if (allowPrivilegeEscalation === false) {
    if (privileged) faults.invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')
    if (capabilities?.add?.includes('CAP_SYS_ADMIN'))
      faults.invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN')
  }
  windowsFaults(faults, `${path}.windowsOptions`, context.windowsOptions)
}

export interface HostNamespaces {
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly shareProcessNamespace?: boolean
}

export function podSecurityFaults(faults: Faults, path: string, context: PodSecurityContext | undefined, host: HostNamespaces): void {
  if (host.shareProcessNamespace && host.hostPID)
    faults.invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')
  if (!context) return
  idFaults(faults, `${path}.fsGroup`, context.fsGroup)
  idFaults(faults, `${path}.runAsUser`, context.runAsUser)
  idFaults(faults, `${path}.runAsGroup`, context.runAsGroup)
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) idFaults(faults, `${path}.supplementalGroups[${i}]`, group)
  sysctlFaults(faults, `${path}.sysctls`, context.sysctls, host)
  faults.optionalWord(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, changePolicies)
  seccompFaults(faults, `${path}.seccompProfile`, context.seccompProfile)
  windowsFaults(faults, `${path}.windowsOptions`, context.windowsOptions)
  appArmorFaults(faults, `${path}.appArmorProfile`, context.appArmorProfile)
  faults.optionalWord(`${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, groupPolicies)
  faults.optionalWord(`${path}.seLinuxChangePolicy`, context.seLinuxChangePolicy, labelPolicies)
}

function idFaults(faults: Faults, path: string, id: number | undefined): void {
  faults.between(path, id, 0, idMax)
}

function sysctlFaults(
  faults: Faults,
  path: string,
  sysctls: PodSecurityContext['sysctls'],
  { hostNetwork, hostIPC }: HostNamespaces,
): void {
  const seen = new Set<string>()
  for (const [i, { name = '' }] of (sysctls ?? []).entries()) {
    const at = `${path}[${i}].name`
    if (name === '') faults.required(at)
    else if (name.length > 253 || !sysctl.test(name)) faults.invalid(at, name, 'must have at most 253 characters and the form of a sysctl')
    else if (seen.has(name)) faults.duplicate(at, name)
    const dotted = dottedSysctl(name)
    if (hostNetwork && dotted.startsWith('net.')) faults.invalid(at, name, "may not be specified when 'hostNetwork' is true")
    const isIpc = ['kernel.shm', 'kernel.msg', 'fs.mqueue.'].some((prefix) => dotted.startsWith(prefix)) || dotted === 'kernel.sem'
    if (hostIPC && isIpc) faults.invalid(at, name, "may not be specified when 'hostIPC' is true")
    seen.add(name)
  }
}

/** "net/ipv4/x" and "net.ipv4.x" are the same; the first separator decides what the other one means. */
function dottedSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0]
  return first === '/' ? name.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/')) : name
}

function seccompFaults(faults: Faults, path: string, profile: SeccompProfile | undefined): void {
  if (!profile) return
  faults.word(`${path}.type`, profile.type, profileTypes)
  const { localhostProfile } = profile
  if (profile.type !== 'Localhost') {
    if (localhostProfile !== undefined)
      faults.invalid(`${path}.localhostProfile`, localhostProfile, 'can only be set when seccomp type is Localhost')
  } else if (localhostProfile === undefined) faults.required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost')
  else mustBeRelativePath(faults, `${path}.localhostProfile`, localhostProfile)
}

const profileLengthMax = 4095

function appArmorFaults(faults: Faults, path: string, profile: AppArmorProfile | undefined): void {
  if (!profile) return
  faults.word(`${path}.type`, profile.type, profileTypes)
  const at = `${path}.localhostProfile`
  const { localhostProfile } = profile
  if (profile.type === 'Localhost') {
    if (!localhostProfile?.trim()) {
      if (localhostProfile) faults.invalid(at, localhostProfile, 'must not be padded with whitespace')
      else faults.required(at, 'must be set when AppArmor type is Localhost')
      return
    }
    if (localhostProfile.trim() !== localhostProfile) faults.invalid(at, localhostProfile, 'must not be padded with whitespace')
    if (utf8Length(localhostProfile) > profileLengthMax) faults.tooLong(at, profileLengthMax)
  } else if (localhostProfile !== undefined && profileTypes.has(profile.type ?? ''))
    faults.invalid(at, localhostProfile, 'can only be set when AppArmor type is Localhost')
}

const gmsaSpecBytesMax = 64 * 1024
const userBytesMax = 104
const domainLengthMax = 256
const controlCharacter = /\p{Cc}/u
const windowsDomain = /^[^\\/:*?"<>|.][^\\/:*?"<>|]*$/
const windowsUser = /^[^"/\\:;|=,+*?<>@[\]]+$/
const dotsAndSpaces = /^[. ]+$/

function windowsFaults(faults: Faults, path: string, options: WindowsSecurityContextOptions | undefined): void {
  if (!options) return
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options
  if (gmsaCredentialSpecName !== undefined && !isSubdomain(gmsaCredentialSpecName))
    faults.invalid(`${path}.gmsaCredentialSpecName`, gmsaCredentialSpecName, 'must be a DNS subdomain')
  if (gmsaCredentialSpec !== undefined) {
    const at = `${path}.gmsaCredentialSpec`
    if (gmsaCredentialSpec === '') faults.invalid(at, gmsaCredentialSpec, 'gmsaCredentialSpec cannot be an empty string')
    else if (utf8Length(gmsaCredentialSpec) > gmsaSpecBytesMax) faults.invalid(at, gmsaCredentialSpec, 'must be under 64 KiB')
  }
  if (runAsUserName !== undefined) userNameFaults(faults, `${path}.runAsUserName`, runAsUserName)
}

/** "user", or "domain\user": the rules of Windows for account names. */
function userNameFaults(faults: Faults, path: string, name: string): void {
  if (name === '') return faults.invalid(path, name, 'runAsUserName cannot be an empty string')
  if (controlCharacter.test(name)) return faults.invalid(path, name, 'runAsUserName cannot contain control characters')
  const parts = name.split('\\')
  if (parts.length > 2) return faults.invalid(path, name, 'runAsUserName cannot contain more than one backslash')
  const domain = parts.length === 2 ? (parts[0] ?? '') : undefined
  const user = parts.at(-1) ?? ''
  if (domain !== undefined) {
    if (domain.length >= domainLengthMax) faults.invalid(path, name, 'the length of the domain must be under 256')
    if (!windowsDomain.test(domain)) faults.invalid(path, name, "the domain doesn't match the NetBIOS nor the DNS format")
  }
  if (user === '') faults.invalid(path, name, 'the user cannot be empty')
  else if (utf8Length(user) > userBytesMax) faults.invalid(path, name, `the user length must not be longer than ${userBytesMax} characters`)
  if (user !== '' && (dotsAndSpaces.test(user) || !windowsUser.test(user)))
    faults.invalid(path, name, 'the user cannot contain only periods or spaces, nor any of "/\\:;|=,+*?<>@[]')
}
