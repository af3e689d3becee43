import { type Fault, invalid } from '../../api/status.js'
import type { Service, ServicePort, ServiceSpec } from '../../api/types/core-v1.js'
import { isHeadless, mayHaveNodePorts, needsClusterIp, needsHealthCheckPort, wantsNodePorts } from '../registry/core/service-fields.js'
import { AddressUnavailable, type ClusterIpAllocator, type Owner } from './cluster-ip.js'
import type { IpFamily } from '../../api/ip.js'
import { type NodePortAllocator, PortUnavailable } from './node-port.js'
import { fillFamilies } from './service-families.js'

/** What a Service write took, to be given back when it fails; and what it leaves behind, to be given back when it succeeds. */
export interface Allocation {
  undo(): Promise<void>
  done(): Promise<void>
}

export interface ServiceAllocator {
  /** Fills `service` with addresses and ports. Throws StatusError Invalid. With `reserve` false nothing is taken. */
  allocate(service: Service, old: Service | undefined, reserve: boolean): Promise<Allocation>
  /** Gives back all that a deleted Service had. */
  releaseAll(service: Service): Promise<void>
}

export function serviceAllocator(addresses: ClusterIpAllocator, ports: NodePortAllocator): ServiceAllocator {
  return {
    async allocate(service, old, reserve) {
      const spec = (service.spec ??= {})
      const undos: (() => Promise<void>)[] = []
      const undo = async () => {
        for (const step of undos.reverse()) await step()
      }
      try {
        const faults = [
          ...(await allocateAddresses(service, old, { addresses, reserve, undos })),
          ...(await allocatePorts(spec, old?.spec, { ports, reserve, undos })),
        ]
        if (faults.length > 0) throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', faults)
      } catch (error) {
        if (reserve) await undo()
        throw error
      }
      return {
        undo,
        async done() {
          if (!old) return
          const kept = new Set([...addressesOf(spec), ...portsOf(spec).map(String)])
          await Promise.all([
            ...addressesOf(old.spec).flatMap((address) => (kept.has(address) ? [] : addresses.release(address, ownerOf(old)))),
            releasePorts(
              ports,
              portsOf(old.spec).filter((port) => !kept.has(String(port))),
            ),
          ])
        },
      }
    },
    async releaseAll(service) {
      await Promise.all([
        ...addressesOf(service.spec).map((address) => addresses.release(address, ownerOf(service))),
        releasePorts(ports, portsOf(service.spec)),
      ])
    },
  }
}

async function releasePorts(ports: NodePortAllocator, numbers: readonly number[]): Promise<void> {
  if (numbers.length > 0) await ports.release(numbers)
}

