/**
 * Which endpoints of a service port take traffic: those that are ready, near ones first where every endpoint has a hint (KEP-2433,
 * KEP-4444), and while none is ready those that still serve as they terminate (KEP-1669).
 */
import type { Endpoint } from './endpoint.js'
import type { ServicePort } from './service-port.js'

export interface NodeTopology {
  readonly name: string
  /** The node's topology.kubernetes.io/zone; '' when it has none. */
  readonly zone: string
}

export interface EndpointSets {
  /** For the traffic policy Cluster; also where a pod's traffic to an external address of a Local Service is cut short to. */
  readonly cluster: readonly Endpoint[]
  /** For the traffic policy Local. */
  readonly local: readonly Endpoint[]
  /** Whether any node of the cluster could answer. */
  readonly hasAny: boolean
}

const lastChoice = ({ serving, terminating }: Endpoint) => serving && terminating

export function categorizeEndpoints(endpoints: readonly Endpoint[], port: ServicePort, node: NodeTopology): EndpointSets {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  const usable = ready.length > 0 ? ready : endpoints.filter(lastChoice)
  const usesCluster = !port.internalLocal || port.external
  const usesLocal = port.internalLocal || port.externalLocal
  const readyHere = usesLocal ? ready.filter(({ isLocal }) => isLocal) : []
  const local = readyHere.length > 0 || !usesLocal ? readyHere : endpoints.filter((endpoint) => endpoint.isLocal && lastChoice(endpoint))
  // Terminating endpoints are taken wherever they are: they are the last resort.
  const cluster = !usesCluster ? [] : ready.length > 0 ? nearest(ready, node) : usable
  return { cluster, local, hasAny: usable.length > 0 }
}

/** Hints count only when every endpoint has one and some are for here; else a part of the cluster would get nothing. */
function nearest(ready: readonly Endpoint[], { name, zone }: NodeTopology): readonly Endpoint[] {
  for (const [hintsOf, place] of [[(e: Endpoint) => e.nodeHints, name] as const, [(e: Endpoint) => e.zoneHints, zone] as const]) {
    if (!ready.every((endpoint) => hintsOf(endpoint).length > 0)) continue
    const near = ready.filter((endpoint) => hintsOf(endpoint).includes(place))
    if (near.length > 0) return near
  }
  return ready
}
