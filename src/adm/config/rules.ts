/** The rules that several documents share: addresses, ports, names, arguments. */
import { type Cidr, contains, parseCidr, parseIp } from '../../api/ip.js'
import type { Fault } from '../../api/status.js'
import { isSubdomain } from '../../api/validation/names.js'
import type { ApiEndpoint, Arg } from './types.js'

/** AES-256 in hex: what `certs certificate-key` prints. */
const certificateKeyPattern = /^[0-9a-f]{64}$/i

/** One CIDR, or one of each family, each judged by `judge`. */
export function cidrList(text: string, path: string, judge: (cidr: Cidr, part: string) => Fault[]): Fault[] {
  const parts = text.split(',').map((part) => part.trim())
  const cidrs = parts.map((part) => parseCidr(part))
  const faults = parts.flatMap((part, at) => {
    const cidr = cidrs[at]
    return cidr ? judge(cidr, part) : [wrong(path, part, 'must be a CIDR such as 10.244.0.0/16')]
  })
  if (parts.length > 2) faults.push(wrong(path, text, 'expected one (IPv4 or IPv6) CIDR or two of different families'))
  if (parts.length === 2 && cidrs[0]?.family === cidrs[1]?.family) faults.push(wrong(path, text, 'expected one CIDR of each family'))
  return faults
}

export function endpointFaults({ advertiseAddress, bindPort }: ApiEndpoint, path: string): Fault[] {
  const ip = parseIp(advertiseAddress)
  const unusable = !ip || advertiseAddress === '0.0.0.0' || advertiseAddress === '::' || isLoopback(advertiseAddress)
  return [
    ...(unusable ? [wrong(`${path}.advertiseAddress`, advertiseAddress, 'must be an address of this machine that others reach')] : []),
    ...(bindPort >= 1 && bindPort <= 65_535 ? [] : [wrong(`${path}.bindPort`, bindPort, 'must be a port from 1 to 65535')]),
  ]
}

function isLoopback(address: string): boolean {
  const [loopback, ip] = [parseCidr('127.0.0.0/8'), parseIp(address)]
  return address === '::1' || Boolean(loopback && ip && contains(loopback, ip))
}

/** HOST or HOST:PORT; an IPv6 host with a port is in brackets. */
export function hostPortFaults(text: string, path: string, needs: { port?: boolean } = {}): Fault[] {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const whole = parseIp(text)
  const isHost = Boolean(whole) || Boolean(parseIp(host)) || isSubdomain(host)
  if (!isHost) return [wrong(path, text, 'must be HOST or HOST:PORT')]
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return [wrong(path, text, 'the port must be from 1 to 65535')]
  return needs.port && port === undefined ? [wrong(path, text, 'must be HOST:PORT')] : []
}

export function sanFaults(name: string, path: string): Fault[] {
  const plain = name.startsWith('*.') ? name.slice(2) : name
  return parseIp(name) || isSubdomain(plain) ? [] : [wrong(path, name, 'must be an IP address or a DNS name')]
}

export function argFaults(args: readonly Arg[] | undefined, path: string): Fault[] {
  return (args ?? []).flatMap(({ name }, at) => (name ? [] : [required(`${path}[${at}].name`, 'argument has no name')]))
}

export function keyFaults(key: string | undefined, path: string): Fault[] {
  return key === undefined || certificateKeyPattern.test(key)
    ? []
    : [wrong(path, '<hidden>', 'must be the hex of a 32-byte key, as "quorate certs certificate-key" prints it')]
}

export function oneOf(path: string, value: string, supported: readonly string[]): Fault[] {
  if (supported.includes(value)) return []
  return [{ path, reason: 'FieldValueNotSupported', value, detail: `supported values: ${supported.map((each) => `"${each}"`).join(', ')}` }]
}

export function wrong(path: string, value: unknown, detail: string): Fault {
  return { path, reason: 'FieldValueInvalid', value, detail }
}

export function required(path: string, detail: string): Fault {
  return { path, reason: 'FieldValueRequired', detail }
}
