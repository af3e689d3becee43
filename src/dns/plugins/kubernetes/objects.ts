/**
 * What is kept of the cluster's objects: there are tens of thousands, so the informers' caches hold these records alone, and the
 * index the same ones.
 */
import { parseIp } from '../../../api/ip.js'
import type { KubeObject } from '../../../api/object.js'
import type { Pod, Service } from '../../../api/types/core-v1.js'
import type { EndpointSlice } from '../../../api/types/discovery-v1.js'
import { addressData, canonicalIp } from '../../wire/record.js'

export interface IpAddress {
  readonly text: string
  readonly type: number
  readonly bytes: Uint8Array
}

export interface ServicePort {
  /** Lower case; '' when it has none. */
  readonly name: string
  readonly protocol: string
  /** undefined: the object names no ports, so there is nothing for SRV. */
  readonly port: number | undefined
}

export interface ServiceRecord {
  readonly name: string
  readonly namespace: string
  readonly kind: 'ClusterIP' | 'Headless' | 'ExternalName'
  readonly ips: readonly string[]
  readonly ports: readonly ServicePort[]
  readonly externalName: string
}

/** There are tens of thousands: an address is kept as the text that it came as. */
export interface EndpointRecord {
  readonly ip: string
  /** The hostname or pod that names it; absent: its address does. */
  readonly name: string | undefined
  /** Whether it has a hostname: those have a PTR record. */
  readonly named: boolean
}

/** The label of its own, below the service's name. */
export function labelOf({ name, ip }: EndpointRecord): string {
  return name ?? labelOfIp(ip)
}

export interface KnownService extends KubeObject {
  record: ServiceRecord
}

export interface KnownSlice extends KubeObject {
  /** The name of the Service that it belongs to; '' for one that is of no use here. */
  service: string
  endpoints: readonly EndpointRecord[]
  ports: readonly ServicePort[]
  /** When what led to it happened, where the endpoints say so. */
  triggeredAtMs: number | undefined
}

export interface KnownPod extends KubeObject {
  ips: readonly string[]
}

/** Leaves of an object what tells it from others, and adds what is known of it. */
function replace(object: KubeObject, known: object): void {
  const { name, namespace, uid, resourceVersion } = object.metadata
  // Not deleted: an object that has lost a member takes more memory than one that has it empty.
  for (const key of Object.keys(object)) if (key !== 'metadata') object[key as 'kind'] = undefined
  object.metadata = { name, ...(namespace ? { namespace } : {}), uid, resourceVersion }
  Object.assign(object, known)
}

export function slimNamespace(object: KubeObject): void {
  replace(object, {})
}

export function slimService(object: KubeObject): void {
  replace(object, { record: serviceRecord(object as Service) })
}

export function slimPod(object: KubeObject): void {
  replace(object, { ips: podIps(object as Pod) })
}

/** `endpointPodNames`: pods name endpoints that have no hostname. */
export function slimSlice(endpointPodNames: boolean): (object: KubeObject) => void {
  return (object) => {
    const slice = object as EndpointSlice
    const service = slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''
    const trigger = slice.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time']
    const isUseful = service !== '' && slice.addressType !== 'FQDN'
    replace(object, {
      service: isUseful ? service : '',
      endpoints: isUseful ? endpointsOf(slice, endpointPodNames) : [],
      ports: portsOf(slice.ports ?? []),
      triggeredAtMs: trigger === undefined ? undefined : Date.parse(trigger),
    })
  }
}

export function ipAddress(text: string): IpAddress | undefined {
  const data = addressData(text)
  return data && { text: canonicalIp(text), ...data }
}

/** 10-0-0-1; a label must not end with a dash. */
function labelOfIp(ip: string): string {
  const label = ip.replace(/[.:]/g, '-')
  return label.endsWith('-') ? `${label}0` : label
}

function serviceRecord({ metadata, spec }: Service): ServiceRecord {
  const { name = '', namespace = '' } = metadata
  const clusterIps = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : []
  const kind = spec?.type === 'ExternalName' ? 'ExternalName' : clusterIps[0] === 'None' ? 'Headless' : 'ClusterIP'
  const ips = clusterIps.filter((text) => parseIp(text) !== undefined).map(canonicalIp)
  return { name, namespace, kind, ips, ports: portsOf(spec?.ports ?? []), externalName: spec?.externalName ?? '' }
}

/** One without ports has its addresses nevertheless. */
function portsOf(ports: readonly { name?: string; protocol?: string; port?: number }[]): ServicePort[] {
  if (ports.length === 0) return [{ name: '', protocol: '', port: undefined }]
  return ports.map(({ name = '', protocol = 'TCP', port }) => ({ name: name.toLowerCase(), protocol: protocol.toLowerCase(), port }))
}

function podIps({ status }: Pod): string[] {
  const ips = (status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []))
  return (ips.length > 0 ? ips : status?.podIP ? [status.podIP] : []).map(canonicalIp)
}

function endpointsOf({ endpoints }: EndpointSlice, endpointPodNames: boolean): EndpointRecord[] {
  const records: EndpointRecord[] = []
  for (const { addresses, conditions, hostname, targetRef } of endpoints ?? []) {
    // An unknown condition is to be taken for ready (the API's own words); publishNotReadyAddresses makes it true.
    if (conditions?.ready === false) continue
    const podName = endpointPodNames ? targetRef?.name : undefined
    for (const text of addresses)
      if (parseIp(text)) records.push({ ip: canonicalIp(text), name: hostname || podName || undefined, named: Boolean(hostname) })
  }
  return records
}
