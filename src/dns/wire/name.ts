/**
 * Names as presentation text: absolute ("a.b."), the root ".", bytes that would mislead escaped as RFC 1035 says (\. \\ \DDD).
 * Comparison is of `keyOfName`: ASCII letters without case.
 */

/** A message that does not follow RFC 1035. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

export const nameBytesMax = 255
const labelBytesMax = 63

export function keyOfName(name: string): string {
  return name.toLowerCase()
}

/** The name ends with a dot from now on. */
export function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}

/** Whether `key` is `zone` or below it; both as keys. */
export function isWithin(key: string, zone: string): boolean {
  if (zone === '.') return true
  if (!key.endsWith(zone)) return false
  return key.length === zone.length || key.charCodeAt(key.length - zone.length - 1) === 46
}

/** The longest of `zones` that holds `key`. */
export function zoneOf(zones: readonly string[], key: string): string | undefined {
  let best: string | undefined
  for (const zone of zones) if (isWithin(key, zone) && (best === undefined || zone.length > best.length)) best = zone
  return best
}

/** The bytes of one label as text. */
export function labelText(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (byte === 46 || byte === 92) text += `\\${String.fromCharCode(byte)}`
    else if (byte <= 32 || byte >= 127) text += `\\${String(byte).padStart(3, '0')}`
    else text += String.fromCharCode(byte)
  }
  return text
}

/** The labels of a name as bytes; undefined when it is no name. */
export function labelsOf(name: string): Uint8Array[] | undefined {
  if (name === '.') return []
  const labels: Uint8Array[] = []
  let label: number[] = []
  let total = 1
  const end = () => {
    if (label.length === 0 || label.length > labelBytesMax) return false
    labels.push(Uint8Array.from(label))
    total += label.length + 1
    label = []
    return total <= nameBytesMax
  }
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code === 46) {
      if (!end()) return undefined
    } else if (code === 92) {
      const digits = /^\d{3}/.exec(name.slice(at + 1))?.[0]
      if (digits !== undefined && Number(digits) > 255) return undefined
      if (digits === undefined && at + 1 >= name.length) return undefined
      label.push(digits === undefined ? name.charCodeAt(at + 1) : Number(digits))
      at += digits === undefined ? 1 : 3
    } else if (code > 255) return undefined
    else label.push(code)
  }
  return label.length === 0 || end() ? labels : undefined
}

export function isName(name: string): boolean {
  return name !== '' && labelsOf(name) !== undefined
}
