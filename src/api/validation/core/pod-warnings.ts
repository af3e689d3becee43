/** What a client is warned of when it makes a pod or a template of one: it is accepted, and most likely not what was meant. */
import type { Container, Pod, PodSpec, PodTemplateSpec, Volume } from '../../types/core-v1.js'
import { parseIp } from '../../ip.js'
import { amountOf } from '../../resource-usage/amount.js'
import { isLabel } from '../names.js'
import { everyContainer } from './pod-spec.js'

/** Labels of nodes that have other names now. */
const oldNodeLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

const oldVolumes: Readonly<Record<string, string>> = {
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
}

const oldAnnotations: readonly (readonly [prefix: string, why: string])[] = [
  ['seccomp.security.alpha.kubernetes.io/pod', 'non-functional in v1.27+; use the "seccompProfile" field instead'],
  ['container.seccomp.security.alpha.kubernetes.io', 'non-functional in v1.27+; use the "seccompProfile" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['container.apparmor.security.beta.kubernetes.io/', 'deprecated since v1.30; use the "appArmorProfile" field instead'],
]

export const oddName = (name: string | undefined): string[] =>
  !name || isLabel(name)
    ? []
    : ['metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended']

export function podWarnings(pod: Pod, old?: Pod): string[] {
  const own = old ? [] : oddName(pod.metadata.name)
  return [...own, ...specWarnings('', pod.metadata.annotations, pod.spec)]
}

export function templateWarnings(path: string, template: PodTemplateSpec | undefined): string[] {
  return specWarnings(`${path}.`, template?.metadata?.annotations, template?.spec)
}

function specWarnings(path: string, annotations: Readonly<Record<string, string>> | undefined, spec: PodSpec | undefined): string[] {
  if (!spec) return []
  const warnings: string[] = []
  const at = `${path}spec`
  for (const key in spec.nodeSelector) if (oldNodeLabels[key]) warnings.push(`${at}.nodeSelector[${key}]: ${oldNodeLabels[key]}`)
  affinityWarnings(warnings, at, spec)
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const constraint = `${at}.topologySpreadConstraints[${i}]`
    if (oldNodeLabels[topologyKey]) warnings.push(`${constraint}.topologyKey: ${topologyKey} is ${oldNodeLabels[topologyKey]}`)
    if (!labelSelector) warnings.push(`${constraint}.labelSelector: a null labelSelector results in matching no pod`)
  }
  for (const key in annotations)
    for (const [prefix, why] of oldAnnotations) if (key.startsWith(prefix)) warnings.push(`${path}metadata.annotations[${key}]: ${why}`)
  referencesWarnings(warnings, at, spec)
  for (const [i, volume] of (spec.volumes ?? []).entries()) volumeWarnings(warnings, `${at}.volumes[${i}]`, volume)
  for (const [container, place] of everyContainer(at, spec)) containerWarnings(warnings, place, container as Container)
  hostPortWarnings(warnings, at, spec)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`)
  return warnings
}

function affinityWarnings(warnings: string[], at: string, { affinity }: PodSpec): void {
  const node = affinity?.nodeAffinity
  const terms = [
    ...(node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []),
    ...(node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference }) => preference),
  ]
  for (const term of terms)
    for (const { key } of term?.matchExpressions ?? [])
      if (oldNodeLabels[key]) warnings.push(`${at}.affinity.nodeAffinity: ${key} is ${oldNodeLabels[key]}`)
  for (const side of ['podAffinity', 'podAntiAffinity'] as const) {
    const required = affinity?.[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    const preferred = (affinity?.[side]?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm)
    for (const term of [...required, ...preferred])
      if (term && !term.labelSelector) warnings.push(`${at}.affinity.${side}: a null labelSelector results in matching no pod`)
  }
}

function referencesWarnings(warnings: string[], at: string, spec: PodSpec): void {
  const aliases = new Set<string>()
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (aliases.has(ip)) warnings.push(`${at}.hostAliases[${i}].ip: duplicate ip "${ip}"`)
    aliases.add(ip)
  }
  const secrets = new Set<string>()
  for (const [i, { name = '' }] of (spec.imagePullSecrets ?? []).entries()) {
    if (name === '') warnings.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`)
    else if (secrets.has(name)) warnings.push(`${at}.imagePullSecrets[${i}].name: duplicate name "${name}"`)
    secrets.add(name)
  }
}

function volumeWarnings(warnings: string[], at: string, volume: Volume): void {
  for (const kind of Object.keys(volume)) if (oldVolumes[kind]) warnings.push(`${at}.${kind}: ${oldVolumes[kind]}`)
  const paths = new Set<string>()
  for (const { path } of [...(volume.secret?.items ?? []), ...(volume.configMap?.items ?? []), ...(volume.downwardAPI?.items ?? [])]) {
    if ([...paths].some((other) => overlaps(path, other))) warnings.push(`${at}: overlapping paths: "${path}"`)
    paths.add(path)
  }
}

const overlaps = (a: string, b: string) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)

function containerWarnings(warnings: string[], at: string, container: Container): void {
  const names = new Set<string>()
  for (const [i, { name }] of (container.env ?? []).entries()) {
    if (names.has(name)) warnings.push(`${at}.env[${i}]: hides previous definition of "${name}", which may be dropped when using apply`)
    names.add(name)
  }
  for (const kind of ['limits', 'requests'] as const)
    for (const name of ['memory', 'ephemeral-storage']) {
      const value = container.resources?.[kind]?.[name]
      if (value?.endsWith('m') && amountOf(value).nanos % 1_000_000_000n !== 0n)
        warnings.push(`${at}.resources.${kind}[${name}]: fractional byte value "${value}" is invalid, must be an integer`)
    }
  const ports = new Set<string>()
  for (const [i, { containerPort, protocol, hostIP = '', hostPort }] of (container.ports ?? []).entries()) {
    const key = `${containerPort}/${protocol ?? 'TCP'}/${hostIP}/${hostPort ?? 0}`
    if (ports.has(key)) warnings.push(`${at}.ports[${i}]: duplicate port definition`)
    ports.add(key)
    if (hostIP && !hostPort) warnings.push(`${at}.ports[${i}]: hostIP set without hostPort`)
    if (hostIP && !parseIp(hostIP)) warnings.push(`${at}.ports[${i}].hostIP: non-standard or invalid IP address "${hostIP}"`)
  }
}

function hostPortWarnings(warnings: string[], at: string, { containers }: PodSpec): void {
  const seen = new Set<string>()
  for (const [i, { ports = [] }] of (containers ?? []).entries())
    for (const [j, { containerPort, protocol = 'TCP', hostPort, name = '' }] of ports.entries()) {
      const key = `${containerPort}/${protocol}`
      if (i > 0 && !hostPort && seen.has(key))
        warnings.push(`${at}.containers[${i}].ports[${j}]: duplicate port number ${containerPort} (${name})`)
      seen.add(key)
    }
}