const ownerOf = (service: Service): Owner => ({ namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' })

export function addressesOf(spec: ServiceSpec | undefined): string[] {
  return needsClusterIp(spec) ? (spec?.clusterIPs ?? []).filter((address) => address !== '' && address !== 'None') : []
}

/** Every node port of a Service once: one number may serve TCP and UDP. */
export function portsOf(spec: ServiceSpec | undefined): number[] {
  if (!mayHaveNodePorts(spec)) return []
  const numbers = (spec?.ports ?? []).map((port) => port.nodePort ?? 0)
  return [...new Set([...numbers, needsHealthCheckPort(spec) ? (spec?.healthCheckNodePort ?? 0) : 0])].filter((port) => port > 0)
}

interface AddressDeps {
  readonly addresses: ClusterIpAllocator
  readonly reserve: boolean
  readonly undos: (() => Promise<void>)[]
}

async function allocateAddresses(service: Service, old: Service | undefined, { addresses, reserve, undos }: AddressDeps): Promise<Fault[]> {
  const spec = service.spec ?? {}
  if (!needsClusterIp(spec)) return []
  const faults = fillFamilies(service, addresses.families)
  if (faults.length > 0 || isHeadless(spec)) return faults
  const had = new Set(addressesOf(old?.spec))
  const owner = ownerOf(service)
  const chosen: string[] = []
  for (const [index, family] of ((spec.ipFamilies ?? []) as IpFamily[]).entries()) {
    const asked = spec.clusterIPs?.[index] ?? ''
    if (asked !== '' && had.has(asked)) {
      chosen.push(asked)
      continue
    }
    try {
      const address = asked === '' ? await addresses.next(family, owner, reserve) : asked
      if (asked !== '') await addresses.take(asked, owner, reserve)
      undos.push(() => addresses.release(address, owner))
      chosen.push(address)
    } catch (error) {
      if (!(error instanceof AddressUnavailable)) throw error
      const value = asked === '' ? (spec.clusterIPs ?? []) : [asked]
      return [{ path: 'spec.clusterIPs', reason: 'FieldValueInvalid', value, detail: `failed to allocate IP ${asked}: ${error.message}` }]
    }
  }
  const [first] = chosen
  if (first !== undefined) Object.assign(spec, { clusterIP: first, clusterIPs: chosen })
  return []
}

interface PortDeps {
  readonly ports: NodePortAllocator
  readonly reserve: boolean
  readonly undos: (() => Promise<void>)[]
}

async function allocatePorts(spec: ServiceSpec, old: ServiceSpec | undefined, deps: PortDeps): Promise<Fault[]> {
  if (!mayHaveNodePorts(spec)) return []
  const held = new Set(portsOf(old))
  const faults: Fault[] = []
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const shared = (spec.ports ?? []).slice(0, index)
    const fault = await allocatePort(port, { held, shared, index, wanted: wantsNodePorts(spec) }, deps)
    if (fault) faults.push(fault)
  }
  if (!needsHealthCheckPort(spec) || faults.length > 0) return faults
  if (spec.healthCheckNodePort && held.has(spec.healthCheckNodePort)) return []
  const health = await takePort(spec.healthCheckNodePort ?? 0, deps)
  if (typeof health === 'number') spec.healthCheckNodePort = health
  else faults.push(portFault('spec.healthCheckNodePort', spec.healthCheckNodePort ?? 0, health))
  return faults
}

interface PortPlace {
  readonly held: ReadonlySet<number>
  readonly shared: readonly ServicePort[]
  readonly index: number
  readonly wanted: boolean
}

async function allocatePort(port: ServicePort, place: PortPlace, deps: PortDeps): Promise<Fault | undefined> {
  const asked = port.nodePort ?? 0
  if (asked === 0 && !place.wanted) return undefined
  const path = `spec.ports[${place.index}].nodePort`
  const same = place.shared.filter((other) => other.nodePort === asked && asked !== 0)
  if (same.some((other) => (other.protocol ?? 'TCP') === (port.protocol ?? 'TCP')))
    return portFault(path, asked, new PortUnavailable('provided port is already allocated'))
  if (same.length > 0 || place.held.has(asked)) return undefined
  // A port of two protocols has one node port for both, as DNS wants it.
  const twin = asked === 0 ? place.shared.find((other) => other.port === port.port && other.nodePort) : undefined
  if (twin?.nodePort && (twin.protocol ?? 'TCP') !== (port.protocol ?? 'TCP')) {
    port.nodePort = twin.nodePort
    return undefined
  }
  const taken = await takePort(asked, deps)
  if (typeof taken !== 'number') return portFault(path, asked, taken)
  port.nodePort = taken
  return undefined
}

async function takePort(asked: number, { ports, reserve, undos }: PortDeps): Promise<number | PortUnavailable> {
  try {
    const number = asked === 0 ? await ports.next(reserve) : asked
    if (asked !== 0) await ports.take([asked], reserve)
    undos.push(() => ports.release([number]))
    return number
  } catch (error) {
    if (error instanceof PortUnavailable) return error
    throw error
  }
}

const portFault = (path: string, value: number, error: PortUnavailable): Fault => ({
  path,
  reason: 'FieldValueInvalid',
  value,
  detail: error.message,
})
