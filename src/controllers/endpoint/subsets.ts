/**
 * The subsets of an Endpoints object. Pure. Addresses that serve one and the same set of ports share a subset; an address stands
 * in a subset once, ready or not; everything is sorted, so that equal worlds give equal objects.
 */
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from '../../api/types/core-v1.js'
import { familyOf, hostnameIn, isEndpoint, isHeadless, podIps, targetPort } from '../common/service-pods.js'
import { isPodReady } from '../common/pods.js'

/** More addresses than this are cut off and the object says so (KEP-1904). */
export const addressesMax = 1000

interface Entry {
  readonly address: EndpointAddress
  readonly ready: boolean
  /** Undefined: a headless Service without ports. */
  readonly port: EndpointPort | undefined
}

export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const entries: Entry[] = []
  const unready = service.spec?.publishNotReadyAddresses ?? false
  for (const pod of pods) {
    if (!isEndpoint(pod, unready)) continue
    const address = addressOf(service, pod)
    if (!address) continue
    const ready = unready || isPodReady(pod)
    const ports = service.spec?.ports ?? []
    if (ports.length === 0 && isHeadless(service)) entries.push({ address, ready, port: undefined })
    for (const port of ports) {
      const number = targetPort(pod, port)
      if (number === undefined) continue
      const { name, protocol = 'TCP', appProtocol } = port
      entries.push({
        address,
        ready,
        port: { ...(name ? { name } : {}), port: number, protocol, ...(appProtocol ? { appProtocol } : {}) },
      })
    }
  }
  return pack(entries)
}

/** The pod's address of the Service's first family; a headless Service without families takes the pod's first. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const [family = service.spec?.clusterIP && !isHeadless(service) ? familyOf(service.spec.clusterIP) : undefined] =
    service.spec?.ipFamilies ?? []
  const ip = podIps(pod).find((each) => family === undefined || familyOf(each) === family)
  if (ip === undefined) return undefined
  const { namespace, name, uid } = pod.metadata
  const hostname = hostnameIn(service, pod)
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

const portKey = (port: EndpointPort | undefined): string =>
  port ? [port.name ?? '', port.port, port.protocol ?? '', port.appProtocol ?? ''].join('\0') : ''
const addressKey = ({ ip, targetRef }: EndpointAddress): string => `${ip}\0${targetRef?.uid ?? ''}`

interface Serving {
  readonly port: EndpointPort | undefined
  readonly addresses: Map<string, Entry>
}

/** Gathers addresses by port, then ports by what serves them. */
function pack(entries: readonly Entry[]): EndpointSubset[] {
  const byPort = new Map<string, Serving>()
  for (const entry of entries) {
    const key = portKey(entry.port)
    let serving = byPort.get(key)
    if (!serving) byPort.set(key, (serving = { port: entry.port, addresses: new Map() }))
    const at = addressKey(entry.address)
    // Two pods of one address and port: ready wins.
    if (!serving.addresses.get(at)?.ready) serving.addresses.set(at, entry)
  }
  const groups = new Map<string, { ports: EndpointPort[]; addresses: Entry[] }>()
  for (const { port, addresses } of byPort.values()) {
    const key = [...addresses]
      .map(([name, { ready }]) => `${name}\0${ready}`)
      .sort()
      .join('\n')
    let group = groups.get(key)
    if (!group) groups.set(key, (group = { ports: [], addresses: [...addresses.values()] }))
    if (port) group.ports.push(port)
  }
  return [...groups.values()].map(subset).sort((a, b) => order(subsetKey(a), subsetKey(b)))
}

function subset({ ports, addresses }: { ports: EndpointPort[]; addresses: Entry[] }): EndpointSubset {
  const sorted = [...addresses].sort((a, b) => order(addressKey(a.address), addressKey(b.address)))
  const ready = sorted.filter((entry) => entry.ready).map((entry) => entry.address)
  const notReady = sorted.filter((entry) => !entry.ready).map((entry) => entry.address)
  return {
    ...(ready.length ? { addresses: ready } : {}),
    ...(notReady.length ? { notReadyAddresses: notReady } : {}),
    ...(ports.length ? { ports: ports.sort((a, b) => order(portKey(a), portKey(b))) } : {}),
  }
}

const subsetKey = ({ ports = [] }: EndpointSubset): string => ports.map(portKey).join('\n')
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export function countAddresses(subsets: readonly EndpointSubset[]): number {
  return subsets.reduce((sum, each) => sum + (each.addresses?.length ?? 0) + (each.notReadyAddresses?.length ?? 0), 0)
}

/** At most `max` addresses: ready ones first, each subset keeping its share. The same subsets when they fit. */
export function truncate(subsets: readonly EndpointSubset[], max = addressesMax): readonly EndpointSubset[] {
  if (countAddresses(subsets) <= max) return subsets
  const ready = subsets.reduce((sum, each) => sum + (each.addresses?.length ?? 0), 0)
  const cutsReady = ready > max
  const room = cutsReady ? max : max - ready
  const total = cutsReady ? ready : countAddresses(subsets) - ready
  let left = room
  return subsets
    .map((each) => {
      const list = (cutsReady ? each.addresses : each.notReadyAddresses) ?? []
      const share = Math.min(left, Math.ceil((list.length / total) * room), list.length)
      left -= share
      const kept = list.slice(0, share)
      const { addresses, notReadyAddresses: _, ...rest } = each
      if (cutsReady) return { ...rest, ...(kept.length ? { addresses: kept } : {}) }
      return { ...rest, ...(addresses ? { addresses } : {}), ...(kept.length ? { notReadyAddresses: kept } : {}) }
    })
    .filter((each) => each.addresses ?? each.notReadyAddresses)
}
