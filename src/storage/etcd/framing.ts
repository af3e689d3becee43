/** gRPC's length-prefixed messages: a flag byte (1: compressed, which neither side asks for), four bytes of length, the message. */
const headBytes = 5

export function frameMessage(bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + bytes.length)
  framed[0] = 0
  framed.writeUInt32BE(bytes.length, 1)
  framed.set(bytes, headBytes)
  return framed
}

/** Puts messages together from chunks as they come. */
export class MessageReader {
  readonly #bytesMax: number
  #held: Buffer[] = []
  #heldBytes = 0
  #wanted = headBytes

  constructor(bytesMax = 2 ** 31) {
    this.#bytesMax = bytesMax
  }

  /** The messages that this chunk completes. Throws for a compressed or too large one. */
  push(chunk: Buffer): Buffer[] {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes < this.#wanted) return []
    let bytes = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held, this.#heldBytes)
    const messages: Buffer[] = []
    this.#wanted = headBytes
    while (bytes.length >= headBytes) {
      if (bytes[0] !== 0) throw new MessageError('compressed messages are not supported')
      const size = bytes.readUInt32BE(1)
      if (size > this.#bytesMax) throw new MessageError(`received message larger than max (${size} vs. ${this.#bytesMax})`)
      if (bytes.length < headBytes + size) {
        this.#wanted = headBytes + size
        break
      }
      messages.push(bytes.subarray(headBytes, headBytes + size))
      bytes = bytes.subarray(headBytes + size)
    }
    this.#held = bytes.length > 0 ? [bytes] : []
    this.#heldBytes = bytes.length
    return messages
  }
}

export class MessageError extends Error {
  override readonly name = 'MessageError'
}
