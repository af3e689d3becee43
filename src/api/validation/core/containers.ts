/** Containers of a pod: regular, init and ephemeral ones (core/v1). */
import type {
  Container,
  ContainerResizePolicy,
  EphemeralContainer,
  PodSpec,
  Volume,
  VolumeDevice,
  VolumeMount,
} from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import { mustBeLabel, mustBeRelativePath, stepsBack } from '../names.js'
import { requirementsFaults } from '../resources.js'
import { envFaults, envFromFaults, lifecycleFaults, portsFaults, probeFaults } from './container-parts.js'
import { containerSecurityFaults } from './security-context.js'

export interface ContainersContext {
  readonly spec: PodSpec
  readonly volumes: ReadonlyMap<string, Volume>
  readonly claimNames: ReadonlySet<string>
  readonly hostUsers: boolean
}

const messagePolicies = new Set(['FallbackToLogsOnError', 'File'])
const pullPolicies = new Set(['Always', 'IfNotPresent', 'Never'])
const resizeResources = new Set(['cpu', 'memory'])
const resizePolicies = new Set(['NotRequired', 'RestartContainer'])
const propagations = new Set(['Bidirectional', 'HostToContainer', 'None'])
const recursions = new Set(['Disabled', 'Enabled', 'IfPossible'])
const restartPolicies = new Set(['Always', 'Never', 'OnFailure'])
const exitOperators = new Set(['In', 'NotIn'])
const exitCodesMax = 255
const restartRulesMax = 20

type Common = Omit<Container, 'name'> & { readonly name?: string }

export function containersFaults(faults: Faults, path: string, context: ContainersContext): void {
  const { spec } = context
  const containers = spec.containers ?? []
  if (containers.length === 0) return faults.required(path)
  const names = new Set<string>()
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i] as Container
    const at = `${path}[${i}]`
    commonFaults(faults, at, container, context)
    restartRulesFaults(faults, at, container, restartPolicies)
    const name = container.name ?? ''
    if (names.has(name)) faults.duplicate(`${at}.name`, name)
    names.add(name)
    longLivedFaults(faults, at, container, spec)
  }
  hostPortFaults(faults, path, containers)
}

