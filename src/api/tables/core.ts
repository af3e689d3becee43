/** Cells of core/v1's other kinds, and of what belongs to Services. */
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ResourceQuota,
  Secret,
  Service,
} from '../types/core-v1.js'
import type { EndpointSlice } from '../types/discovery-v1.js'
import type { Ingress, NetworkPolicy } from '../types/networking-v1.js'
import { ageOf } from './human-duration.js'
import { labelsText, selectorText } from './workloads.js'

const size = (value: object | undefined) => Object.keys(value ?? {}).length

export function namespaceCells({ metadata, status }: Namespace, nowMs: number): unknown[] {
  return [metadata.name ?? '', status?.phase ?? '', ageOf(metadata.creationTimestamp, nowMs)]
}

export function configMapCells({ metadata, data, binaryData }: ConfigMap, nowMs: number): unknown[] {
  return [metadata.name ?? '', size(data) + size(binaryData), ageOf(metadata.creationTimestamp, nowMs)]
}

export function secretCells({ metadata, type, data }: Secret, nowMs: number): unknown[] {
  return [metadata.name ?? '', type ?? '', size(data), ageOf(metadata.creationTimestamp, nowMs)]
}

const rolePrefix = 'node-role.kubernetes.io/'
export function nodeCells({ metadata, spec, status }: Node, nowMs: number): unknown[] {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status
  const words = [
    ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady',
    ...(spec?.unschedulable ? ['SchedulingDisabled'] : []),
  ]
  const labels = metadata.labels ?? {}
  const roles = Object.keys(labels)
    .flatMap((key) =>
      key.startsWith(rolePrefix) && key.length > rolePrefix.length
        ? [key.slice(rolePrefix.length)]
        : key === 'kubernetes.io/role' && labels[key]
          ? [labels[key]]
          : [],
    )
    .sort()
  const address = (kind: string) => status?.addresses?.find(({ type }) => type === kind)?.address ?? '<none>'
  const { kubeletVersion, osImage, kernelVersion, containerRuntimeVersion, architecture } = status?.nodeInfo ?? {}
  return [
    metadata.name ?? '',
    words.join(','),
    roles.join(',') || '<none>',
    ageOf(metadata.creationTimestamp, nowMs),
    kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    osImage || '<unknown>',
    kernelVersion ? (architecture ? `${kernelVersion} (${architecture})` : kernelVersion) : '<unknown>',
    containerRuntimeVersion || '<unknown>',
  ]
}

export function serviceCells({ metadata, spec, status }: Service, nowMs: number): unknown[] {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  )
  return [
    metadata.name ?? '',
    spec?.type ?? '',
    spec?.type === 'ExternalName' ? '<none>' : (spec?.clusterIPs?.[0] ?? spec?.clusterIP) || '<none>',
    externalAddress({ metadata, spec, status }),
    ports.join(',') || '<none>',
    ageOf(metadata.creationTimestamp, nowMs),
    labelsText(spec?.selector),
  ]
}

function externalAddress({ spec, status }: Service): string {
  if (spec?.type === 'ExternalName') return spec.externalName ?? ''
  const listed = spec?.externalIPs ?? []
  if (spec?.type !== 'LoadBalancer') return listed.join(',') || '<none>'
  const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
  return [...given, ...listed].join(',') || '<pending>'
}

/** At most three, then how many more there are. */
function firstThree(all: readonly string[]): string {
  if (all.length === 0) return '<none>'
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',')
}

export function endpointsCells({ metadata, subsets }: Endpoints, nowMs: number): unknown[] {
  const all = (subsets ?? []).flatMap(({ addresses, ports }) =>
    ports?.length ? ports.flatMap(({ port }) => (addresses ?? []).map(({ ip }) => `${ip}:${port}`)) : (addresses ?? []).map(({ ip }) => ip),
  )
  return [metadata.name ?? '', firstThree(all), ageOf(metadata.creationTimestamp, nowMs)]
}

