/** ip() and cidr(): addresses and networks; IPv4 in IPv6 and zones are none. */
import { formatIp, type Ip, parseIp } from '../../ip.js'
import { type CallCost, exactly, fixedCost, plus, scaled, traversalCost, traversalFactor, unknownSize } from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { boolType, intType, opaqueType, stringType } from '../types.js'
import { CelError, type CelValue, sizeOf } from '../values.js'
import { Compared } from './opaque.js'

const ipType = opaqueType('net.IP')
const cidrType = opaqueType('net.CIDR')

class Address extends Compared<string> {
  readonly type = ipType
  readonly identity: string
  constructor(readonly ip: Ip) {
    super()
    this.identity = formatIp(ip)
  }
  override get size(): number {
    return this.ip.family === 'IPv4' ? 4 : 16
  }
}

class Network extends Compared<string> {
  readonly type = cidrType
  readonly identity: string
  constructor(
    readonly ip: Ip,
    readonly length: number,
  ) {
    super()
    this.identity = `${formatIp(ip)}/${length}`
  }
  override get size(): number {
    return this.ip.family === 'IPv4' ? 4 : 16
  }
  get hostBits(): bigint {
    return BigInt((this.ip.family === 'IPv4' ? 32 : 128) - this.length)
  }
  contains({ family, value }: Ip): boolean {
    return family === this.ip.family && value >> this.hostBits === this.ip.value >> this.hostBits
  }
}

function addressOf(text: string): Ip | undefined {
  const ip = parseIp(text)
  const isMapped = ip?.family === 'IPv6' && ip.value >> 32n === 0xffffn
  return isMapped ? undefined : ip
}

function networkOf(text: string): Network | undefined {
  const slash = text.lastIndexOf('/')
  const bits = text.slice(slash + 1)
  const ip = slash < 0 || !/^(?:0|[1-9]\d{0,2})$/.test(bits) ? undefined : addressOf(text.slice(0, slash))
  return ip && Number(bits) <= (ip.family === 'IPv4' ? 32 : 128) ? new Network(ip, Number(bits)) : undefined
}

const noAddress = (text: string) => new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
const noNetwork = (text: string) => new CelError(`network address parse error during conversion from string: ${JSON.stringify(text)}`)
const address = (text: string): CelValue => {
  const ip = addressOf(text)
  return ip ? new Address(ip) : noAddress(text)
}

/** Whether the bits of an address from the top are these. */
const startsWith = ({ family, value }: Ip, of: 'IPv4' | 'IPv6', prefix: bigint, length: number) =>
  family === of && value >> BigInt((of === 'IPv4' ? 32 : 128) - length) === prefix
const isLoopback = (ip: Ip) => startsWith(ip, 'IPv4', 127n, 8) || (ip.family === 'IPv6' && ip.value === 1n)
const isLinkLocalUnicast = (ip: Ip) => startsWith(ip, 'IPv4', 0xa9fen, 16) || startsWith(ip, 'IPv6', 0x3fan, 10)
const isMulticast = (ip: Ip) => startsWith(ip, 'IPv4', 0xen, 4) || startsWith(ip, 'IPv6', 0xffn, 8)
const isLinkLocalMulticast = (ip: Ip) =>
  startsWith(ip, 'IPv4', 0xe00000n, 24) || (ip.family === 'IPv6' && ((ip.value >> 112n) & 0xff0fn) === 0xff02n)
const isBroadcast = ({ family, value }: Ip) => family === 'IPv4' && value === 0xffffffffn
const isGlobalUnicast = (ip: Ip) => ip.value !== 0n && !isBroadcast(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip)

const nominal = fixedCost(1)
const asks = (name: string, id: string, holds: (ip: Ip) => boolean) =>
  fn(
    name,
    member(`ip_${id}`, [ipType], boolType, ({ ip }: Address) => holds(ip), nominal),
  )

