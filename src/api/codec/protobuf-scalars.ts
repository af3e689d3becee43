/** How each scalar of the schema lies on the wire. */
import { type ProtoReader, ProtoWriter, wire } from '../../base/protowire.js'
import { typeSchema, type Scalar } from '../schema/schema.js'
import type { MessageCodec } from './protobuf.js'

export interface ScalarCodec {
  readonly wireType: number
  write(writer: ProtoWriter, value: unknown): void
  read(reader: ProtoReader): unknown
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const nanosPerMs = 1_000_000

const string: ScalarCodec = {
  wireType: wire.bytes,
  write: (writer, value) => writer.string(value as string),
  read: (reader) => reader.string(),
}
const integer: ScalarCodec = {
  wireType: wire.varint,
  write: (writer, value) => writer.varint(value as number),
  read: (reader) => reader.varint(),
}
const boolean: ScalarCodec = {
  wireType: wire.varint,
  write: (writer, value) => writer.varint(value ? 1 : 0),
  read: (reader) => reader.varint() !== 0,
}
const double: ScalarCodec = {
  wireType: wire.fixed64,
  write: (writer, value) => writer.double(value as number),
  read: (reader) => reader.double(),
}

/** JSON text in a message of one bytes field (RawExtension, JSON, FieldsV1). */
const embedded: ScalarCodec = {
  wireType: wire.bytes,
  write(writer, value) {
    writer.message(() => {
      if (value === null || value === undefined) return
      writer.tag(1, wire.bytes)
      writer.bytes(encoder.encode(JSON.stringify(value)))
    })
  },
  read: (reader) => {
    const [raw] = fieldsOf(reader)
    return raw === undefined ? null : (JSON.parse(decoder.decode(raw as Uint8Array)) as unknown)
  },
}

/** Seconds and nanoseconds since 1970; the zero time is an empty message. */
const time = (precise: boolean): ScalarCodec => ({
  wireType: wire.bytes,
  write(writer, value) {
    writer.message(() => {
      if (typeof value !== 'string') return
      const ms = Date.parse(value)
      const micros = precise ? Number((/\.(\d{1,6})/.exec(value)?.[1] ?? '').padEnd(6, '0')) : 0
      writer.tag(1, wire.varint)
      writer.varint(Math.floor(ms / 1000))
      writer.tag(2, wire.varint)
      writer.varint(micros * 1000)
    })
  },
  read(reader) {
    const [seconds, nanos = 0] = fieldsOf(reader) as (number | undefined)[]
    if (seconds === undefined) return null
    const text = new Date(seconds * 1000).toISOString().slice(0, 19)
    return precise ? `${text}.${String(Math.floor(nanos / (nanosPerMs / 1000))).padStart(6, '0')}Z` : `${text}Z`
  },
})

const intOrString: ScalarCodec = {
  wireType: wire.bytes,
  write(writer, value) {
    writer.message(() => {
      const isText = typeof value === 'string'
      writer.tag(1, wire.varint)
      writer.varint(isText ? 1 : 0)
      writer.tag(2, wire.varint)
      writer.varint(isText ? 0 : (value as number))
      writer.tag(3, wire.bytes)
      writer.string(isText ? value : '')
    })
  },
  read(reader) {
    const [type = 0, number = 0, text = new Uint8Array(0)] = fieldsOf(reader) as [number?, number?, Uint8Array?]
    return type === 1 ? decoder.decode(text) : number
  },
}

const quantity: ScalarCodec = {
  wireType: wire.bytes,
  write(writer, value) {
    writer.message(() => {
      writer.tag(1, wire.bytes)
      writer.string(String(value))
    })
  },
  read: (reader) => decoder.decode((fieldsOf(reader)[0] as Uint8Array | undefined) ?? new Uint8Array(0)) || '0',
}

const items: ScalarCodec = {
  wireType: wire.bytes,
  write(writer, value) {
    writer.message(() => {
      for (const item of value as string[]) {
        writer.tag(1, wire.bytes)
        writer.string(item)
      }
    })
  },
  read(reader) {
    const list: string[] = []
    eachField(reader, (_, value) => list.push(decoder.decode(value as Uint8Array)))
    return list
  },
}

const bytes: ScalarCodec = {
  wireType: wire.bytes,
  write: (writer, value) => writer.bytes(Uint8Array.from(atob(value as string), (char) => char.charCodeAt(0))),
  read: (reader) => btoa(Array.from(reader.bytes(), (byte) => String.fromCharCode(byte)).join('')),
}

/** A schema, or something else in its place: field `schema` holds the one, field `other` the other. */
function schemaOr(
  codec: (id: string) => MessageCodec,
  schemaField: number,
  otherField: number,
  other: 'bool' | 'schemas' | 'strings',
): ScalarCodec {
  const props = () => codec('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps')
  const writeOther = (writer: ProtoWriter, value: unknown) => {
    const list = Array.isArray(value) ? (value as unknown[]) : [value]
    for (const item of list) {
      writer.tag(otherField, other === 'bool' ? wire.varint : wire.bytes)
      if (other === 'bool') writer.varint(item ? 1 : 0)
      else if (other === 'strings') writer.string(item as string)
      else writer.message(() => props().write(writer, item as Record<string, unknown>))
    }
  }
  return {
    wireType: wire.bytes,
    write(writer, value) {
      writer.message(() => {
        const isSchema = typeof value === 'object' && !Array.isArray(value)
        if (other === 'bool') writeOther(writer, isSchema || value === true)
        if (isSchema) {
          writer.tag(schemaField, wire.bytes)
          writer.message(() => props().write(writer, value as Record<string, unknown>))
        } else if (other !== 'bool') writeOther(writer, value)
      })
    },
    read(reader) {
      let schema: unknown
      let flag = false
      const list: unknown[] = []
      eachField(reader, (field, value) => {
        if (field === schemaField) schema = props().readBytes(value as Uint8Array)
        else if (other === 'bool') flag = value !== 0
        else list.push(other === 'strings' ? decoder.decode(value as Uint8Array) : props().readBytes(value as Uint8Array))
      })
      return schema ?? (other === 'bool' ? flag : list)
    },
  }
}

export function scalarCodecs(codec: (schema: ReturnType<typeof typeSchema>) => MessageCodec): Readonly<Record<Scalar, ScalarCodec>> {
  const byId = (id: string) => codec(typeSchema(id))
  return {
    ...{ string, int32: integer, int64: integer, bool: boolean, float64: double, bytes, quantity, intOrString, items },
    ...{ time: time(false), microTime: time(true), raw: embedded, json: embedded, fields: embedded, any: embedded },
    schemaOrArray: schemaOr(byId, 1, 2, 'schemas'),
    schemaOrBool: schemaOr(byId, 2, 1, 'bool'),
    schemaOrStrings: schemaOr(byId, 1, 2, 'strings'),
  }
}

/** The values of a small message's fields 1, 2, 3 ... */
function fieldsOf(reader: ProtoReader): unknown[] {
  const values: unknown[] = []
  eachField(reader, (field, value) => {
    values[field - 1] = value
  })
  return values
}

function eachField(reader: ProtoReader, visit: (field: number, value: unknown) => void): void {
  const inner = reader.nested()
  while (!inner.done) {
    const { field, type } = inner.tag()
    if (type === wire.varint) visit(field, inner.varint())
    else if (type === wire.bytes) visit(field, inner.bytes())
    else inner.skip(type)
  }
}