export function initContainersFaults(faults: Faults, path: string, context: ContainersContext): void {
  const { spec } = context
  const { initContainers, containers } = spec
  if (!initContainers || initContainers.length === 0) return
  const names = new Set((containers ?? []).map(({ name }) => name))
  for (const [i, container] of initContainers.entries()) {
    const at = `${path}[${i}]`
    commonFaults(faults, at, container, context)
    restartRulesFaults(faults, at, container, restartPolicies)
    if (names.has(container.name)) faults.duplicate(`${at}.name`, container.name)
    else if (container.name) names.add(container.name)
    hostPortFaults(faults, path, [container])
    if (container.restartPolicy === 'Always') longLivedFaults(faults, at, container, spec)
    else
      for (const member of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
        if (container[member]) faults.forbidden(`${at}.${member}`, 'may not be set for init containers without restartPolicy=Always')
  }
}

/** What an ephemeral container must not have: pods do not rely on it (KEP-277). */
const notEphemeral = [
  ...['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resources', 'resizePolicy'],
  ...['restartPolicy', 'restartPolicyRules'],
] as const

export function ephemeralContainersFaults(faults: Faults, path: string, context: ContainersContext): void {
  const { ephemeralContainers, containers, initContainers } = context.spec
  if (!ephemeralContainers || ephemeralContainers.length === 0) return
  const others = new Set([...(containers ?? []), ...(initContainers ?? [])].map(({ name }) => name))
  const all = new Set(others)
  for (const [i, container] of ephemeralContainers.entries()) {
    const at = `${path}[${i}]`
    commonFaults(faults, at, container as Common, context)
    paddedImageFaults(faults, at, container.image)
    if (all.has(container.name)) faults.duplicate(`${at}.name`, container.name)
    all.add(container.name)
    if (container.targetContainerName && !others.has(container.targetContainerName))
      faults.notFound(`${at}.targetContainerName`, container.targetContainerName)
    for (const member of notEphemeral)
      if (isSet((container as unknown as Record<string, unknown>)[member]))
        faults.forbidden(`${at}.${member}`, 'cannot be set for an Ephemeral Container')
    for (const [j, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      if (subPath) faults.forbidden(`${at}.volumeMounts[${j}].subPath`, 'cannot be set for an Ephemeral Container')
      if (subPathExpr) faults.forbidden(`${at}.volumeMounts[${j}].subPathExpr`, 'cannot be set for an Ephemeral Container')
    }
  }
}

/** An absent struct and an empty one are the same in Go. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** Images of pods (not of templates) are judged more strictly. */
export function paddedImagesFaults(
  faults: Faults,
  path: string,
  containers: readonly (Container | EphemeralContainer)[] | undefined,
): void {
  for (let i = 0; i < (containers?.length ?? 0); i++) paddedImageFaults(faults, `${path}[${i}]`, containers?.[i]?.image)
}

function paddedImageFaults(faults: Faults, path: string, image: string | undefined): void {
  if (image && image !== image.trim()) faults.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace')
}

function longLivedFaults(faults: Faults, path: string, container: Container, { terminationGracePeriodSeconds: grace }: PodSpec): void {
  lifecycleFaults(faults, `${path}.lifecycle`, container.lifecycle, grace)
  probeFaults(faults, `${path}.livenessProbe`, container.livenessProbe, 'liveness', grace)
  probeFaults(faults, `${path}.readinessProbe`, container.readinessProbe, 'readiness', grace)
  probeFaults(faults, `${path}.startupProbe`, container.startupProbe, 'startup', grace)
}

function commonFaults(faults: Faults, path: string, container: Common, context: ContainersContext): void {
  const { spec, volumes, claimNames, hostUsers } = context
  if (!container.name) faults.required(`${path}.name`)
  else mustBeLabel(faults, `${path}.name`, container.name)
  if (!container.image) faults.required(`${path}.image`)
  faults.word(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies)
  portsFaults(faults, `${path}.ports`, container.ports)
  envFaults(faults, `${path}.env`, container.env)
  envFromFaults(faults, `${path}.envFrom`, container.envFrom)
  mountsFaults(faults, `${path}.volumeMounts`, container, volumes)
  devicesFaults(faults, `${path}.volumeDevices`, container, volumes)
  faults.word(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies)
  requirementsFaults(faults, `${path}.resources`, container.resources, { claimNames })
  resizePolicyFaults(faults, `${path}.resizePolicy`, container.resizePolicy, spec.restartPolicy)
  containerSecurityFaults(faults, `${path}.securityContext`, container.securityContext, hostUsers)
}

function resizePolicyFaults(
  faults: Faults,
  path: string,
  policies: readonly ContainerResizePolicy[] | undefined,
  podPolicy: string | undefined,
): void {
  const seen = new Set<string>()
  for (const [i, { resourceName = '', restartPolicy = '' }] of (policies ?? []).entries()) {
    if (seen.has(resourceName)) faults.duplicate(`${path}[${i}]`, resourceName)
    seen.add(resourceName)
    faults.word(path, resourceName, resizeResources)
    faults.word(path, restartPolicy, resizePolicies)
    if (podPolicy === 'Never' && restartPolicy !== 'NotRequired')
      faults.invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")
  }
}

/** KEP-5307: containers may have a restart policy of their own, with rules by exit code. */
function restartRulesFaults(faults: Faults, path: string, container: Container, policies: ReadonlySet<string>): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container
  if (restartPolicy === undefined) {
    if (rules.length > 0) faults.required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used')
    return
  }
  if (!policies.has(restartPolicy)) faults.notSupported(`${path}.restartPolicy`, restartPolicy, policies)
  if (rules.length > restartRulesMax) faults.tooMany(`${path}.restartPolicyRules`, rules.length, restartRulesMax)
  for (const [i, { action, exitCodes }] of rules.entries()) {
    const at = `${path}.restartPolicyRules[${i}]`
    if (action !== 'Restart') faults.notSupported(`${at}.action`, action, ['Restart'])
    if (!exitCodes) {
      faults.required(`${at}.exitCodes`, 'must be specified')
      continue
    }
    faults.word(`${at}.exitCodes.operator`, exitCodes.operator, exitOperators)
    const count = exitCodes.values?.length ?? 0
    if (count === 0) faults.required(`${at}.exitCodes.values`)
    else if (count > exitCodesMax) faults.tooMany(`${at}.exitCodes.values`, count, exitCodesMax)
  }
}

/** Ports of the host that two containers would both want. */
function hostPortFaults(faults: Faults, path: string, containers: readonly Container[]): void {
  let taken: Set<string> | undefined
  for (let i = 0; i < containers.length; i++) {
    const ports = containers[i]?.ports
    for (let j = 0; j < (ports?.length ?? 0); j++) {
      const { protocol = '', hostIP = '', hostPort = 0 } = ports?.[j] ?? {}
      if (hostPort === 0) continue
      const key = `${protocol}/${hostIP}/${hostPort}`
      taken ??= new Set()
      if (taken.has(key)) faults.duplicate(`${path}[${i}].ports[${j}].hostPort`, key)
      taken.add(key)
    }
  }
}

function mountsFaults(faults: Faults, path: string, container: Common, volumes: ReadonlyMap<string, Volume>): void {
  const mounts = container.volumeMounts
  if (!mounts) return
  const points = new Set<string>()
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i] as VolumeMount
    const { name = '', mountPath = '', subPath, subPathExpr } = mount
    const at = `${path}[${i}]`
    if (name === '') faults.required(`${at}.name`)
    if (!volumes.has(name)) faults.notFound(`${at}.name`, name)
    if (mountPath === '') faults.required(`${at}.mountPath`)
    if (points.has(mountPath)) faults.invalid(`${at}.mountPath`, mountPath, 'must be unique')
    points.add(mountPath)
    for (const device of container.volumeDevices ?? []) {
      if (device.name === name) faults.invalid(`${at}.name`, name, 'must not already exist in volumeDevices')
      if (device.devicePath === mountPath) faults.invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices')
    }
    if (volumes.get(name)?.image) {
      if (subPath && stepsBack(subPath)) faults.invalid(`${at}.subPath`, subPath, 'not allowed in image volume sources')
    }
    // Upstream reports these without the index of the mount.
    if (subPath) mustBeRelativePath(faults, `${path}.subPath`, subPath)
    if (subPathExpr) {
      if (subPath) faults.invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')
      mustBeRelativePath(faults, `${path}.subPathExpr`, subPathExpr)
    }
    propagationFaults(faults, path, mount, container)
  }
}

