import type { Service, ServicePort, ServiceSpec } from '../../../api/types/core-v1.js'

/** Which fields of a Service its type needs, and what an update does to those it no longer needs. Pure. */

const typeOf = (spec: ServiceSpec | undefined) => spec?.type ?? 'ClusterIP'

export const needsClusterIp = (spec: ServiceSpec | undefined): boolean => typeOf(spec) !== 'ExternalName'
export const isHeadless = (spec: ServiceSpec | undefined): boolean => spec?.clusterIPs?.[0] === 'None' || spec?.clusterIP === 'None'
export const isLoadBalancer = (spec: ServiceSpec | undefined): boolean => typeOf(spec) === 'LoadBalancer'
export const isExternallyAccessible = (spec: ServiceSpec | undefined): boolean =>
  typeOf(spec) === 'NodePort' || isLoadBalancer(spec) || (typeOf(spec) === 'ClusterIP' && (spec?.externalIPs?.length ?? 0) > 0)

/** Types that have node ports, wanted automatically or not. */
export const mayHaveNodePorts = (spec: ServiceSpec | undefined): boolean => typeOf(spec) === 'NodePort' || isLoadBalancer(spec)

/** Types whose ports get a node port when they name none. */
export const wantsNodePorts = (spec: ServiceSpec | undefined): boolean =>
  typeOf(spec) === 'NodePort' || (isLoadBalancer(spec) && spec?.allocateLoadBalancerNodePorts !== false)

export const needsHealthCheckPort = (spec: ServiceSpec | undefined): boolean =>
  isLoadBalancer(spec) && spec?.externalTrafficPolicy === 'Local'

/** A PUT that leaves allocated values out keeps them, where old and new type both have them. */
export function keepAllocated(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIp(spec) && needsClusterIp(old)) {
    if (!spec.clusterIP) set(spec, 'clusterIP', old.clusterIP)
    if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP) set(spec, 'clusterIPs', old.clusterIPs && [...old.clusterIPs])
  }
  if (mayHaveNodePorts(spec) && mayHaveNodePorts(old)) keepNodePorts(spec.ports ?? [], old.ports ?? [])
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(old) && !spec.healthCheckNodePort)
    set(spec, 'healthCheckNodePort', old.healthCheckNodePort)
}

function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): void {
  const named = new Set(ports.map((port) => portKey(port, port.nodePort)))
  for (const port of ports) {
    if (port.nodePort) continue
    const before = old.find((candidate) => candidate.port === port.port && protocolOf(candidate) === protocolOf(port))
    // Somebody may have moved that node port to another port of this Service in the same update.
    if (before?.nodePort && !named.has(portKey(before, before.nodePort))) port.nodePort = before.nodePort
  }
}

const protocolOf = (port: ServicePort) => port.protocol ?? 'TCP'
const portKey = (port: ServicePort, number: number | undefined) => `${protocolOf(port)}/${number ?? 0}`

/** clusterIP is clusterIPs[0]: a client that knows only the older field changes both. */
export function alignClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    return
  }
  if (spec.clusterIP === old.clusterIP || !sameList(spec.clusterIPs, old.clusterIPs)) return
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP]
  else delete spec.clusterIPs
}

/** Fields that only the old type had are dropped, unless this very update sets them (then validation speaks). */
export function dropFieldsOfOldType(service: Service, old: Service): void {
  const spec = service.spec ?? {}
  const before = old.spec ?? {}
  if (
    needsClusterIp(before) &&
    !needsClusterIp(spec) &&
    spec.clusterIP === before.clusterIP &&
    sameList(spec.clusterIPs, before.clusterIPs)
  ) {
    for (const field of ['clusterIP', 'clusterIPs'] as const) delete spec[field]
    if (sameList(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy
  }
  if (mayHaveNodePorts(before) && !mayHaveNodePorts(spec) && sameNodePorts(spec.ports, before.ports))
    for (const port of spec.ports ?? []) delete port.nodePort
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec)) dropSame(spec, before, 'healthCheckNodePort')
  if (isLoadBalancer(before) && !isLoadBalancer(spec)) {
    dropSame(spec, before, 'allocateLoadBalancerNodePorts')
    dropSame(spec, before, 'loadBalancerClass')
    service.status = { ...service.status, loadBalancer: {} }
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) dropSame(spec, before, 'externalTrafficPolicy')
  if (needsClusterIp(before) && !needsClusterIp(spec)) dropSame(spec, before, 'internalTrafficPolicy')
}

function dropSame<K extends keyof ServiceSpec>(spec: ServiceSpec, old: ServiceSpec, field: K): void {
  if (spec[field] === old[field]) delete spec[field]
}

function set<K extends keyof ServiceSpec>(spec: ServiceSpec, field: K, value: ServiceSpec[K] | undefined): void {
  if (value !== undefined) spec[field] = value
}

function sameNodePorts(a: readonly ServicePort[] | undefined, b: readonly ServicePort[] | undefined): boolean {
  const numbers = (ports: readonly ServicePort[] | undefined) => new Set((ports ?? []).flatMap((port) => port.nodePort || []))
  const before = numbers(b)
  return [...numbers(a)].every((port) => before.has(port))
}

export function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return (a?.length ?? 0) === (b?.length ?? 0) && (a ?? []).every((item, index) => item === b?.[index])
}
