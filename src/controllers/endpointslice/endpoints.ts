/** What a pod is in a slice of a Service. Pure. */
import type { Node, Pod, Service } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.js'
import { familyOf, hostnameIn, isHeadless, podIps, targetPort, type Family } from '../common/service-pods.js'
import { isPodReady } from '../common/pods.js'

/**
 * A terminating pod is never ready, so that a client that knows no other condition leaves it alone, unless the Service publishes
 * everything; whether it still answers is `serving` (KEP-1672).
 */
export function endpointOf(service: Service, pod: Pod, node: Node | undefined, family: Family): Endpoint {
  const serving = isPodReady(pod)
  const terminating = Boolean(pod.metadata.deletionTimestamp)
  const { namespace, name, uid } = pod.metadata
  const hostname = hostnameIn(service, pod)
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
  return {
    addresses: podIps(pod).filter((ip) => familyOf(ip) === family),
    conditions: { ready: Boolean(service.spec?.publishNotReadyAddresses) || (serving && !terminating), serving, terminating },
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone ? { zone } : {}),
  }
}

/** The ports of the Service as this pod has them; a named target port may differ from pod to pod. */
export function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = []
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(pod, port)
    if (number === undefined) continue
    const { name = '', protocol = 'TCP', appProtocol } = port
    ports.push({ name, port: number, protocol, ...(appProtocol ? { appProtocol } : {}) })
  }
  return ports
}

/** Equal for equal sets of ports, in whatever order. */
export function portMapKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(({ name, port, protocol, appProtocol }) => [name ?? '', port ?? '', protocol ?? '', appProtocol ?? ''].join('\0'))
    .sort()
    .join('\n')
}

/** What makes an endpoint the same one in the next sync, whatever its conditions. */
export function identityOf({ addresses, hostname, targetRef }: Endpoint): string {
  return [hostname ?? '', targetRef?.namespace ?? '', targetRef?.name ?? '', ...addresses].join('\0')
}

/** The address families of a Service's slices. One without families was made before dual stack. */
export function familiesOf(service: Service): readonly Family[] {
  const { ipFamilies, clusterIP } = service.spec ?? {}
  if (ipFamilies?.length) return ipFamilies as Family[]
  if (clusterIP && !isHeadless(service)) return [familyOf(clusterIP)]
  return isHeadless(service) ? ['IPv4', 'IPv6'] : ['IPv4']
}