/** Two rows of bytes, and the text of one of them when it is still to be read. */
const containsCost = (isText: boolean, masks: boolean): CallCost => ({
  actual: (args) => {
    const bytes = sizeOf(args[0] as CelValue)
    const base = Math.ceil(bytes * 2 * traversalFactor) + (masks ? Math.ceil(bytes * traversalFactor) + 1 : 0)
    return base + (isText ? Math.ceil(sizeOf(args[1] as CelValue) * traversalFactor) : 0)
  },
  estimate: (args) => {
    const bytes = { min: 4, max: 16 }
    let cost = scaled(plus(bytes, bytes), traversalFactor)
    if (masks) cost = plus(plus(cost, scaled(bytes, traversalFactor)), exactly(1))
    return { cost: isText ? plus(cost, scaled(args[1]?.size ?? unknownSize, traversalFactor)) : cost }
  },
})

const within = (outer: Network, inner: Network) => inner.length >= outer.length && outer.contains(inner.ip)
const reading = traversalCost(0)

export const ipLibrary: Library = {
  types: { 'net.IP': ipType },
  functions: [
    fn('ip', global('string_to_ip', [stringType], ipType, address, reading)),
    fn(
      'isIP',
      global('is_ip', [stringType], boolType, (text: string) => addressOf(text) !== undefined, reading),
    ),
    fn(
      'ip.isCanonical',
      global(
        'ip_is_canonical',
        [stringType],
        boolType,
        (text: string) => {
          const ip = addressOf(text)
          return ip ? formatIp(ip) === text : noAddress(text)
        },
        traversalCost(0, { factor: 2 * traversalFactor }),
      ),
    ),
    fn(
      'family',
      member('ip_family', [ipType], intType, ({ ip }: Address) => (ip.family === 'IPv4' ? 4 : 6), nominal),
    ),
    asks('isUnspecified', 'is_unspecified', ({ value }) => value === 0n),
    asks('isLoopback', 'is_loopback', isLoopback),
    asks('isLinkLocalMulticast', 'is_link_local_multicast', isLinkLocalMulticast),
    asks('isLinkLocalUnicast', 'is_link_local_unicast', isLinkLocalUnicast),
    asks('isGlobalUnicast', 'is_global_unicast', isGlobalUnicast),
    fn(
      'string',
      global('ip_to_string', [ipType], stringType, ({ identity }: Address) => identity),
    ),
  ],
}

export const cidrLibrary: Library = {
  types: { 'net.CIDR': cidrType },
  functions: [
    fn(
      'cidr',
      global('string_to_cidr', [stringType], cidrType, (text: string) => networkOf(text) ?? noNetwork(text), reading),
    ),
    fn(
      'isCIDR',
      global('is_cidr', [stringType], boolType, (text: string) => networkOf(text) !== undefined, reading),
    ),
    fn(
      'containsIP',
      member(
        'cidr_contains_ip_ip',
        [cidrType, ipType],
        boolType,
        (net: Network, { ip }: Address) => net.contains(ip),
        containsCost(false, false),
      ),
      member(
        'cidr_contains_ip_string',
        [cidrType, stringType],
        boolType,
        (net: Network, text: string) => {
          const ip = addressOf(text)
          return ip ? net.contains(ip) : noAddress(text)
        },
        containsCost(true, false),
      ),
    ),
    fn(
      'containsCIDR',
      member('cidr_contains_cidr', [cidrType, cidrType], boolType, within, containsCost(false, true)),
      member(
        'cidr_contains_cidr_string',
        [cidrType, stringType],
        boolType,
        (net: Network, text: string) => {
          const inner = networkOf(text)
          return inner ? within(net, inner) : noNetwork(text)
        },
        containsCost(true, true),
      ),
    ),
    fn(
      'ip',
      member('cidr_ip', [cidrType], ipType, ({ ip }: Network) => new Address(ip), nominal),
    ),
    fn(
      'prefixLength',
      member('cidr_prefix_length', [cidrType], intType, ({ length }: Network) => length, nominal),
    ),
    fn(
      'masked',
      member(
        'cidr_masked',
        [cidrType],
        cidrType,
        (net: Network) => new Network({ ...net.ip, value: (net.ip.value >> net.hostBits) << net.hostBits }, net.length),
        nominal,
      ),
    ),
    fn(
      'string',
      global('cidr_to_string', [cidrType], stringType, ({ identity }: Network) => identity),
    ),
  ],
}
