/** Endpoints of a Service's port, gathered from its EndpointSlices. */
import type { IpFamily } from '../../api/ip.js'
import type { EndpointSlice, Endpoint as SliceEndpoint } from '../../api/types/discovery-v1.js'
import { addressOf } from './address.js'

export interface Endpoint {
  readonly ip: string
  readonly port: number
  /** "IP . PORT", as nftables writes it, and its identity. */
  readonly address: string
  readonly isLocal: boolean
  /** Whether its node is known at all: hand-written slices may not say it. */
  readonly hasNode: boolean
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly nodeHints: readonly string[]
  readonly zoneHints: readonly string[]
}

const none: readonly string[] = []

/** By `portKey`, each sorted by address, so that equal slices give equal lists in whatever order they come. */
export type EndpointsByPort = ReadonlyMap<string, readonly Endpoint[]>

export function portKey(portName: string, protocol: string): string {
  return `${protocol.toLowerCase()} ${portName}`
}

export function endpointsByPort(slices: readonly EndpointSlice[], family: IpFamily, nodeName: string): EndpointsByPort {
  const ports = new Map<string, Map<string, Endpoint>>()
  for (const slice of slices) {
    if (slice.addressType !== family || slice.metadata.deletionTimestamp) continue
    for (const { name, protocol = 'TCP', port } of slice.ports ?? []) {
      // No port: a slice that stands for all ports, which no proxy can translate to.
      if (!port) continue
      const key = portKey(name ?? '', protocol)
      let found = ports.get(key)
      if (!found) ports.set(key, (found = new Map()))
      for (const each of slice.endpoints ?? []) {
        const endpoint = endpointOf(each, port, family, nodeName)
        // While an endpoint moves from slice to slice it may be in both; one that is ready counts.
        if (endpoint && !found.get(endpoint.address)?.ready) found.set(endpoint.address, endpoint)
      }
    }
  }
  return new Map([...ports].map(([key, found]) => [key, [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1))]))
}

function endpointOf(of: SliceEndpoint, port: number, family: IpFamily, here: string): Endpoint | undefined {
  // Addresses beyond the first are never used (discovery/v1: "consumers should use the first").
  const ip = addressOf(family, of.addresses[0])
  if (!ip) return undefined
  const { conditions, hints, nodeName } = of
  return {
    ip,
    port,
    address: `${ip} . ${port}`,
    isLocal: nodeName === here,
    hasNode: nodeName !== undefined,
    // What is not said counts as ready and serving (discovery/v1).
    ready: conditions?.ready ?? true,
    serving: conditions?.serving ?? conditions?.ready ?? true,
    terminating: conditions?.terminating ?? false,
    nodeHints: hints?.forNodes?.map(({ name }) => name) ?? none,
    zoneHints: hints?.forZones?.map(({ name }) => name) ?? none,
  }
}
