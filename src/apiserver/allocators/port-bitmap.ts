/** A set of ports as one bit each, and its form in the store. Pure. */

export function getBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
}

export function setBit(bits: Uint8Array, index: number, on: boolean): void {
  const byte = bits[index >> 3] ?? 0
  bits[index >> 3] = on ? byte | (1 << (index & 7)) : byte & ~(1 << (index & 7))
}

export function sameBits(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index])
}

/** A core/v1 RangeAllocation, so that `etcdctl get` shows something known. */
export function encode(bits: Uint8Array, { first, last }: { first: number; last: number }): Uint8Array {
  const data = btoa(String.fromCharCode(...bits))
  return new TextEncoder().encode(
    JSON.stringify({ kind: 'RangeAllocation', apiVersion: 'v1', metadata: {}, range: `${first}-${last}`, data }),
  )
}

/** What cannot be read counts as empty: the repair loop fills it from the Services. */
export function decode(value: Uint8Array | undefined, size: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(size / 8))
  if (!value) return bits
  try {
    const { data } = JSON.parse(new TextDecoder().decode(value)) as { data?: string }
    const bytes = Uint8Array.from(atob(data ?? ''), (char) => char.charCodeAt(0))
    bits.set(bytes.subarray(0, bits.length))
  } catch {
    return new Uint8Array(Math.ceil(size / 8))
  }
  return bits
}
