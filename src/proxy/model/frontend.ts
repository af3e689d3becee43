/**
 * Frontends: every destination that a node answers for, with where its traffic goes. One service port has a frontend for its
 * cluster IP, each external and load balancer address, and its node port.
 */
import type { IpFamily } from '../../api/ip.js'
import type { Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { categorizeEndpoints, type EndpointSets, type NodeTopology } from './categorize.js'
import { type Endpoint, endpointsByPort, portKey } from './endpoint.js'
import { type ServicePort, servicePorts } from './service-port.js'

export type FrontendKind = 'address' | 'nodeport'

export interface Frontend {
  readonly kind: FrontendKind
  /** "ADDRESS . PROTOCOL . PORT", or "PROTOCOL . PORT" of a node port: the key of its elements in nftables maps. */
  readonly key: string
  /** The same without the protocol: "ADDRESS . PORT" or "PORT". */
  readonly destination: string
  readonly port: ServicePort
  readonly isClusterIp: boolean
  /** The source is replaced by the node's, so that answers come back through it. */
  readonly masquerade: boolean
  readonly endpoints: readonly Endpoint[]
  /**
   * Endpoints for traffic from outside, where the external policy is Local: the source stays as it is. Then `endpoints` is for pods
   * and for the node itself.
   */
  readonly outside?: readonly Endpoint[]
  /** What becomes of traffic that no endpoint takes. */
  readonly refuse?: 'reject' | 'drop'
  readonly sourceRanges?: readonly string[]
}

export interface PortEndpoints {
  readonly port: ServicePort
  readonly sets: EndpointSets
}

export interface ProxiedService {
  readonly ports: readonly PortEndpoints[]
  readonly frontends: readonly Frontend[]
  /** For hairpin connections: endpoints that may run on this node. */
  readonly localIps: readonly string[]
  /** What the health check of a load balancer is told. */
  readonly localEndpoints: number
}

export const nothing: ProxiedService = { ports: [], frontends: [], localIps: [], localEndpoints: 0 }

export function proxiedService(
  service: Service | undefined,
  slices: readonly EndpointSlice[],
  family: IpFamily,
  node: NodeTopology,
): ProxiedService {
  const ports = service ? servicePorts(service, family) : []
  if (ports.length === 0) return nothing
  const byPort = endpointsByPort(slices, family, node.name)
  const localIps = new Set<string>()
  const healthy = new Set<string>()
  const frontends: Frontend[] = []
  const withSets: PortEndpoints[] = []
  for (const port of ports) {
    const endpoints = byPort.get(portKey(port.portName, port.protocol)) ?? []
    const sets = categorizeEndpoints(endpoints, port, node)
    for (const { isLocal, hasNode, ip } of endpoints) if (isLocal || !hasNode) localIps.add(ip)
    for (const { isLocal, ready, ip } of endpoints) if (isLocal && ready) healthy.add(ip)
    withSets.push({ port, sets })
    addFrontends(frontends, port, sets)
  }
  return { ports: withSets, frontends, localIps: [...localIps].sort(), localEndpoints: healthy.size }
}

function addFrontends(into: Frontend[], port: ServicePort, sets: EndpointSets): void {
  const { cluster, local, hasAny } = sets
  const inside = port.internalLocal ? local : cluster
  const refusal = (takers: readonly Endpoint[]) => {
    if (takers.length > 0) return {}
    // Somebody else may answer: the sender is to try again, not to give up.
    return { refuse: hasAny ? ('drop' as const) : ('reject' as const) }
  }
  const at = (ip: string) => ({
    ...{ kind: 'address' as const, key: `${ip} . ${port.protocol} . ${port.port}`, destination: `${ip} . ${port.port}`, port },
  })
  into.push({ ...at(port.clusterIp), isClusterIp: true, masquerade: false, endpoints: inside, ...refusal(inside) })
  const outer = port.externalLocal
    ? { isClusterIp: false, masquerade: false, endpoints: cluster, outside: local, ...refusal(local) }
    : { isClusterIp: false, masquerade: true, endpoints: cluster, ...refusal(cluster) }
  for (const ip of port.externalIps) into.push({ ...at(ip), ...outer })
  const ranges = port.sourceRanges.length > 0 ? { sourceRanges: port.sourceRanges } : {}
  for (const ip of port.loadBalancerIps) if (!port.externalIps.includes(ip)) into.push({ ...at(ip), ...outer, ...ranges })
  if (port.nodePort === 0) return
  into.push({ kind: 'nodeport', key: `${port.protocol} . ${port.nodePort}`, destination: String(port.nodePort), port, ...outer })
}
