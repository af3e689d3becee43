/** The protobuf wire format: varints, lengths, fixed 64 bits. Knows nothing of messages. */
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Writes forwards into a buffer that grows. Nested messages are written by `message`, which puts their length before them. */
export class ProtoWriter {
  #bytes = new Uint8Array(1024)
  #at = 0

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type)
  }

  /** Whole numbers; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    this.#reserve(10)
    if (value >= 0 && value <= 0x7fffffff) {
      let rest = value
      while (rest > 0x7f) {
        this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      this.#bytes[this.#at++] = rest
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#at++] = Number(rest)
  }

  /** All 64 bits: identities beyond what a number holds. */
  varint64(value: bigint): void {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#at++] = Number(rest)
  }

  double(value: number): void {
    this.#reserve(8)
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true)
    this.#at += 8
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  string(value: string): void {
    this.bytes(encoder.encode(value))
  }

  message(write: () => void): void {
    const start = this.#at
    write()
    const length = this.#at - start
    let head = 1
    for (let rest = length; rest > 0x7f; rest >>>= 7) head++
    this.#reserve(head)
    this.#bytes.copyWithin(start + head, start, this.#at)
    this.#at = start
    this.varint(length)
    this.#at = start + head + length
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/** Thrown for bytes that are no protobuf. */
export class ProtoError extends Error {
  override readonly name = 'ProtoError'
}

export class ProtoReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** The next field's number and wire type. */
  tag(): { field: number; type: number } {
    const value = this.varint()
    const field = Math.floor(value / 8)
    if (field === 0) throw new ProtoError('proto: illegal tag 0')
    return { field, type: value % 8 }
  }

  /** As a signed number; beyond 53 bits digits are lost. */
  varint(): number {
    let low = 0
    let shift = 0
    for (; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low >>> 0
    }
    let value = BigInt(low >>> 0)
    for (; shift < 70; shift += 7) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << BigInt(shift)
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw new ProtoError('proto: integer overflow')
  }

  /** All 64 bits, unsigned. */
  varint64(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new ProtoError('proto: integer overflow')
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw new ProtoError('unexpected EOF')
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  /** A view into the source. */
  bytes(): Uint8Array {
    const length = this.varint()
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new ProtoError('unexpected EOF')
    const view = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return view
  }

  string(): string {
    return decoder.decode(this.bytes())
  }

  /** A reader of the message that comes next. */
  nested(): ProtoReader {
    return new ProtoReader(this.bytes())
  }

  skip(type: number): void {
    if (type === wire.varint) this.varint()
    else if (type === wire.bytes) this.bytes()
    else if (type === wire.fixed64) this.#at += 8
    else if (type === wire.fixed32) this.#at += 4
    else throw new ProtoError(`proto: illegal wireType ${type}`)
    if (this.#at > this.#bytes.length) throw new ProtoError('unexpected EOF')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new ProtoError('unexpected EOF')
    return byte
  }
}
