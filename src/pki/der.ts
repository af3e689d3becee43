/** Writes and walks DER (X.690), as far as certificates need it: a certificate is a few hundred bytes of nested values. */

export type Der = Uint8Array

const encoder = new TextEncoder()

export function tagged(tag: number, ...parts: readonly Der[]): Der {
  let size = 0
  for (const part of parts) size += part.length
  const head = [tag, ...lengthBytes(size)]
  const bytes = new Uint8Array(head.length + size)
  bytes.set(head)
  let at = head.length
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function lengthBytes(size: number): number[] {
  if (size < 0x80) return [size]
  if (size < 0x100) return [0x81, size]
  return [0x82, size >> 8, size & 0xff]
}

export const sequence = (...parts: readonly Der[]): Der => tagged(0x30, ...parts)
export const set = (...parts: readonly Der[]): Der => tagged(0x31, ...parts)
export const octets = (bytes: Der): Der => tagged(0x04, bytes)
export const boolean = (value: boolean): Der => tagged(0x01, Uint8Array.of(value ? 0xff : 0))
export const nothing: Der = tagged(0x05)
export const utf8 = (text: string): Der => tagged(0x0c, encoder.encode(text))
/** `bytes` is big-endian and its first bit is 0: a positive number. */
export const integer = (bytes: Der): Der => tagged(0x02, bytes)
export const bits = (bytes: Der, unused = 0): Der => tagged(0x03, Uint8Array.of(unused), bytes)
/** [number] of the context, around whole values. */
export const explicit = (number: number, ...parts: readonly Der[]): Der => tagged(0xa0 | number, ...parts)
/** [number] of the context, in place of a value's own tag. */
export const implicit = (number: number, content: Der): Der => tagged(0x80 | number, content)

/** "2.5.29.17" */
export function oid(text: string): Der {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return tagged(0x06, Uint8Array.from(bytes))
}

/** RFC 5280: UTCTime before 2050, GeneralizedTime from then on. */
export function time(ms: number): Der {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return text < '2050' ? tagged(0x17, encoder.encode(text.slice(2))) : tagged(0x18, encoder.encode(text))
}

export interface Element {
  readonly tag: number
  /** The value with its tag and length. */
  readonly whole: Der
  readonly content: Der
}

/** The values that follow each other in `bytes`. */
export function elements(bytes: Der): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0
    let size = bytes[at + 1] ?? 0
    let from = at + 2
    if (size & 0x80) {
      const count = size & 0x7f
      size = 0
      for (let index = 0; index < count; index++) size = size * 256 + (bytes[from + index] ?? 0)
      from += count
    }
    const end = from + size
    if (end > bytes.length) throw new RangeError('the value is cut')
    found.push({ tag, whole: bytes.subarray(at, end), content: bytes.subarray(from, end) })
    at = end
  }
  return found
}
