/**
 * Kubernetes' protobuf: objects in an envelope that names their kind, messages as gogo-proto writes them (fields by number,
 * those that are no pointers always, maps by key). Compiled once from the same schema that JSON uses.
 */
import { ProtoError, ProtoReader, ProtoWriter, wire } from '../../base/protowire.js'
import { apiVersionOf, type JsonValue, parseApiVersion, type UnknownObject } from '../object.js'
import { type Field, kindSchema, type Schema, type StructSchema } from '../schema/schema.js'
import { type ScalarCodec, scalarCodecs } from './protobuf-scalars.js'

export const protobufType = 'application/vnd.kubernetes.protobuf'

/** "k8s" and a zero byte come before every object. */
const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0)

export interface MessageCodec {
  write(writer: ProtoWriter, value: Readonly<Record<string, unknown>>): void
  /** Reads the fields into `into`. */
  read(reader: ProtoReader, into: Record<string, unknown>): void
  readBytes(bytes: Uint8Array): Record<string, unknown>
}

const codecs = new WeakMap<StructSchema, MessageCodec>()
const scalars = scalarCodecs((schema) => messageCodec(schema))

/** The object in an envelope. Throws ProtoError when it is none, or of a kind that is not known. */
export function decodeProtobuf(bytes: Uint8Array): JsonValue {
  for (let i = 0; i < magic.length; i++)
    if (bytes[i] !== magic[i]) throw new ProtoError('provided data does not appear to be a protobuf message, expected prefix "k8s\\0"')
  const reader = new ProtoReader(bytes.subarray(magic.length))
  let raw = new Uint8Array(0)
  const type = { apiVersion: '', kind: '' }
  while (!reader.done) {
    const { field, type: wireType } = reader.tag()
    if (field === 1) readTypeMeta(reader.nested(), type)
    else if (field === 2) raw = new Uint8Array(reader.bytes())
    else reader.skip(wireType)
  }
  const schema = kindSchema({ ...parseApiVersion(type.apiVersion), kind: type.kind })
  if (!schema) throw new ProtoError(`no kind ${JSON.stringify(type.kind)} is registered for version ${JSON.stringify(type.apiVersion)}`)
  return { kind: type.kind, apiVersion: type.apiVersion, ...messageCodec(schema).readBytes(raw) } as JsonValue
}

function readTypeMeta(reader: ProtoReader, type: { apiVersion: string; kind: string }): void {
  while (!reader.done) {
    const { field, type: wireType } = reader.tag()
    if (field === 1) type.apiVersion = reader.string()
    else if (field === 2) type.kind = reader.string()
    else reader.skip(wireType)
  }
}

/** An object in its envelope. Throws when its kind has no protobuf form (custom resources). */
export function encodeProtobuf(
  schema: StructSchema,
  object: Pick<UnknownObject, 'kind' | 'apiVersion'> & Readonly<Record<string, unknown>>,
): Uint8Array {
  const writer = new ProtoWriter()
  writer.tag(1, wire.bytes)
  writer.message(() => {
    writer.tag(1, wire.bytes)
    writer.string(object.apiVersion ?? apiVersionOf({ group: '', version: '' }))
    writer.tag(2, wire.bytes)
    writer.string(object.kind ?? '')
  })
  writer.tag(2, wire.bytes)
  writer.message(() => messageCodec(schema).write(writer, object))
  for (const field of [3, 4]) {
    writer.tag(field, wire.bytes)
    writer.string('')
  }
  const body = writer.finish()
  const whole = new Uint8Array(magic.length + body.length)
  whole.set(magic)
  whole.set(body, magic.length)
  return whole
}

export function messageCodec(schema: StructSchema): MessageCodec {
  let codec = codecs.get(schema)
  if (!codec) codecs.set(schema, (codec = lazily(() => compile(schema.fields, 0))))
  return codec
}

/** Types that hold themselves are compiled when they are first used. */
function lazily(make: () => MessageCodec): MessageCodec {
  let made: MessageCodec | undefined
  const codec = () => (made ??= make())
  return {
    write: (writer, value) => codec().write(writer, value),
    read: (reader, into) => codec().read(reader, into),
    readBytes: (bytes) => codec().readBytes(bytes),
  }
}

interface Part {
  readonly tag: number
  write(writer: ProtoWriter, value: Readonly<Record<string, unknown>>): void
  read(reader: ProtoReader, into: Record<string, unknown>): void
}

