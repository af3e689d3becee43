/** The specification of a pod, alone or in a template (core/v1). */
import type { Container, EphemeralContainer, HostAlias, PodDNSConfig, PodResourceClaim, PodSpec } from '../../types/core-v1.js'
import { addAmounts, amountOf, zero, type Amount } from '../../resource-usage/amount.js'
import type { Faults } from '../faults.js'
import { mustBeIp, mustBeLabel, mustBeLabels, mustBeQualified, mustBeSearchDomain, mustBeSubdomain } from '../names.js'
import { requirementsFaults } from '../resources.js'
import { containersFaults, ephemeralContainersFaults, initContainersFaults } from './containers.js'
import { affinityFaults, spreadFaults, tolerationsFaults } from './scheduling-rules.js'
import { podSecurityFaults } from './security-context.js'
import { volumesFaults } from './volumes.js'

export interface PodSpecOptions {
  /** The object is a pod, not something with a template in it. */
  readonly isPod?: boolean
  /** Of a pod: claims of ephemeral volumes are named after it. */
  readonly podName?: string
  /** What the old object has though it would be refused today may stay (ratcheting). */
  readonly anySelectorValue?: boolean
  readonly anyNodeValue?: boolean
  readonly anySpreadSelector?: boolean
}

const restartPolicies = new Set(['Always', 'Never', 'OnFailure'])
const dnsPolicies = new Set(['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'])
const preemptionPolicies = new Set(['Never', 'PreemptLowerPriority'])
const systems = new Set(['linux', 'windows'])
const int32Max = 2 ** 31 - 1
const hostnameLengthMax = 64
const noNames: ReadonlySet<string> = new Set()

export function podSpecFaults(faults: Faults, path: string, spec: PodSpec, options: PodSpecOptions = {}): void {
  if (spec.terminationGracePeriodSeconds === undefined) faults.required(`${path}.terminationGracePeriodSeconds`)
  const volumes = volumesFaults(faults, `${path}.volumes`, spec.volumes, options.podName)
  const claimNames = resourceClaimsFaults(faults, `${path}.resourceClaims`, spec.resourceClaims)
  const context = { spec, volumes, claimNames, hostUsers: spec.hostUsers !== false }
  containersFaults(faults, `${path}.containers`, context)
  initContainersFaults(faults, `${path}.initContainers`, context)
  ephemeralContainersFaults(faults, `${path}.ephemeralContainers`, context)
  podResourcesFaults(faults, `${path}.resources`, spec)
  hostNetworkFaults(faults, `${path}.containers`, spec, options.isPod ?? false)
  faults.word(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies)
  faults.word(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies)
  mustBeLabels(faults, `${path}.nodeSelector`, spec.nodeSelector)
  podSecurityFaults(faults, `${path}.securityContext`, spec.securityContext, spec)
  const anyNodeValue = options.anyNodeValue ? { anyValue: true } : {}
  affinityFaults(faults, `${path}.affinity`, spec.affinity, options.anySelectorValue ? { anyValue: true } : anyNodeValue)
  dnsConfigFaults(faults, `${path}.dnsConfig`, spec.dnsConfig, spec.dnsPolicy)
  for (const [i, gate] of (spec.readinessGates ?? []).entries())
    mustBeQualified(faults, `${path}.readinessGates[${i}].conditionType`, gate.conditionType ?? '')
  gatesFaults(faults, `${path}.schedulingGates`, spec.schedulingGates)
  spreadFaults(faults, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints, {
    anySelector: options.anySpreadSelector ?? false,
  })
  hostProcessFaults(faults, path, spec)
  hostUsersFaults(faults, path, spec)
  namesFaults(faults, path, spec)
  tolerationsFaults(faults, `${path}.tolerations`, spec.tolerations)
  hostAliasesFaults(faults, `${path}.hostAliases`, spec.hostAliases)
  if (spec.preemptionPolicy !== undefined) faults.word(`${path}.preemptionPolicy`, spec.preemptionPolicy, preemptionPolicies)
  if (spec.overhead) requirementsFaults(faults, `${path}.overhead`, { limits: spec.overhead })
  systemFaults(faults, path, spec)
}

function namesFaults(faults: Faults, path: string, spec: PodSpec): void {
  if (spec.serviceAccountName) mustBeSubdomain(faults, `${path}.serviceAccountName`, spec.serviceAccountName)
  if (spec.nodeName) mustBeSubdomain(faults, `${path}.nodeName`, spec.nodeName)
  faults.between(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, int32Max)
  if (spec.hostname) mustBeLabel(faults, `${path}.hostname`, spec.hostname)
  if (spec.subdomain) mustBeLabel(faults, `${path}.subdomain`, spec.subdomain)
  if (spec.priorityClassName) mustBeSubdomain(faults, `${path}.priorityClassName`, spec.priorityClassName)
  if (spec.runtimeClassName !== undefined) mustBeSubdomain(faults, `${path}.runtimeClassName`, spec.runtimeClassName)
  const { hostnameOverride } = spec
  if (hostnameOverride === undefined) return
  // KEP-4762: the override is the whole name, so nothing else may make one.
  const at = `${path}.hostnameOverride`
  mustBeSubdomain(faults, at, hostnameOverride)
  if (hostnameOverride.length > hostnameLengthMax) faults.tooLong(at, hostnameLengthMax)
  if (spec.setHostnameAsFQDN) faults.forbidden(at, 'may not be specified when `setHostnameAsFQDN` is true')
  if (spec.hostNetwork) faults.forbidden(at, 'may not be specified when `hostNetwork` is true')
}