export function endpointSliceCells({ metadata, addressType, ports, endpoints }: EndpointSlice, nowMs: number): unknown[] {
  const portTexts = (ports ?? []).map(({ port, name }) => String(port ?? name ?? '*'))
  const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? [])
  const portText = !ports || ports.length === 0 ? '<unset>' : firstThree(portTexts)
  return [
    metadata.name ?? '',
    addressType,
    portText,
    addresses.length ? firstThree(addresses) : '<unset>',
    ageOf(metadata.creationTimestamp, nowMs),
  ]
}

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}
const modesText = (list: readonly string[] | undefined) => [...new Set((list ?? []).map((mode) => modes[mode] ?? mode))].join(',')

export function volumeCells({ metadata, spec, status }: PersistentVolume, nowMs: number): unknown[] {
  const { claimRef } = spec ?? {}
  return [
    metadata.name ?? '',
    spec?.capacity?.storage ?? '',
    modesText(spec?.accessModes),
    spec?.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    claimRef ? `${claimRef.namespace}/${claimRef.name}` : '',
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    status?.reason ?? '',
    ageOf(metadata.creationTimestamp, nowMs),
    spec?.volumeMode ?? '<unset>',
  ]
}

export function claimCells({ metadata, spec, status }: PersistentVolumeClaim, nowMs: number): unknown[] {
  const isBound = Boolean(spec?.volumeName)
  return [
    metadata.name ?? '',
    metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    spec?.volumeName ?? '',
    isBound ? (status?.capacity?.storage ?? '') : '',
    isBound ? modesText(status?.accessModes) : '',
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    ageOf(metadata.creationTimestamp, nowMs),
    spec?.volumeMode ?? '<unset>',
  ]
}

export function eventCells(event: Event, nowMs: number): unknown[] {
  const { involvedObject: about, source, series } = event
  const first = event.firstTimestamp ?? event.eventTime
  const last = series?.lastObservedTime ?? event.lastTimestamp ?? first
  const count = series?.count ?? event.count ?? 1
  const lastSeen = ageOf(last, nowMs)
  return [
    count > 1 && series ? `${lastSeen} (x${count} over ${ageOf(first, nowMs)})` : lastSeen,
    event.type ?? '',
    event.reason ?? '',
    `${(about.kind ?? '').toLowerCase()}/${about.name ?? ''}`,
    about.fieldPath ?? '',
    [source?.component ?? event.reportingComponent ?? '', source?.host].filter(Boolean).join(', '),
    (event.message ?? '').trim(),
    ageOf(first, nowMs),
    count,
    event.metadata.name ?? '',
  ]
}

export function quotaCells({ metadata, spec, status }: ResourceQuota, nowMs: number): unknown[] {
  const hard = status?.hard ?? spec?.hard ?? {}
  const text = (names: readonly string[]) => names.map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${hard[name]}`).join(', ')
  const names = Object.keys(hard).sort()
  return [
    metadata.name ?? '',
    text(names.filter((name) => !name.startsWith('limits.'))),
    text(names.filter((name) => name.startsWith('limits.'))),
    ageOf(metadata.creationTimestamp, nowMs),
  ]
}

export function podTemplateCells({ metadata, template }: PodTemplate): unknown[] {
  const containers = template?.spec?.containers ?? []
  return [
    metadata.name ?? '',
    containers.map(({ name }) => name).join(','),
    containers.map(({ image }) => image ?? '').join(','),
    labelsText(template?.metadata?.labels),
  ]
}

export function ingressCells({ metadata, spec, status }: Ingress, nowMs: number): unknown[] {
  const hosts = (spec?.rules ?? []).map(({ host }) => host || '*')
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
  return [
    metadata.name ?? '',
    spec?.ingressClassName ?? '<none>',
    hosts.length ? firstThree(hosts) : '*',
    addresses.join(','),
    spec?.tls?.length ? '80, 443' : '80',
    ageOf(metadata.creationTimestamp, nowMs),
  ]
}

export function networkPolicyCells({ metadata, spec }: NetworkPolicy, nowMs: number): unknown[] {
  return [metadata.name ?? '', selectorText(spec?.podSelector), ageOf(metadata.creationTimestamp, nowMs)]
}
