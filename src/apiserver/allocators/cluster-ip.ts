import type { IPAddress, ServiceCIDR } from '../../api/types/networking-v1.js'
import { hasReason } from '../../api/status.js'
import type { Random } from '../../base/random.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import { type Cidr, contains, formatIp, type IpFamily, parseCidr, parseIp } from '../../api/ip.js'

/** Why an address could not be given; the words end up in the Service's fault. */
export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable'
}

export interface Owner {
  readonly namespace: string
  readonly name: string
}

export interface ClusterIpAllocator {
  /** Any free address of a family. `reserve: false` (dry run) picks without taking it. */
  next(family: IpFamily, owner: Owner, reserve: boolean): Promise<string>
  /** This very address. Throws AddressUnavailable when it is taken or outside every ServiceCIDR. */
  take(address: string, owner: Owner, reserve: boolean): Promise<void>
  /** Gives an address back, if it is still this Service's. */
  release(address: string, owner: Owner): Promise<void>
  /** The families that Services may have, the default one first. */
  readonly families: readonly IpFamily[]
}

const triesMax = 1024
const managedBy = 'ipallocator.k8s.io'

/**
 * Cluster IPs through IPAddress objects (KEP-1880): creating the object of that name is the allocation, so any number of
 * API servers may allocate at once. Dynamic addresses come from the upper band of a range first (KEP-3070).
 */
export function clusterIpAllocator(
  access: ServerAccess,
  options: { /** --service-cluster-ip-range. */ readonly cidrs: readonly string[]; readonly random: Random },
): ClusterIpAllocator {
  const own = options.cidrs.flatMap((text) => parseCidr(text) ?? [])
  const serviceCidrs = access.lister<ServiceCIDR>(resources.serviceCidrs)
  const addresses = access.lister<IPAddress>(resources.ipAddresses)
  const client = access.client.resource<IPAddress>(resources.ipAddresses)

  const rangesOf = (family: IpFamily): Cidr[] => {
    const added = serviceCidrs
      .list()
      .filter((cidr) => !cidr.metadata.deletionTimestamp && isReady(cidr))
      .flatMap((cidr) => cidr.spec?.cidrs ?? [])
      .flatMap((text) => parseCidr(text) ?? [])
    const all = [...own, ...added].filter((range) => range.family === family)
    return all.filter((range, index) => all.findIndex((other) => other.first === range.first && other.last === range.last) === index)
  }
  /** False when somebody else has it. */
  const reserveAddress = async (address: string, owner: Owner): Promise<boolean> => {
    try {
      await client.create(ipAddressObject(address, owner))
      return true
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      return false
    }
  }

  return {
    families: [...new Set(own.map((range) => range.family))],
    async next(family, owner, reserve) {
      for (const range of rangesOf(family)) {
        let tries = 0
        for (const value of candidates(range, options.random)) {
          if (tries++ > triesMax) break
          const address = formatIp({ family, value })
          if (addresses.get(address)) {
            tries--
            continue
          }
          if (!reserve || (await reserveAddress(address, owner))) return address
        }
      }
      throw new AddressUnavailable('range is full')
    },
    async take(address, owner, reserve) {
      const ip = parseIp(address)
      const range = ip && rangesOf(ip.family).find((candidate) => contains(candidate, ip))
      if (!ip || !range) {
        const valid = options.cidrs.join(', ')
        throw new AddressUnavailable(`the provided IP (${address}) is not in the valid range. The range of valid IPs is ${valid}`)
      }
      if (!usable(range, ip.value)) throw new AddressUnavailable(`the provided IP (${address}) is the network or broadcast address`)
      const name = formatIp(ip)
      const taken = reserve ? !(await reserveAddress(name, owner)) : addresses.get(name) !== undefined
      if (taken) throw new AddressUnavailable('provided IP is already allocated')
    },
    async release(address, owner) {
      const ip = parseIp(address)
      if (!ip) return
      const name = formatIp(ip)
      try {
        const found = await client.get('', name)
        if (isOwner(found, owner)) await client.delete('', name, { preconditions: { uid: found.metadata.uid } })
      } catch (error) {
        if (!hasReason(error, 'NotFound') && !hasReason(error, 'Conflict')) throw error
      }
    },
  }
}

function isOwner(address: IPAddress | undefined, owner: Owner): boolean {
  const ref = address?.spec?.parentRef
  return ref?.resource === 'services' && ref.namespace === owner.namespace && ref.name === owner.name
}

export function ipAddressObject(address: string, owner: Owner): IPAddress {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      labels: {
        'ipaddress.kubernetes.io/ip-family': address.includes(':') ? 'IPv6' : 'IPv4',
        'ipaddress.kubernetes.io/managed-by': managedBy,
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: owner.namespace, name: owner.name } },
  }
}

function isReady(cidr: ServiceCIDR): boolean {
  return cidr.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
}

/** Network addresses of both families and IPv4 broadcast are nobody's. */
function usable(range: Cidr, value: bigint): boolean {
  return value > range.first && (range.family === 'IPv6' || value < range.last)
}

/** min(max(16, size/16), 256): the band that is left to addresses people choose (KEP-3070). */
export function staticBandSize(size: bigint): bigint {
  if (size <= 16n) return 0n
  const share = size / 16n
  return share < 16n ? 16n : share > 256n ? 256n : share
}

/** Every usable address once: the upper band from a random place on, then the lower band likewise. */
function* candidates(range: Cidr, random: Random): Generator<bigint> {
  const first = range.first + 1n
  const end = range.family === 'IPv4' ? range.last : range.last + 1n
  const size = end - first
  const band = staticBandSize(size)
  yield* ring(first + band, size - band, random)
  yield* ring(first, band, random)
}

function* ring(first: bigint, size: bigint, random: Random): Generator<bigint> {
  if (size <= 0n) return
  // 2^40 starting points are random enough for the widest IPv6 range.
  const start = (BigInt(Math.floor(random.next() * 2 ** 40)) * size) >> 40n
  for (let at = 0n; at < size; at++) yield first + ((start + at) % size)
}