/** `depth`: how many steps of the fields' tag paths have been taken already. */
function compile(fields: readonly Field[], depth: number): MessageCodec {
  const parts: Part[] = []
  const inlined = new Map<number, Field[]>()
  for (const field of fields) {
    const tag = field.tag[depth]
    if (tag === undefined) continue
    if (field.tag.length === depth + 1) parts.push(partOf(field, tag))
    else inlined.set(tag, [...(inlined.get(tag) ?? []), field])
  }
  // What Go inlines is a message of its own here, and always there.
  for (const [tag, group] of inlined) parts.push(inlinedPart(tag, compile(group, depth + 1)))
  parts.sort((a, b) => a.tag - b.tag)
  const byTag = new Map(parts.map((part) => [part.tag, part]))
  const codec: MessageCodec = {
    write(writer, value) {
      for (const part of parts) part.write(writer, value)
    },
    read(reader, into) {
      while (!reader.done) {
        const { field, type } = reader.tag()
        const part = byTag.get(field)
        if (part) part.read(reader, into)
        else reader.skip(type)
      }
    },
    readBytes(bytes) {
      const into: Record<string, unknown> = {}
      codec.read(new ProtoReader(bytes), into)
      return into
    },
  }
  return codec
}

function inlinedPart(tag: number, codec: MessageCodec): Part {
  return {
    tag,
    write(writer, value) {
      writer.tag(tag, wire.bytes)
      writer.message(() => codec.write(writer, value))
    },
    read: (reader, into) => codec.read(reader.nested(), into),
  }
}

function partOf({ name, schema, pointer, omitEmpty }: Field, tag: number): Part {
  if (schema.kind === 'list') return listPart(name, tag, elementCodec(schema.element))
  if (schema.kind === 'map') return mapPart(name, tag, elementCodec(schema.element))
  const codec = elementCodec(schema)
  const zero = zeroValue(schema)
  return {
    tag,
    write(writer, value) {
      const member = value[name] ?? (pointer ? undefined : zero)
      if (member === undefined && (pointer || zero === undefined)) return
      writer.tag(tag, codec.wireType)
      codec.write(writer, member)
    },
    read(reader, into) {
      const member = codec.read(reader)
      // A zero time is written as nothing, an absent pointer not at all.
      if (member !== null || !omitEmpty) into[name] = member
    },
  }
}

/** What a field that is no pointer has on the wire when JSON leaves it out; undefined: it is not written. */
function zeroValue(schema: Schema): unknown {
  if (schema.kind === 'struct') return {}
  if (schema.kind !== 'scalar') return undefined
  switch (schema.scalar) {
    case 'string':
      return ''
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString':
      return 0
    case 'bool':
      return false
    case 'time':
    case 'microTime':
    case 'raw':
    case 'json':
    case 'fields':
      return null
    case 'quantity':
      return '0'
    default:
      return undefined
  }
}

function listPart(name: string, tag: number, codec: ScalarCodec): Part {
  return {
    tag,
    write(writer, value) {
      for (const item of (value[name] as readonly unknown[] | null | undefined) ?? []) {
        writer.tag(tag, codec.wireType)
        codec.write(writer, item)
      }
    },
    read(reader, into) {
      const list = (into[name] ??= []) as unknown[]
      list.push(codec.read(reader))
    },
  }
}

/** A map is a list of entries { key: 1, value: 2 }, written in the order of their keys. */
function mapPart(name: string, tag: number, codec: ScalarCodec): Part {
  return {
    tag,
    write(writer, value) {
      const map = (value[name] ?? {}) as Readonly<Record<string, unknown>>
      for (const key of Object.keys(map).sort()) {
        writer.tag(tag, wire.bytes)
        writer.message(() => {
          writer.tag(1, wire.bytes)
          writer.string(key)
          writer.tag(2, codec.wireType)
          codec.write(writer, map[key])
        })
      }
    },
    read(reader, into) {
      const map = (into[name] ??= {}) as Record<string, unknown>
      const entry = reader.nested()
      let key = ''
      let value: unknown
      while (!entry.done) {
        const { field, type } = entry.tag()
        if (field === 1) key = entry.string()
        else if (field === 2) value = codec.read(entry)
        else entry.skip(type)
      }
      Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true })
    },
  }
}

function elementCodec(schema: Schema): ScalarCodec {
  if (schema.kind === 'scalar') return scalars[schema.scalar]
  if (schema.kind !== 'struct') throw new Error('assertion failed: a list of lists has no protobuf form')
  const codec = messageCodec(schema)
  return {
    wireType: wire.bytes,
    write: (writer, value) => writer.message(() => codec.write(writer, value as Record<string, unknown>)),
    read: (reader) => codec.readBytes(reader.bytes()),
  }
}
