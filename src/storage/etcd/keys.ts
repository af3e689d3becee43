/** Keys as etcd takes them: bytes, and ranges by their first and their end key. */
export function keyBytes(text: string): Buffer {
  return Buffer.from(text)
}

/** The first key after this one. */
export function afterKey(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

/** The end of the range of all keys with this prefix; a zero byte stands for "no end", as in etcd. */
export function rangeEnd(prefix: string): Buffer {
  const bytes = Buffer.from(prefix)
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] as number
    if (byte < 0xff) return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte + 1])])
  }
  return Buffer.from([0])
}
