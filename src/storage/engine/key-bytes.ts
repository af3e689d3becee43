/**
 * Keys inside the engine are byte strings: each character is one byte of the key's UTF-8 form (0-255), so that JavaScript's own
 * `<` is etcd's bytewise order and a key that is not UTF-8 (etcd allows any bytes) survives. An ASCII key is its own byte string.
 */
const asciiOnly = /^[\0-\x7f]*$/
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** True when the key is the same in both forms. */
export function isAscii(key: string): boolean {
  return asciiOnly.test(key)
}

/** The byte string of a key given as text. */
export function keyBytesOf(key: string): string {
  return asciiOnly.test(key) ? key : byteString(encoder.encode(key))
}

/** The text of a byte string. */
export function keyTextOf(keyBytes: string): string {
  if (asciiOnly.test(keyBytes)) return keyBytes
  return decoder.decode(Uint8Array.from(keyBytes, (char) => char.charCodeAt(0)))
}

/** The byte string of raw bytes. */
export function byteString(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** The first byte string after every one that starts with `prefix`; undefined when there is none (all keys are below it). */
export function prefixEnd(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const code = prefix.charCodeAt(at)
    if (code < 0xff) return prefix.slice(0, at) + String.fromCharCode(code + 1)
  }
  return undefined
}

/** Keys from `start` up to, not including, `end`; without `end`: every key from `start` on. */
export interface KeyRange {
  readonly start: string
  readonly end?: string
}

export function prefixRange(prefix: string): KeyRange {
  const end = prefixEnd(prefix)
  return end === undefined ? { start: prefix } : { start: prefix, end }
}

/** The range that holds this key alone. */
export function singleKey(key: string): KeyRange {
  return { start: key, end: `${key}\0` }
}

export function inRange(range: KeyRange, key: string): boolean {
  return key >= range.start && (range.end === undefined || key < range.end)
}