function propagationFaults(faults: Faults, path: string, mount: VolumeMount, container: Common): void {
  const { mountPropagation: propagation, recursiveReadOnly: recursion } = mount
  if (propagation !== undefined) {
    if (!propagations.has(propagation)) faults.notSupported(`${path}.mountPropagation`, propagation, propagations)
    if (propagation === 'Bidirectional' && container.securityContext?.privileged !== true)
      faults.forbidden(`${path}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers')
  }
  if (recursion === undefined || recursion === 'Disabled') return
  const at = `${path}.recursiveReadOnly`
  if (!recursions.has(recursion)) return faults.notSupported(at, recursion, recursions)
  if (!mount.readOnly) faults.forbidden(at, 'may only be specified when readOnly is true')
  if (propagation !== undefined && propagation !== 'None')
    faults.forbidden(at, 'may only be specified when mountPropagation is None or not specified')
}

function devicesFaults(faults: Faults, path: string, container: Common, volumes: ReadonlyMap<string, Volume>): void {
  const devices = container.volumeDevices
  if (!devices) return
  const paths = new Set<string>()
  const names = new Set<string>()
  for (let i = 0; i < devices.length; i++) {
    const { name = '', devicePath = '' } = devices[i] as VolumeDevice
    const at = `${path}[${i}]`
    const volume = volumes.get(name)
    if (name === '') faults.required(`${at}.name`)
    if (names.has(name)) faults.invalid(`${at}.name`, name, 'must be unique')
    if (!volume) faults.notFound(`${at}.name`, name)
    else if (!volume.persistentVolumeClaim && !volume.ephemeral)
      faults.invalid(`${at}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode')
    if (devicePath === '') faults.required(`${at}.devicePath`)
    if (paths.has(devicePath)) faults.invalid(`${at}.devicePath`, devicePath, 'must be unique')
    if (stepsBack(devicePath)) faults.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')")
    else paths.add(devicePath)
    for (const mount of container.volumeMounts ?? []) {
      if (mount.name === name) faults.invalid(`${at}.name`, name, 'must not already exist in volumeMounts')
      if (mount.mountPath === devicePath) faults.invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts')
    }
    if (name) names.add(name)
  }
}
