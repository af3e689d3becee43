/**
 * What the cluster's objects say about names, by name: updated by each event in time of the object that changed, so that a query
 * reads one entry and never scans. Names have no upper case in Kubernetes, so keys are as they are.
 */
import { parseIp } from '../../../api/ip.js'
import type { EndpointSlice } from '../../../api/types/discovery-v1.js'
import type { Namespace, Pod, Service } from '../../../api/types/core-v1.js'
import type { Body } from '../../answer.js'
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

interface SliceRecord {
  readonly entry: NameEntry
  readonly endpoints: readonly EndpointRecord[]
  readonly ports: readonly ServicePort[]
}

/** A service's name: the Service (if it is there yet) and its slices. */
export class NameEntry {
  readonly name: string
  readonly namespace: string
  service: ServiceRecord | undefined
  readonly slices = new Set<SliceRecord>()
  /** Answers made from this entry; dropped when it changes. */
  readonly answers = new Map<string, Body>()
  #byLabel: Map<string, { readonly endpoint: EndpointRecord; readonly ports: readonly ServicePort[] }[]> | undefined

  constructor(namespace: string, name: string) {
    this.namespace = namespace
    this.name = name
  }

  /** The endpoints of a label, which is a key. Worked out when one is first asked for. */
  labelled(label: string): readonly { readonly endpoint: EndpointRecord; readonly ports: readonly ServicePort[] }[] {
    if (!this.#byLabel) {
      this.#byLabel = new Map()
      for (const { endpoints, ports } of this.slices)
        for (const endpoint of endpoints) {
          const key = labelOf(endpoint).toLowerCase()
          const known = this.#byLabel.get(key)
          if (known) known.push({ endpoint, ports })
          else this.#byLabel.set(key, [{ endpoint, ports }])
        }
    }
    return this.#byLabel.get(label) ?? []
  }

  changed(): void {
    this.answers.clear()
    this.#byLabel = undefined
  }
}

export interface IndexOptions {
  /** endpoint_pod_names */
  readonly endpointPodNames: boolean
  nowMs(): number
}

export class ServiceIndex {
  readonly #options: IndexOptions
  readonly #entries = new Map<string, NameEntry>()
  readonly #slices = new Map<string, SliceRecord>()
  readonly #namespaces = new Set<string>()
  readonly #byClusterIp = new Map<string, Set<NameEntry>>()
  readonly #byEndpointIp = new Map<string, Set<SliceRecord>>()
  readonly #podsByIp = new Map<string, Set<string>>()
  #modifiedMs: number

  constructor(options: IndexOptions) {
    this.#options = options
    this.#modifiedMs = options.nowMs()
  }

  /** Of the zone: the time of the last change. */
  get serial(): number {
    return Math.floor(this.#modifiedMs / 1000)
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name)
  }

  entry(namespace: string, name: string): NameEntry | undefined {
    return this.#entries.get(`${namespace}/${name}`)
  }

  servicesOfIp(ip: string): Iterable<NameEntry> {
    return this.#byClusterIp.get(ip) ?? none
  }

  *endpointsOfIp(ip: string): Iterable<{ readonly entry: NameEntry; readonly endpoint: EndpointRecord }> {
    for (const { entry, endpoints } of this.#byEndpointIp.get(ip) ?? none)
      for (const endpoint of endpoints) if (endpoint.ip === ip) yield { entry, endpoint }
  }

  /** Whether a pod of the namespace has the address. */
  hasPod(ip: string, namespace: string): boolean {
    for (const key of this.#podsByIp.get(ip) ?? none) if (key.startsWith(`${namespace}/`)) return true
    return false
  }

  setNamespace({ metadata }: Namespace): void {
    this.#namespaces.add(metadata.name ?? '')
    this.#touch()
  }

  deleteNamespace({ metadata }: Namespace): void {
    this.#namespaces.delete(metadata.name ?? '')
    this.#touch()
  }

  setService(object: Service): void {
    const entry = this.#entryOf(object.metadata.namespace ?? '', object.metadata.name ?? '')
    this.#unlinkIps(entry)
    entry.service = serviceRecord(object)
    for (const ip of entry.service.ips) addTo(this.#byClusterIp, ip, entry)
    this.#changed(entry)
  }

  deleteService({ metadata }: Service): void {
    const entry = this.#entryOf(metadata.namespace ?? '', metadata.name ?? '')
    this.#unlinkIps(entry)
    entry.service = undefined
    this.#changed(entry)
  }

  setSlice(object: EndpointSlice): void {
    const key = `${object.metadata.namespace}/${object.metadata.name}`
    this.#dropSlice(key)
    const service = object.metadata.labels?.['kubernetes.io/service-name']
    if (!service || object.addressType === 'FQDN') return
    const entry = this.#entryOf(object.metadata.namespace ?? '', service)
    const slice = { entry, endpoints: this.#endpointsOf(object), ports: portsOf(object.ports ?? []) }
    this.#slices.set(key, slice)
    entry.slices.add(slice)
    for (const { ip } of slice.endpoints) addTo(this.#byEndpointIp, ip, slice)
    this.#changed(entry)
  }

  deleteSlice({ metadata }: EndpointSlice): void {
    this.#dropSlice(`${metadata.namespace}/${metadata.name}`)
  }

  setPod(object: Pod, old?: Pod): void {
    if (old) this.deletePod(old)
    for (const ip of podIps(object)) addTo(this.#podsByIp, ip, `${object.metadata.namespace}/${object.metadata.name}`)
  }

  deletePod(object: Pod): void {
    for (const ip of podIps(object)) removeFrom(this.#podsByIp, ip, `${object.metadata.namespace}/${object.metadata.name}`)
  }

  #dropSlice(key: string): void {
    const slice = this.#slices.get(key)
    if (!slice) return
    this.#slices.delete(key)
    slice.entry.slices.delete(slice)
    for (const { ip } of slice.endpoints) removeFrom(this.#byEndpointIp, ip, slice)
    this.#changed(slice.entry)
  }

  #unlinkIps(entry: NameEntry): void {
    for (const ip of entry.service?.ips ?? []) removeFrom(this.#byClusterIp, ip, entry)
  }

  #entryOf(namespace: string, name: string): NameEntry {
    const key = `${namespace}/${name}`
    let entry = this.#entries.get(key)
    if (!entry) this.#entries.set(key, (entry = new NameEntry(namespace, name)))
    return entry
  }

  #changed(entry: NameEntry): void {
    entry.changed()
    if (!entry.service && entry.slices.size === 0) this.#entries.delete(`${entry.namespace}/${entry.name}`)
    this.#touch()
  }

  #touch(): void {
    this.#modifiedMs = this.#options.nowMs()
  }

  #endpointsOf({ endpoints }: EndpointSlice): EndpointRecord[] {
    const records: EndpointRecord[] = []
    for (const { addresses, conditions, hostname, targetRef } of endpoints ?? []) {
      // An unknown condition is to be taken for ready (the API's own words); publishNotReadyAddresses makes it true.
      if (conditions?.ready === false) continue
      for (const text of addresses) {
        if (!parseIp(text)) continue
        const podName = this.#options.endpointPodNames ? targetRef?.name : undefined
        records.push({ ip: canonicalIp(text), name: hostname || podName || undefined, named: Boolean(hostname) })
      }
    }
    return records
  }
}

const none: ReadonlySet<never> = new Set()

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

function addTo<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const set = map.get(key)
  if (set) set.add(value)
  else map.set(key, new Set([value]))
}

function removeFrom<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const set = map.get(key)
  set?.delete(value)
  if (set?.size === 0) map.delete(key)
}
