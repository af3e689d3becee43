/** What can be done with the objects of a kind, without knowing the kind: decode, default. Compiled on first use. */
import { decode } from './codec/decode.js'
import { defaulterOf } from './defaulting/defaulting.js'
import type { GroupVersionKind, JsonValue, UnknownObject } from './object.js'
import { kindSchema, type StructSchema } from './schema/schema.js'

export interface KindCodec {
  readonly of: GroupVersionKind
  readonly schema: StructSchema
  /** A copy as the kind's Go type would read and print it. Throws DecodeError; reports unknown members by path when asked. */
  decode(value: JsonValue, unknown?: (path: string) => void): UnknownObject
  /** Fills in what the API defaults, in place. */
  applyDefaults(object: UnknownObject): void
}

const codecs = new Map<string, KindCodec | undefined>()

/** The codec of a built-in kind; undefined for kinds that the API does not know. */
export function kindCodec(of: GroupVersionKind): KindCodec | undefined {
  const key = `${of.group}/${of.version}/${of.kind}`
  if (!codecs.has(key)) codecs.set(key, makeCodec(of))
  return codecs.get(key)
}

function makeCodec(of: GroupVersionKind): KindCodec | undefined {
  const schema = kindSchema(of)
  if (!schema) return undefined
  const applyDefaults = defaulterOf(of)
  return {
    of,
    schema,
    decode: (value, unknown) => decode(schema, value, unknown) as unknown as UnknownObject,
    applyDefaults: (object) => applyDefaults(object),
  }
}
