/** Messages on a stream: two bytes of length before each (RFC 1035, 4.2.2). */

/** Gives whole messages to `message` as chunks of the stream come. Holds one message at most. */
export function unframer(message: (bytes: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (bytes.length >= 2) {
      const length = bytes.readUInt16BE(0)
      if (bytes.length < length + 2) break
      message(bytes.subarray(2, length + 2))
      bytes = bytes.subarray(length + 2)
    }
    // What is kept must not hold a big chunk for the sake of a few bytes.
    rest = Buffer.from(bytes)
  }
}

export function framed(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + 2)
  out.writeUInt16BE(bytes.length, 0)
  out.set(bytes, 2)
  return out
}
