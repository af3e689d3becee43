/** Hints that keep traffic near, as a Service's trafficDistribution asks (KEP-4444, KEP-3015). Pure. */
import type { Endpoint, EndpointHints, EndpointSlice } from '../../api/types/discovery-v1.js'
import { sameJson } from '../../api/same-json.js'
import type { SliceChanges } from './slices.js'

const close: ReadonlySet<string> = new Set(['PreferClose', 'PreferSameZone', 'PreferSameNode'])

/** Adds the right hints to what is written, and slices to what is updated whose hints alone are wrong. */
export function withHints(
  changes: SliceChanges,
  unchanged: readonly EndpointSlice[],
  trafficDistribution: string | undefined,
): SliceChanges {
  const hinted = (slice: EndpointSlice): EndpointSlice => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map((endpoint) => hint(endpoint, trafficDistribution)),
  })
  const stale = unchanged.filter((slice) =>
    slice.endpoints?.some((endpoint) => !sameJson(endpoint.hints, hint(endpoint, trafficDistribution).hints)),
  )
  return { create: changes.create.map(hinted), update: [...changes.update, ...stale].map(hinted), remove: changes.remove }
}

function hint(endpoint: Endpoint, trafficDistribution: string | undefined): Endpoint {
  const isClose = trafficDistribution !== undefined && close.has(trafficDistribution)
  // Proxies look at ready endpoints only: a hint of another one is left as it is, which spares a write.
  if (isClose && !endpoint.conditions?.ready) return endpoint
  const { hints: _, ...plain } = endpoint
  if (!isClose) return plain
  const hints: EndpointHints = {
    ...(endpoint.zone ? { forZones: [{ name: endpoint.zone }] } : {}),
    ...(trafficDistribution === 'PreferSameNode' && endpoint.nodeName ? { forNodes: [{ name: endpoint.nodeName }] } : {}),
  }
  return hints.forZones || hints.forNodes ? { ...plain, hints } : plain
}
