/** Resource records. RDATA is a list of byte runs and names, so that one piece of code reads, compresses and writes every type. */
import { formatIp, parseIp } from '../../api/ip.js'
import { classes, types } from './constants.js'
import { absolute } from './name.js'

export interface Rr {
  readonly name: string
  readonly type: number
  readonly class: number
  readonly ttl: number
  /** Bytes as they are; texts are names. */
  readonly data: readonly (Uint8Array | string)[]
}

const soaTail = 20

/** RDATA of the types that hold names: 'name', a count of bytes, or 'text' (a character string). The rest is bytes. */
const layouts = new Map<number, readonly ('name' | 'text' | number)[]>([
  [types.NS, ['name']],
  [types.MD, ['name']],
  [types.MF, ['name']],
  [types.CNAME, ['name']],
  [types.SOA, ['name', 'name', soaTail]],
  [types.MB, ['name']],
  [types.MG, ['name']],
  [types.MR, ['name']],
  [types.PTR, ['name']],
  [types.MINFO, ['name', 'name']],
  [types.MX, [2, 'name']],
  [types.RP, ['name', 'name']],
  [types.AFSDB, [2, 'name']],
  [types.RT, [2, 'name']],
  [types.PX, [2, 'name', 'name']],
  [types.SRV, [6, 'name']],
  [types.NAPTR, [4, 'text', 'text', 'text', 'name']],
  [types.KX, [2, 'name']],
  [types.DNAME, ['name']],
])

export function layoutOf(type: number): readonly ('name' | 'text' | number)[] | undefined {
  return layouts.get(type)
}

/** Names in RDATA may be compressed only where RFC 1035 defined the type (RFC 3597, 4). */
export function compressesData(type: number): boolean {
  return type <= types.TXT
}

const rr = (name: string, type: number, ttl: number, data: readonly (Uint8Array | string)[]): Rr => ({
  name,
  type,
  class: classes.IN,
  ttl,
  data,
})

/** The bytes of an address, and which record holds it. undefined when the text is no address. */
export function addressData(ip: string): { readonly type: number; readonly bytes: Uint8Array } | undefined {
  const parsed = parseIp(ip)
  if (!parsed) return undefined
  const length = parsed.family === 'IPv4' ? 4 : 16
  const bytes = new Uint8Array(length)
  let value = parsed.value
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(value & 255n)
    value >>= 8n
  }
  return { type: length === 4 ? types.A : types.AAAA, bytes }
}

/** One spelling for each address: IPv6 has many. */
export function canonicalIp(text: string): string {
  const parsed = text.includes(':') ? parseIp(text) : undefined
  return parsed ? formatIp(parsed) : text
}

/** An A or AAAA record, whichever the address needs. */
export function address(name: string, ttl: number, data: { readonly type: number; readonly bytes: Uint8Array }): Rr {
  return rr(name, data.type, ttl, [data.bytes])
}

export function cname(name: string, ttl: number, target: string): Rr {
  return rr(name, types.CNAME, ttl, [absolute(target)])
}

export function ptr(name: string, ttl: number, target: string): Rr {
  return rr(name, types.PTR, ttl, [absolute(target)])
}

export function ns(name: string, ttl: number, target: string): Rr {
  return rr(name, types.NS, ttl, [absolute(target)])
}

export function mx(name: string, ttl: number, preference: number, target: string): Rr {
  return rr(name, types.MX, ttl, [shorts(preference), absolute(target)])
}

export interface SrvData {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

export function srv(name: string, ttl: number, { priority, weight, port, target }: SrvData): Rr {
  return rr(name, types.SRV, ttl, [shorts(priority, weight, port), absolute(target)])
}

export interface SoaData {
  readonly mname: string
  readonly rname: string
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
  readonly minimum: number
}

export function soa(name: string, ttl: number, data: SoaData): Rr {
  const tail = new Uint8Array(soaTail)
  const view = new DataView(tail.buffer)
  const numbers = [data.serial, data.refresh, data.retry, data.expire, data.minimum]
  for (const [at, value] of numbers.entries()) view.setUint32(at * 4, value >>> 0)
  return rr(name, types.SOA, ttl, [absolute(data.mname), absolute(data.rname), tail])
}

/** How long the absence may be remembered (RFC 2308, 5). */
export function soaMinimum({ ttl, data }: Rr): number {
  const tail = data[2]
  if (!(tail instanceof Uint8Array) || tail.length < soaTail) return ttl
  return Math.min(ttl, new DataView(tail.buffer, tail.byteOffset).getUint32(16))
}

export function txt(name: string, ttl: number, texts: readonly string[]): Rr {
  return rr(name, types.TXT, ttl, texts.map(characterString))
}

export function hinfo(name: string, ttl: number, cpu: string, os: string): Rr {
  return rr(name, types.HINFO, ttl, [characterString(cpu), characterString(os)])
}

/** A length byte and at most 255 bytes. */
export function characterString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text).subarray(0, 255)
  const all = new Uint8Array(bytes.length + 1)
  all[0] = bytes.length
  all.set(bytes, 1)
  return all
}

/** 16-bit numbers in network order. */
export function shorts(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 2)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of values.entries()) view.setUint16(at * 2, value)
  return bytes
}
