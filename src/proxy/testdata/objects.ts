/** Services and EndpointSlices as short calls, for tests. */
import type { Service, ServicePort, ServiceSpec, ServiceStatus } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.js'

export function service(name: string, spec: Partial<ServiceSpec> & { port?: Partial<ServicePort> } = {}, status: ServiceStatus = {}): Service {
  const { port, ...rest } = spec
  const clusterIP = rest.clusterIP ?? rest.clusterIPs?.[0] ?? '10.96.0.10'
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: { type: 'ClusterIP', clusterIP, ports: [{ port: 80, protocol: 'TCP', ...port }], ...rest },
    status,
  }
}

export function loadBalancer(...ips: readonly string[]): ServiceStatus {
  return { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } }
}

export type EndpointOptions = Partial<Endpoint> & { address: string; zones?: readonly string[]; nodes?: readonly string[] }

export function endpoint({ address, zones, nodes, ...rest }: EndpointOptions): Endpoint {
  const hints = { ...(zones ? { forZones: zones.map((name) => ({ name })) } : {}), ...(nodes ? { forNodes: nodes.map((name) => ({ name })) } : {}) }
  return { addresses: [address], nodeName: 'other', ...(zones || nodes ? { hints } : {}), ...rest }
}

export function slice(
  of: string,
  endpoints: readonly (string | EndpointOptions)[],
  { name = `${of}-1`, port = 8080, protocol = 'TCP' as 'TCP' | 'UDP' | 'SCTP', portName = '', addressType = 'IPv4' as 'IPv4' | 'IPv6' } = {},
): EndpointSlice {
  return {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
    addressType,
    ports: [{ name: portName, port, protocol }],
    endpoints: endpoints.map((each) => endpoint(typeof each === 'string' ? { address: each } : each)),
  }
}

export const terminating = { ready: false, serving: true, terminating: true }