function gatesFaults(faults: Faults, path: string, gates: PodSpec['schedulingGates']): void {
  if (!gates) return
  for (const [i, { name = '' }] of gates.entries()) {
    mustBeQualified(faults, `${path}[${i}]`, name)
    if (gates.findIndex((gate) => gate.name === name) < i) faults.duplicate(`${path}[${i}]`, name)
  }
}

function resourceClaimsFaults(faults: Faults, path: string, claims: readonly PodResourceClaim[] | undefined): ReadonlySet<string> {
  if (!claims || claims.length === 0) return noNames
  const names = new Set<string>()
  for (const [i, claim] of claims.entries()) {
    const { name = '', resourceClaimName, resourceClaimTemplateName } = claim
    const at = `${path}[${i}]`
    if (name === '') faults.required(`${at}.name`)
    else if (names.has(name)) faults.duplicate(`${at}.name`, name)
    else {
      mustBeLabel(faults, `${at}.name`, name)
      names.add(name)
    }
    if ((resourceClaimName === undefined) === (resourceClaimTemplateName === undefined))
      faults.invalid(at, claim, 'must specify exactly one of: `resourceClaimName`, `resourceClaimTemplateName`')
    if (resourceClaimName !== undefined) mustBeSubdomain(faults, `${at}.resourceClaimName`, resourceClaimName)
    if (resourceClaimTemplateName !== undefined) mustBeSubdomain(faults, `${at}.resourceClaimTemplateName`, resourceClaimTemplateName)
  }
  return names
}

/** KEP-2837: what the pod asks for as a whole covers what its containers ask for. */
function podResourcesFaults(faults: Faults, path: string, spec: PodSpec): void {
  const { resources } = spec
  if (!resources) return
  if (resources.claims) faults.forbidden(`${path}.claims`, 'claims cannot be set for Resources at pod-level')
  requirementsFaults(faults, path, { ...resources, claims: undefined } as typeof resources, { podLevel: true })
  for (const [name, sum] of containerRequests(spec)) {
    // What the pod as a whole says nothing of is its containers' own.
    const asked = resources.requests?.[name]
    if (asked !== undefined && amountOf(asked).nanos < sum.nanos)
      faults.invalid(`${path}.requests[${name}]`, asked, 'must be greater than or equal to aggregate container requests')
  }
  for (const [i, container] of (spec.containers ?? []).entries())
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = resources.limits?.[name]
      if (most !== undefined && amountOf(limit).nanos > amountOf(most).nanos)
        faults.invalid(`${path}.containers[${i}][${name}].limits`, limit, `must be less than or equal to pod limits of ${most}`)
    }
}

/** What the containers ask for together: regular ones and sidecars at once, other init containers one by one before. */
function containerRequests(spec: PodSpec): Map<string, Amount> {
  const sums = new Map<string, Amount>()
  const peaks = new Map<string, Amount>()
  const sidecars = new Map<string, Amount>()
  const add = (to: Map<string, Amount>, name: string, value: string) => to.set(name, addAmounts(to.get(name) ?? zero, amountOf(value)))
  for (const { resources } of spec.containers ?? [])
    for (const [name, value] of Object.entries(resources?.requests ?? {})) add(sums, name, value)
  for (const { resources, restartPolicy } of spec.initContainers ?? [])
    for (const [name, value] of Object.entries(resources?.requests ?? {})) {
      if (restartPolicy === 'Always') {
        add(sidecars, name, value)
        add(sums, name, value)
      } else {
        const peak = addAmounts(sidecars.get(name) ?? zero, amountOf(value))
        if (peak.nanos > (peaks.get(name)?.nanos ?? 0n)) peaks.set(name, peak)
      }
    }
  for (const [name, peak] of peaks) if (peak.nanos > (sums.get(name)?.nanos ?? 0n)) sums.set(name, peak)
  return sums
}

