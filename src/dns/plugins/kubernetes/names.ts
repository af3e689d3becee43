/**
 * The names of the Kubernetes DNS-Based Service Discovery specification (1.1.0): what a name stands for, given the index. Each
 * gives the things that it names, or says whether the name exists without them (NODATA) or not at all (NXDOMAIN).
 */
import { canonicalIp } from '../../wire/record.js'
import { addressOfReverse, isReverseZone } from '../../corefile/address.js'
import { type EndpointRecord, type IpAddress, ipAddress, labelOf, type ServicePort } from './objects.js'
import type { NameEntry, ServiceIndex } from './service-index.js'

export interface Target {
  /** Where it is, or the alias that it is. */
  readonly ip?: IpAddress
  readonly alias?: string
  readonly port: number | undefined
  /** The name of its own: a service's, or an endpoint's below it. */
  readonly domain: string
}

/** `entry`: whose answers may be kept with it. */
export type Found = 'NXDOMAIN' | 'NODATA' | { readonly targets: readonly Target[]; readonly entry?: NameEntry }

export type PodMode = 'disabled' | 'insecure' | 'verified'

export interface NameOptions {
  readonly index: ServiceIndex
  /** The zone of names that are pointed to: the first that is not a reverse one. */
  readonly primaryZone: string
  readonly pods: PodMode
  /** undefined: every namespace. */
  readonly namespaces: ReadonlySet<string> | undefined
  /** `ignore empty_service` */
  readonly ignoreEmptyService: boolean
}

/** `key`: a name in `zone`, both as keys. */
export function find(options: NameOptions, key: string, zone: string): Found {
  if (key === zone) return 'NODATA'
  if (isReverseZone(zone)) return 'NXDOMAIN'
  const labels = key.slice(0, key.length - zone.length - (zone === '.' ? 0 : 1)).split('.')
  const kind = labels.pop() as string
  if (kind !== 'svc' && kind !== 'pod') return 'NXDOMAIN'
  const namespace = labels.pop()
  if (namespace === undefined) return 'NODATA'
  if (!isExposed(options, namespace)) return 'NXDOMAIN'
  const name = labels.pop()
  if (kind === 'pod') return findPod(options, namespace, name, labels, zone)
  // The namespace is a name with others below it.
  if (name === undefined) return 'NODATA'
  return findService(options, namespace, name, labels, zone)
}

function isExposed({ index, namespaces }: NameOptions, namespace: string): boolean {
  return (namespaces === undefined || namespaces.has(namespace)) && index.hasNamespace(namespace)
}

function findPod({ pods, index }: NameOptions, namespace: string, name: string | undefined, below: readonly string[], zone: string): Found {
  if (pods === 'disabled') return 'NXDOMAIN'
  if (name === undefined) return 'NODATA'
  if (below.length > 0) return 'NXDOMAIN'
  const isV4 = name.split('-').length === 4 && !name.includes('--')
  const ip = ipAddress(name.replaceAll('-', isV4 ? '.' : ':'))
  if (!ip) return 'NXDOMAIN'
  if (pods === 'verified' && !index.hasPod(ip.text, namespace)) return 'NXDOMAIN'
  return { targets: [{ ip, port: undefined, domain: `${name}.${namespace}.pod.${zone}` }] }
}

function findService(options: NameOptions, namespace: string, name: string, below: readonly string[], zone: string): Found {
  const entry = options.index.entry(namespace, name)
  const service = entry?.service
  if (!entry || !service) return 'NXDOMAIN'
  const domain = `${name}.${namespace}.svc.${zone === '.' ? '' : zone}`
  const [first, second] = below
  if (below.length > 2) return 'NXDOMAIN'
  if (service.kind === 'ExternalName') {
    if (below.length > 0 || service.externalName === '') return 'NXDOMAIN'
    // An address is no name to be an alias of.
    if (ipAddress(service.externalName)) return 'NXDOMAIN'
    return { targets: [{ alias: service.externalName, port: undefined, domain }], entry }
  }
  const isPortQuery = second !== undefined || first?.startsWith('_') === true
  const wanted = isPortQuery ? portMatcher(second === undefined ? undefined : first, second ?? first) : () => true
  if (service.kind === 'ClusterIP' && (below.length === 0 || isPortQuery)) {
    if (options.ignoreEmptyService && !hasEndpoints(entry)) return 'NXDOMAIN'
    const ports = service.ports.filter(wanted)
    return foundOrNot({
      targets: ports.flatMap(({ port }) => service.ips.map((ip) => ({ ip: ipAddress(ip), port, domain }))),
      entry,
      ports: ports.length,
      second,
      isPortQuery,
    })
  }
  const targets: Target[] = []
  const add = (endpoint: EndpointRecord, ports: readonly ServicePort[]) => {
    const ip = ipAddress(endpoint.ip)
    for (const { port } of ports) targets.push({ ip, port, domain: `${labelOf(endpoint)}.${domain}` })
  }
  if (first !== undefined && !isPortQuery) for (const { endpoint, ports } of entry.labelled(first)) add(endpoint, ports)
  else
    for (const { endpoints, ports } of entry.slices) {
      const asked = ports.filter(wanted)
      for (const endpoint of endpoints) add(endpoint, asked)
    }
  return foundOrNot({ targets, entry, ports: targets.length, second, isPortQuery })
}

/** `_tcp.NAME` alone is not a thing but what the names of ports end with: it exists, without records (RFC 8020). */
function foundOrNot({
  targets,
  entry,
  ports,
  second,
  isPortQuery,
}: {
  targets: readonly Target[]
  entry: NameEntry
  ports: number
  second: string | undefined
  isPortQuery: boolean
}): Found {
  if (ports === 0) return 'NXDOMAIN'
  return isPortQuery && second === undefined ? 'NODATA' : { targets, entry }
}

/** _PORT._PROTOCOL, or _PROTOCOL alone. */
function portMatcher(port: string | undefined, protocol: string | undefined): (of: ServicePort) => boolean {
  const bare = (label: string | undefined) => (label?.startsWith('_') ? label.slice(1) : undefined)
  const [name, transport] = [bare(port), bare(protocol)]
  if (transport === undefined || (port !== undefined && name === undefined)) return () => false
  return (of) => of.port !== undefined && of.protocol === transport && (port === undefined ? of.name !== '' : of.name === name)
}

function hasEndpoints({ slices }: NameEntry): boolean {
  for (const { endpoints } of slices) if (endpoints.length > 0) return true
  return false
}

/** The names that an address has: the service whose it is, else the endpoints with a hostname. */
export function namesOfReverse(options: NameOptions, key: string): readonly string[] | undefined {
  const address = addressOfReverse(key)
  if (address === undefined) return undefined
  const ip = canonicalIp(address)
  for (const { name, namespace } of options.index.servicesOfIp(ip))
    if (isExposed(options, namespace)) return [`${name}.${namespace}.svc.${options.primaryZone}`]
  const names: string[] = []
  for (const { entry, endpoint } of options.index.endpointsOfIp(ip))
    if (endpoint.named && isExposed(options, entry.namespace)) names.push(domainOf(entry, endpoint, options.primaryZone))
  return [...new Set(names)]
}

export function domainOf({ name, namespace }: NameEntry, endpoint: EndpointRecord, zone: string): string {
  return `${labelOf(endpoint)}.${name}.${namespace}.svc.${zone}`
}
