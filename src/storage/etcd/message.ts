/**
 * Protobuf messages as data: a message is its fields (number, type), compiled once to a pair of encode and decode closures. proto3
 * rules: a field at its default is not written, an unknown one is skipped, a missing one reads as its default.
 */
import { type ProtoReader, ProtoReader as Reader, ProtoWriter, wire } from '../../base/protowire.js'

export interface Field<Out, In = Out> {
  readonly number: number
  /** A new default; fields without one read as undefined. */
  initial(): Out
  write(writer: ProtoWriter, value: In): void
  /** `before` is what was read so far: repeated fields append to it. */
  read(reader: ProtoReader, before: Out): Out
}

type AnyFields<F> = { readonly [K in keyof F]: Field<unknown, never> }
type DecodedFields<F> = { -readonly [K in keyof F]: F[K] extends { initial(): infer Out } ? Out : never }
type EncodableFields<F> = { readonly [K in keyof F]?: F[K] extends { write(writer: ProtoWriter, value: infer In): void } ? In : never }

/** What `decode` gives. */
export type Decoded<M> = M extends Message<infer F> ? DecodedFields<F> : never
/** What `encode` takes: every field may be left out. */
export type Encodable<M> = M extends Message<infer F> ? EncodableFields<F> : never

export interface Message<F> {
  encode(value: EncodableFields<F>): Uint8Array
  /** Throws ProtoError for bytes that are no such message. */
  decode(bytes: Uint8Array): DecodedFields<F>
  write(writer: ProtoWriter, value: EncodableFields<F>): void
  read(reader: ProtoReader): DecodedFields<F>
}

export function message<F extends AnyFields<F>>(fields: F): Message<F> {
  type Loose = Record<string, unknown>
  const known = Object.entries(fields) as [string, Field<unknown>][]
  const byNumber: ([string, Field<unknown>] | undefined)[] = []
  for (const entry of known) byNumber[entry[1].number] = entry
  const write = (writer: ProtoWriter, value: Loose) => {
    for (const [name, field] of known) {
      const part = value[name]
      if (part !== undefined) field.write(writer, part)
    }
  }
  const read = (reader: ProtoReader): Loose => {
    const value: Loose = {}
    for (const [name, field] of known) value[name] = field.initial()
    while (!reader.done) {
      const { field: number, type } = reader.tag()
      const entry = byNumber[number]
      if (entry) value[entry[0]] = entry[1].read(reader, value[entry[0]])
      else reader.skip(type)
    }
    return value
  }
  const encode = (value: Loose) => {
    const writer = new ProtoWriter()
    write(writer, value)
    return writer.finish()
  }
  return { encode, write, read, decode: (bytes: Uint8Array) => read(new Reader(bytes)) } as unknown as Message<F>
}

/** Whole numbers that fit 53 bits: revisions, versions, counts, enumerations. */
export function int(number: number): Field<number> {
  return {
    number,
    initial: () => 0,
    write(writer, value) {
      if (value === 0) return
      writer.tag(number, wire.varint)
      writer.varint(value)
    },
    read: (reader) => reader.varint(),
  }
}

export function bool(number: number): Field<boolean> {
  return {
    number,
    initial: () => false,
    write(writer, value) {
      if (!value) return
      writer.tag(number, wire.varint)
      writer.varint(1)
    },
    read: (reader) => reader.varint() !== 0,
  }
}

/** 64-bit identities, as decimal text: JavaScript numbers would lose digits. '0' is none. */
export function id64(number: number, signedness: 'int64' | 'uint64' = 'int64'): Field<string> {
  return {
    number,
    initial: () => '0',
    write(writer, value) {
      if (value === '0' || value === '') return
      writer.tag(number, wire.varint)
      writer.varint64(BigInt(value))
    },
    read: (reader) => String(signedness === 'int64' ? BigInt.asIntN(64, reader.varint64()) : reader.varint64()),
  }
}

const noBytes = new Uint8Array(0)

/** Read as a view into the message: whoever keeps it copies it. */
export function bytes(number: number): Field<Uint8Array> {
  return {
    number,
    initial: () => noBytes,
    write(writer, value) {
      if (value.length === 0) return
      writer.tag(number, wire.bytes)
      writer.bytes(value)
    },
    read: (reader) => reader.bytes(),
  }
}

export function string(number: number): Field<string> {
  return {
    number,
    initial: () => '',
    write(writer, value) {
      if (value === '') return
      writer.tag(number, wire.bytes)
      writer.string(value)
    },
    read: (reader) => reader.string(),
  }
}

export function nested<F>(number: number, of: Message<F>): Field<DecodedFields<F> | undefined, EncodableFields<F> | undefined> {
  return {
    number,
    initial: () => undefined,
    write(writer, value) {
      if (value === undefined) return
      writer.tag(number, wire.bytes)
      writer.message(() => of.write(writer, value))
    },
    read: (reader) => of.read(reader.nested()),
  }
}

export function repeated<F>(number: number, of: Message<F>): Field<DecodedFields<F>[], readonly EncodableFields<F>[]> {
  return {
    number,
    initial: () => [],
    write(writer, values) {
      for (const value of values) {
        writer.tag(number, wire.bytes)
        writer.message(() => of.write(writer, value))
      }
    },
    read(reader, before) {
      before.push(of.read(reader.nested()))
      return before
    },
  }
}

/** A member of a oneof whose message refers to itself (a transaction inside a transaction): kept as bytes, also when empty. */
export function lazily(number: number): Field<Uint8Array | undefined> {
  return {
    number,
    initial: () => undefined,
    write(writer, value) {
      if (value === undefined) return
      writer.tag(number, wire.bytes)
      writer.bytes(value)
    },
    read: (reader) => reader.bytes(),
  }
}

/** Packed whole numbers (an enumeration's list). */
export function packedInts(number: number): Field<number[], readonly number[]> {
  return {
    number,
    initial: () => [],
    write(writer, values) {
      if (values.length === 0) return
      writer.tag(number, wire.bytes)
      writer.message(() => {
        for (const value of values) writer.varint(value)
      })
    },
    read(reader, before) {
      const inner = reader.nested()
      while (!inner.done) before.push(inner.varint())
      return before
    },
  }
}

export function repeatedBytes(number: number): Field<Uint8Array[], readonly Uint8Array[]> {
  return {
    number,
    initial: () => [],
    write(writer, values) {
      for (const value of values) {
        writer.tag(number, wire.bytes)
        writer.bytes(value)
      }
    },
    read(reader, before) {
      before.push(reader.bytes())
      return before
    },
  }
}
