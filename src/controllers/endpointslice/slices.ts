/**
 * How the endpoints of a Service lie in its slices. Pure. What is in a slice stays there, so that a change rewrites as few slices
 * as it can: endpoints that are new go to slices that change anyway, then to the fullest unchanged one that has room for all of
 * them, then to new slices. The price are slices that are not full.
 */
import type { Service } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.js'
import { controllerReference, isControlledBy } from '../common/owner.js'
import { hasClusterIp, headlessLabel, type Family } from '../common/service-pods.js'
import { sameJson } from '../../api/same-json.js'
import { identityOf, portMapKey } from './endpoints.js'

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
export const serviceNameLabel = 'kubernetes.io/service-name'
export const sliceManager = 'endpointslice-controller.k8s.io'
const reservedLabels: ReadonlySet<string> = new Set([managedByLabel, serviceNameLabel, headlessLabel])
const serviceKind = { group: '', version: 'v1', kind: 'Service' }

/** Endpoints that have the same ports. */
export interface PortGroup {
  readonly ports: EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

export interface SliceChanges {
  create: EndpointSlice[]
  update: EndpointSlice[]
  remove: EndpointSlice[]
}

export interface Layout {
  readonly service: Service
  readonly family: Family
  /** Slices of this family, those being deleted left out. */
  readonly present: readonly EndpointSlice[]
  readonly groups: readonly PortGroup[]
  /** --max-endpoints-per-slice. */
  readonly max: number
}

export function layOut({ service, family, present, groups, max }: Layout): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], remove: [] }
  const byPorts = new Map<string, EndpointSlice[]>()
  for (const slice of present) {
    if (!isControlledBy(slice, service)) changes.remove.push(slice)
    else append(byPorts, portMapKey(slice.ports), slice)
  }
  for (const { ports, endpoints } of groups) {
    const key = portMapKey(ports)
    fill({ service, family, ports, endpoints, slices: byPorts.get(key) ?? [], max }, changes)
    byPorts.delete(key)
  }
  for (const slices of byPorts.values()) changes.remove.push(...slices)
  if (present.length === changes.remove.length && changes.create.length === 0) keepOne(service, family, changes)
  recycle(service, changes)
  return changes
}

interface Filling {
  readonly service: Service
  readonly family: Family
  readonly ports: EndpointPort[]
  readonly endpoints: readonly Endpoint[]
  readonly slices: readonly EndpointSlice[]
  readonly max: number
}

function fill({ service, family, ports, endpoints, slices, max }: Filling, changes: SliceChanges): void {
  const desired = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]))
  const touched: EndpointSlice[] = []
  let untouched: EndpointSlice[] = []
  for (const slice of slices) {
    const { kept, changed } = keep(slice, desired)
    const labels = labelsFor(service)
    if (changed && kept.length === 0) changes.remove.push(slice)
    else if (changed || !sameJson(labels, slice.metadata.labels))
      touched.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: kept })
    else untouched.push(slice)
  }
  const waiting = [...desired.values()]
  touched.sort((a, b) => sizeOf(b) - sizeOf(a))
  for (const slice of touched) pour(waiting, slice, max)
  while (waiting.length > 0) {
    const roomy = waiting.length < max ? fullestWithRoom(untouched, waiting.length, max) : undefined
    const slice: EndpointSlice = roomy ? { ...roomy, endpoints: [...(roomy.endpoints ?? [])] } : newSlice(service, family, ports)
    untouched = untouched.filter((each) => each !== roomy)
    pour(waiting, slice, max)
    if (roomy) touched.push(slice)
    else changes.create.push(slice)
  }
  changes.update.push(...touched)
}

/** The endpoints of a slice that are still wanted, as they are now; they are taken out of `desired`. */
function keep(slice: EndpointSlice, desired: Map<string, Endpoint>): { kept: Endpoint[]; changed: boolean } {
  const kept: Endpoint[] = []
  let changed = false
  for (const endpoint of slice.endpoints ?? []) {
    const id = identityOf(endpoint)
    const wanted = desired.get(id)
    if (!wanted) {
      changed = true
      continue
    }
    desired.delete(id)
    // Hints are decided later, for the slice as a whole.
    const withHints = endpoint.hints ? { ...wanted, hints: endpoint.hints } : wanted
    if (!sameJson(withHints, endpoint)) changed = true
    kept.push(withHints)
  }
  return { kept, changed }
}

function pour(waiting: Endpoint[], slice: EndpointSlice, max: number): void {
  const room = Math.max(0, max - sizeOf(slice))
  ;(slice.endpoints ??= []).push(...waiting.splice(0, room))
}

function fullestWithRoom(slices: readonly EndpointSlice[], count: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined
  for (const slice of slices) {
    if (sizeOf(slice) + count > max) continue
    if (!best || sizeOf(slice) > sizeOf(best)) best = slice
  }
  return best
}

/** A Service always has a slice, if an empty one without ports: clients then know that there is nothing. */
function keepOne(service: Service, family: Family, changes: SliceChanges): void {
  const placeholder = newSlice(service, family, [])
  const [only, ...others] = changes.remove
  if (
    only &&
    others.length === 0 &&
    isControlledBy(only, service) &&
    isEmpty(only) &&
    sameJson(only.metadata.labels, placeholder.metadata.labels)
  )
    changes.remove = []
  else changes.create.push(placeholder)
}

const isEmpty = (slice: EndpointSlice): boolean => !slice.ports?.length && !slice.endpoints?.length

/** A slice that would be made takes the place of one that would go: one write instead of two. */
function recycle(service: Service, changes: SliceChanges): void {
  changes.remove = changes.remove.filter((old) => {
    if (!isControlledBy(old, service)) return true
    const made = changes.create.pop()
    if (!made) return true
    changes.update.push({ ...made, metadata: { ...old.metadata, labels: made.metadata.labels } })
    return false
  })
}

export function labelsFor(service: Service): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [key, value] of Object.entries(service.metadata.labels ?? {})) if (!reservedLabels.has(key)) labels[key] = value
  if (!hasClusterIp(service)) labels[headlessLabel] = ''
  labels[serviceNameLabel] = service.metadata.name ?? ''
  labels[managedByLabel] = sliceManager
  return labels
}

function newSlice(service: Service, addressType: Family, ports: EndpointPort[]): EndpointSlice {
  const { namespace, name = '' } = service.metadata
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: labelsFor(service),
      ownerReferences: [controllerReference(service, serviceKind)],
    },
    addressType,
    ports,
    endpoints: [],
  }
}

const sizeOf = (slice: EndpointSlice): number => slice.endpoints?.length ?? 0

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
