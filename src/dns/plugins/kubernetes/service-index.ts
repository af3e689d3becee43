/**
 * What the cluster's objects say about names, by name: updated by each event in time of the object that changed, so that a query
 * reads one entry and never scans. Names have no upper case in Kubernetes, so keys are as they are.
 */
import type { KubeObject } from '../../../api/object.js'
import type { Body } from '../../answer.js'
import {
  type EndpointRecord,
  type KnownPod,
  type KnownService,
  type KnownSlice,
  labelOf,
  type ServicePort,
  type ServiceRecord,
} from './objects.js'

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

export class ServiceIndex {
  readonly #nowMs: () => number
  readonly #entries = new Map<string, NameEntry>()
  readonly #slices = new Map<string, SliceRecord>()
  readonly #namespaces = new Set<string>()
  readonly #byClusterIp = new Map<string, Several<NameEntry>>()
  readonly #byEndpointIp = new Map<string, Several<SliceRecord>>()
  readonly #pods = new Map<string, readonly string[]>()
  readonly #podsByIp = new Map<string, Several<string>>()
  #modifiedMs: number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#modifiedMs = nowMs()
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
    return allOf(this.#byClusterIp, ip)
  }

  *endpointsOfIp(ip: string): Iterable<{ readonly entry: NameEntry; readonly endpoint: EndpointRecord }> {
    for (const { entry, endpoints } of allOf(this.#byEndpointIp, ip))
      for (const endpoint of endpoints) if (endpoint.ip === ip) yield { entry, endpoint }
  }

  /** Whether a pod of the namespace has the address. */
  hasPod(ip: string, namespace: string): boolean {
    for (const key of allOf(this.#podsByIp, ip)) if (key.startsWith(`${namespace}/`)) return true
    return false
  }

  setNamespace({ metadata }: KubeObject): void {
    this.#namespaces.add(metadata.name ?? '')
    this.#touch()
  }

  deleteNamespace({ metadata }: KubeObject): void {
    this.#namespaces.delete(metadata.name ?? '')
    this.#touch()
  }

  setService(object: KnownService): void {
    const entry = this.#entryOf(object.metadata.namespace ?? '', object.metadata.name ?? '')
    this.#unlinkIps(entry)
    entry.service = object.record
    for (const ip of entry.service.ips) addTo(this.#byClusterIp, ip, entry)
    this.#changed(entry)
  }

  deleteService({ metadata }: KubeObject): void {
    const entry = this.#entryOf(metadata.namespace ?? '', metadata.name ?? '')
    this.#unlinkIps(entry)
    entry.service = undefined
    this.#changed(entry)
  }

  setSlice({ metadata, service, endpoints, ports }: KnownSlice): void {
    const key = `${metadata.namespace}/${metadata.name}`
    this.#dropSlice(key)
    if (service === '') return
    const entry = this.#entryOf(metadata.namespace ?? '', service)
    const slice = { entry, endpoints, ports }
    this.#slices.set(key, slice)
    entry.slices.add(slice)
    for (const { ip } of endpoints) addTo(this.#byEndpointIp, ip, slice)
    this.#changed(entry)
  }

  deleteSlice({ metadata }: KubeObject): void {
    this.#dropSlice(`${metadata.namespace}/${metadata.name}`)
  }

  setPod({ metadata, ips }: KnownPod): void {
    this.deletePod({ metadata })
    const key = `${metadata.namespace}/${metadata.name}`
    this.#pods.set(key, ips)
    for (const ip of ips) addTo(this.#podsByIp, ip, key)
  }

  deletePod({ metadata }: KubeObject): void {
    const key = `${metadata.namespace}/${metadata.name}`
    for (const ip of this.#pods.get(key) ?? []) removeFrom(this.#podsByIp, ip, key)
    this.#pods.delete(key)
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
    this.#modifiedMs = this.#nowMs()
  }
}

/** Nearly every address has one owner: a set for each would be most of the index. */
type Several<T> = T | Set<T>

function allOf<T>(map: ReadonlyMap<string, Several<T>>, key: string): Iterable<T> {
  const found = map.get(key)
  return found === undefined ? [] : found instanceof Set ? found : [found]
}

function addTo<T>(map: Map<string, Several<T>>, key: string, value: T): void {
  const found = map.get(key)
  if (found === undefined || found === value) map.set(key, value)
  else if (found instanceof Set) found.add(value)
  else map.set(key, new Set([found, value]))
}

function removeFrom<T>(map: Map<string, Several<T>>, key: string, value: T): void {
  const found = map.get(key)
  if (!(found instanceof Set)) {
    if (found === value) map.delete(key)
    return
  }
  found.delete(value)
  if (found.size === 0) map.delete(key)
}
