/** What can be done with the objects of a kind, without knowing the kind: decode, default. Compiled on first use. */
import { decode } from './codec/decode.js'
import { defaulterOf } from './defaulting/defaulting.js'
import type { GroupVersionKind, JsonValue, UnknownObject } from './object.js'
import type { Fault } from './status.js'
import { kindSchema, type StructSchema } from './schema/schema.js'
import { type ShapeValidator, shapeValidatorOf } from './validation/shape.js'

export interface KindCodec {
  readonly of: GroupVersionKind
  readonly schema: StructSchema
  /** A copy as the kind's Go type would read and print it. Throws DecodeError; reports unknown members by path when asked. */
  decode(value: JsonValue, unknown?: (path: string) => void): UnknownObject
  /** Fills in what the API defaults, in place. */
  applyDefaults(object: UnknownObject): void
  /** What is missing or is none of the words that it may be. Absent for kinds that have such rules of their own. */
  validateShape?(object: UnknownObject, old: UnknownObject | undefined): Fault[]
}

/** Definitions of custom resources are judged as a whole, by the API server. */
const judgedElsewhere = new Set(['apiextensions.k8s.io'])

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
  let validator: ShapeValidator | undefined
  return {
    of,
    schema,
    decode: (value, unknown) => decode(schema, value, unknown) as unknown as UnknownObject,
    applyDefaults: (object) => applyDefaults(object),
    ...(judgedElsewhere.has(of.group) ? {} : { validateShape: (object, old) => (validator ??= shapeValidatorOf(schema))(object, old) }),
  }
}
