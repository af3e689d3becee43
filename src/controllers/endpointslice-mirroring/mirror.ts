/** The slices that show an Endpoints object which somebody made by hand. Pure. One slice a subset and address family. */
import type { EndpointAddress, EndpointPort as OldPort, Endpoints } from '../../api/types/core-v1.js'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.js'
import { controllerReference } from '../common/owner.js'
import { sameJson } from '../../api/same-json.js'
import { familyOf, triggerTimeAnnotation, type Family } from '../common/service-pods.js'
import { identityOf, portMapKey } from '../endpointslice/endpoints.js'
import { managedByLabel, serviceNameLabel, type SliceChanges } from '../endpointslice/slices.js'

export const mirrorManager = 'endpointslicemirroring-controller.k8s.io'
const skippedAnnotations: ReadonlySet<string> = new Set([triggerTimeAnnotation, 'kubectl.kubernetes.io/last-applied-configuration'])
const endpointsKind = { group: '', version: 'v1', kind: 'Endpoints' }

export interface Mirrored {
  readonly changes: SliceChanges
  readonly invalidAddresses: number
  /** Beyond what one subset may have. */
  readonly surplusAddresses: number
}

interface Group {
  readonly family: Family
  readonly ports: EndpointPort[]
  readonly endpoints: Map<string, Endpoint>
}

export function mirror(endpoints: Endpoints, present: readonly EndpointSlice[], maxPerSubset: number): Mirrored {
  const groups = new Map<string, Group>()
  const counts = { invalid: 0, surplus: 0 }
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of endpoints.subsets ?? []) {
    const all = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ]
    let added = 0
    for (const { address, ready } of all) {
      if (added >= maxPerSubset) counts.surplus++
      else if (!isIp(address.ip)) counts.invalid++
      else {
        const endpoint = endpointOf(address, ready)
        groupOf(groups, familyOf(address.ip), ports).endpoints.set(identityOf(endpoint), endpoint)
        added++
      }
    }
  }
  return {
    changes: changesFor(endpoints, groups, present, maxPerSubset),
    invalidAddresses: counts.invalid,
    surplusAddresses: counts.surplus,
  }
}

const groupKey = (family: string, ports: readonly EndpointPort[] | undefined): string => `${family}\n${portMapKey(ports)}`

function groupOf(groups: Map<string, Group>, family: Family, oldPorts: readonly OldPort[]): Group {
  const ports = oldPorts.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    ...{ name, port, protocol },
    ...(appProtocol ? { appProtocol } : {}),
  }))
  const key = groupKey(family, ports)
  let group = groups.get(key)
  if (!group) groups.set(key, (group = { family, ports, endpoints: new Map() }))
  return group
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  }
}

function changesFor(endpoints: Endpoints, groups: Map<string, Group>, present: readonly EndpointSlice[], max: number): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], remove: [] }
  const seen = new Set<string>()
  for (const slice of present) {
    const key = groupKey(slice.addressType, slice.ports)
    const group = groups.get(key)
    // Of several with the same ports, one is enough.
    if (!group || seen.has(key)) changes.remove.push(slice)
    else {
      seen.add(key)
      const wanted = sliceFor(endpoints, group, max)
      if (!isSame(slice, wanted)) changes.update.push({ ...wanted, metadata: { ...slice.metadata, ...wanted.metadata } })
    }
  }
  for (const [key, group] of groups) if (!seen.has(key)) changes.create.push(sliceFor(endpoints, group, max))
  // A slice that goes can become one that comes, if the family (immutable) is the same.
  changes.create = changes.create.filter((made) => {
    const at = changes.remove.findIndex((old) => old.addressType === made.addressType)
    const [old] = at < 0 ? [] : changes.remove.splice(at, 1)
    if (old) changes.update.push({ ...made, metadata: { ...old.metadata, ...made.metadata } })
    return !old
  })
  changes.create = changes.create.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, generateName: `${endpoints.metadata.name}-`, namespace: endpoints.metadata.namespace },
  }))
  if (endpoints.metadata.deletionTimestamp) changes.create = []
  return changes
}

function sliceFor(endpoints: Endpoints, { family, ports, endpoints: all }: Group, max: number): EndpointSlice {
  const { labels, annotations = {}, name = '' } = endpoints.metadata
  return {
    metadata: {
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: mirrorManager },
      annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !skippedAnnotations.has(key))),
      ownerReferences: [controllerReference(endpoints, endpointsKind)],
    },
    addressType: family,
    ports,
    endpoints: [...all.values()].slice(0, max),
  }
}

function isSame(slice: EndpointSlice, wanted: EndpointSlice): boolean {
  return (
    sameJson(slice.metadata.labels, wanted.metadata.labels) &&
    sameJson(slice.metadata.annotations ?? {}, wanted.metadata.annotations) &&
    sameJson(slice.metadata.ownerReferences, wanted.metadata.ownerReferences) &&
    sameJson(sorted(slice), sorted(wanted))
  )
}

const sorted = (slice: EndpointSlice): Endpoint[] => [...(slice.endpoints ?? [])].sort((a, b) => (identityOf(a) < identityOf(b) ? -1 : 1))

/** The API server takes no others; Endpoints from before its validation may hold them. */
const isIp = (ip: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(ip) || (ip.includes(':') && /^[0-9a-fA-F:.]+$/.test(ip))