/** In the host's network a container's port is the host's; a template may leave that to the defaults of its pods. */
function hostNetworkFaults(faults: Faults, path: string, spec: PodSpec, isPod: boolean): void {
  if (!spec.hostNetwork) return
  for (const [i, { ports = [] }] of (spec.containers ?? []).entries())
    for (const [j, { hostPort = 0, containerPort = 0 }] of ports.entries())
      if ((isPod || hostPort !== 0) && hostPort !== containerPort)
        faults.invalid(`${path}[${i}].ports[${j}].hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true')
}

const nameserversMax = 3
const searchesMax = 32
const searchCharactersMax = 2048

function dnsConfigFaults(faults: Faults, path: string, config: PodDNSConfig | undefined, policy: string | undefined): void {
  if (policy === 'None') {
    if (!config) return faults.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')
    if (!config.nameservers?.length)
      return faults.required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')
  }
  if (!config) return
  const { nameservers = [], searches = [], options = [] } = config
  if (nameservers.length > nameserversMax)
    faults.invalid(`${path}.nameservers`, nameservers, `must not have more than ${nameserversMax} nameservers`)
  for (const [i, server] of nameservers.entries()) mustBeIp(faults, `${path}.nameservers[${i}]`, server)
  if (searches.length > searchesMax) faults.invalid(`${path}.searches`, searches, `must not have more than ${searchesMax} search paths`)
  if (searches.join(' ').length > searchCharactersMax)
    faults.invalid(
      `${path}.searches`,
      searches,
      `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`,
    )
  for (const [i, search] of searches.entries()) mustBeSearchDomain(faults, `${path}.searches[${i}]`, search)
  for (const [i, { name }] of options.entries()) if (!name) faults.required(`${path}.options[${i}]`, 'must not be empty')
}

function hostAliasesFaults(faults: Faults, path: string, aliases: readonly HostAlias[] | undefined): void {
  for (const [i, { ip = '', hostnames = [] }] of (aliases ?? []).entries()) {
    mustBeIp(faults, `${path}[${i}].ip`, ip)
    for (const [j, name] of hostnames.entries()) mustBeSubdomain(faults, `${path}[${i}].hostnames[${j}]`, name)
  }
}

/** User namespaces go with no other namespace of the host (KEP-127). The capitals are upstream's. */
function hostUsersFaults(faults: Faults, path: string, spec: PodSpec): void {
  if (spec.hostUsers !== false) return
  const detail = 'when `pod.Spec.HostUsers` is false'
  if (spec.hostNetwork) faults.forbidden(`${path}.hostNetwork`, detail)
  if (spec.hostPID) faults.forbidden(`${path}.HostPID`, detail)
  if (spec.hostIPC) faults.forbidden(`${path}.HostIPC`, detail)
}

type AnyContainer = Container | EphemeralContainer

/** Every container with its path, regular ones last as upstream visits them. */
export function* everyContainer(path: string, spec: PodSpec): Generator<readonly [AnyContainer, string]> {
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    for (const [i, container] of (spec[kind] ?? []).entries()) yield [container, `${path}.${kind}[${i}]`] as const
}

/** KEP-1981: containers in the host's own processes are all or none, and in its network. */
function hostProcessFaults(faults: Faults, path: string, spec: PodSpec): void {
  const own = spec.securityContext?.windowsOptions?.hostProcess
  const uses = ({ securityContext }: AnyContainer) => securityContext?.windowsOptions?.hostProcess
  if (own === undefined && !(spec.containers ?? []).some(uses) && !(spec.initContainers ?? []).some(uses)) return
  let all = 0
  let inHost = 0
  for (const [container, at] of everyContainer(path, spec)) {
    const value = uses(container)
    all++
    if (own !== undefined && value !== undefined && own !== value)
      faults.invalid(
        `${at}.securityContext.windowsOptions.hostProcess`,
        value,
        'pod hostProcess value must be identical if both are specified',
      )
    if (value ?? own) inHost++
  }
  if (inHost === 0) return
  if (inHost !== all)
    faults.invalid(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers')
  if (!spec.hostNetwork) faults.invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers')
}

const notOnWindows = [
  ...['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'runAsUser', 'runAsGroup'],
  ...['supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'],
]
const notInWindowsContainer = [
  ...['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged'],
  ...['allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'],
]

/** KEP-2802: a pod that names its system has nothing of the other one. */
function systemFaults(faults: Faults, path: string, spec: PodSpec): void {
  if (!spec.os) return
  const { name } = spec.os
  if (!name) return faults.required(`${path}.os.name`, 'cannot be empty')
  if (!systems.has(name)) return faults.notSupported(`${path}.os`, name, systems)
  if (name === 'linux') {
    const detail = 'windows options cannot be set for a linux pod'
    if (spec.securityContext?.windowsOptions) faults.forbidden(`${path}.securityContext.windowsOptions`, detail)
    for (const [{ securityContext }, at] of everyContainer(path, spec))
      if (securityContext?.windowsOptions) faults.forbidden(`${at}.securityContext.windowsOptions`, detail)
    return
  }
  const detail = 'cannot be set for a windows pod'
  const own = (spec.securityContext ?? {}) as Readonly<Record<string, unknown>>
  for (const member of notOnWindows) if (own[member] !== undefined) faults.forbidden(`${path}.securityContext.${member}`, detail)
  for (const member of ['hostUsers', 'shareProcessNamespace'] as const)
    if (spec[member] !== undefined) faults.forbidden(`${path}.${member}`, detail)
  for (const member of ['hostPID', 'hostIPC'] as const) if (spec[member]) faults.forbidden(`${path}.${member}`, detail)
  for (const [{ securityContext = {} }, at] of everyContainer(path, spec))
    for (const member of notInWindowsContainer)
      if ((securityContext as Readonly<Record<string, unknown>>)[member] !== undefined)
        faults.forbidden(`${at}.securityContext.${member}`, detail)
}
