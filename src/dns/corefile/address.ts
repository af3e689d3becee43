/** The keys of server blocks and the zones of plugins: SCHEME://ZONE:PORT, and networks for their reverse zones. */
import { parseCidr } from '../../api/ip.js'
import { keyOfName, absolute, isName } from '../wire/name.js'

export interface ServerKey {
  readonly zone: string
  readonly port: number
}

/** Schemes of CoreDNS that this server does not speak. */
const otherSchemes = ['tls', 'quic', 'grpc', 'https', 'https3']

/** Throws a plain Error that says what is wrong. One key may be several zones (a network that ends within a byte). */
export function serverKeys(text: string, defaultPort: number): ServerKey[] {
  let rest = text
  const scheme = /^([a-z0-9]+):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined) {
    if (otherSchemes.includes(scheme))
      throw new Error(`the scheme "${scheme}" of ${JSON.stringify(text)} is not implemented; there is dns://`)
    if (scheme !== 'dns') throw new Error(`unknown scheme "${scheme}" in ${JSON.stringify(text)}`)
    rest = text.slice(scheme.length + 3)
  }
  const { host, port } = hostAndPort(rest)
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) < 65_536))
    throw new Error(`invalid port ${JSON.stringify(port)} in ${JSON.stringify(text)}`)
  return zonesOf(host).map((zone) => ({ zone, port: port === undefined ? defaultPort : Number(port) }))
}

function hostAndPort(text: string): { host: string; port: string | undefined } {
  // An IPv6 network has colons of its own; a port comes after a name, a prefix length or a bracket.
  const v6 = /^\[?([0-9a-f:.]+\/\d+)\]?(?::(\d+))?$/i.exec(text)
  if (v6 && parseCidr(v6[1] as string)) return { host: v6[1] as string, port: v6[2] }
  const colon = text.lastIndexOf(':')
  return colon < 0 ? { host: text, port: undefined } : { host: text.slice(0, colon), port: text.slice(colon + 1) }
}

/** The zone of a name, or the reverse zones of a network. Throws a plain Error. */
export function zonesOf(text: string): string[] {
  const cidr = text.includes('/') ? parseCidr(text) : undefined
  if (cidr) return reverseZones(cidr.family, cidr.first, Number(text.slice(text.indexOf('/') + 1)))
  const zone = keyOfName(absolute(text === '' ? '.' : text))
  if (zone !== '.' && !isName(zone)) throw new Error(`${JSON.stringify(text)} is no zone`)
  return [zone]
}

function reverseZones(family: 'IPv4' | 'IPv6', first: bigint, prefix: number): string[] {
  const [bits, step, suffix] = family === 'IPv4' ? [32, 8, 'in-addr.arpa.'] : [128, 4, 'ip6.arpa.']
  const length = Math.max(step, Math.ceil(prefix / step) * step)
  const zones: string[] = []
  for (let index = 0n; index < 1n << BigInt(length - Math.max(prefix, 0)); index++) {
    const value = first + (index << BigInt(bits - length))
    const labels: string[] = []
    for (let at = length; at > 0; at -= step) {
      const digit = (value >> BigInt(bits - at)) & ((1n << BigInt(step)) - 1n)
      labels.push(family === 'IPv4' ? String(digit) : digit.toString(16))
    }
    zones.push(`${labels.join('.')}.${suffix}`)
  }
  return zones
}

/** The address that a reverse name stands for; undefined when it is not a whole one. `key` is a key. */
export function addressOfReverse(key: string): string | undefined {
  if (key.endsWith('.in-addr.arpa.')) {
    const parts = key.slice(0, -'.in-addr.arpa.'.length).split('.')
    const isByte = (part: string) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256
    return parts.length === 4 && parts.every(isByte) ? parts.reverse().join('.') : undefined
  }
  if (!key.endsWith('.ip6.arpa.')) return undefined
  const digits = key.slice(0, -'.ip6.arpa.'.length).split('.')
  if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined
  return (digits.reverse().join('').match(/.{4}/g) as string[]).join(':')
}

export function isReverseZone(zone: string): boolean {
  return /(^|\.)(in-addr|ip6)\.arpa\.$/.test(zone)
}
