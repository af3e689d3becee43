/** IP addresses as numbers. Pure. IPv4 is read in dotted decimal only (RFC 6943: other forms mislead). */

export type IpFamily = 'IPv4' | 'IPv6'

export interface Ip {
  readonly family: IpFamily
  readonly value: bigint
}

export interface Cidr {
  readonly family: IpFamily
  /** The network address. */
  readonly first: bigint
  readonly last: bigint
  /** Bits of the network: 24 of 10.1.2.0/24. */
  readonly prefix: number
}

/** undefined when the text is not an address. */
export function parseIp(text: string): Ip | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text)
  return value === undefined ? undefined : { family: text.includes(':') ? 'IPv6' : 'IPv4', value }
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash))
  const prefix = text.slice(slash + 1)
  if (!ip || !/^\d{1,3}$/.test(prefix)) return undefined
  const bits = ip.family === 'IPv4' ? 32 : 128
  const length = Number(prefix)
  if (length > bits) return undefined
  const hostBits = BigInt(bits - length)
  const first = (ip.value >> hostBits) << hostBits
  return { family: ip.family, first, last: first + (1n << hostBits) - 1n, prefix: length }
}

export function contains(cidr: Cidr, ip: Ip): boolean {
  return cidr.family === ip.family && ip.value >= cidr.first && ip.value <= cidr.last
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatIp({ family, value }: Ip): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn)
  const [start, length] = longestZeroRun(groups)
  const text = (part: readonly bigint[]) => part.map((group) => group.toString(16)).join(':')
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256n + BigInt(part)
  }
  return value
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : groupsOf(half)))
  if (!head || (halves.length === 2 && !tail)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  return [...head, ...new Array<bigint>(missing).fill(0n), ...(tail ?? [])].reduce((value, group) => (value << 16n) | group, 0n)
}

/** 16-bit groups; the last may be an embedded IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
  const groups: bigint[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`))
    else {
      const embedded = index === parts.length - 1 ? parseV4(part) : undefined
      if (embedded === undefined) return undefined
      groups.push(embedded >> 16n, embedded & 0xffffn)
    }
  }
  return groups
}

function longestZeroRun(groups: readonly bigint[]): [start: number, length: number] {
  let best: [number, number] = [0, 0]
  for (let at = 0; at < groups.length; at++) {
    let length = 0
    while (groups[at + length] === 0n) length++
    if (length > best[1]) best = [at, length]
  }
  return best
}
