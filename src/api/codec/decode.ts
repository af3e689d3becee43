/**
 * From any JSON value to an object as a Go type would read and print it: members of the wrong type are refused, unknown ones
 * dropped (and reported on request), empty ones left out or filled in as encoding/json does, times and quantities spelled
 * canonically. A schema is compiled once to closures; a decode walks the value, never the schema.
 */
import type { JsonValue } from '../object.js'
import { canonicalQuantity } from '../quantity.js'
import type { Field, Scalar, Schema, StructSchema } from '../schema/schema.js'

/** A member has the wrong type. `path` is like "spec.containers[0].image". */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message)
  }
}

/** One decode under way. Paths are only kept when somebody wants to hear of unknown members. */
interface Context {
  readonly unknown?: (path: string) => void
  readonly path: string[]
  readonly tracking: boolean
}

type Decode = (value: unknown, context: Context) => unknown

/** The decoded copy. Throws DecodeError at the first member of a wrong type; calls `unknown` with the path of each unknown one. */
export function decode(schema: StructSchema, value: JsonValue, unknown?: (path: string) => void): Record<string, unknown> {
  const run = structDecoder(schema)
  if (unknown) return run(value, { unknown, path: [], tracking: true }) as Record<string, unknown>
  try {
    return run(value, untracked) as Record<string, unknown>
  } catch (error) {
    // Once more, keeping the path, for the message.
    if (error instanceof DecodeError) run(value, { path: [], tracking: true })
    throw error
  }
}

const untracked: Context = { path: [], tracking: false }
const compiled = new WeakMap<StructSchema, Decode>()

interface Compiled {
  readonly decode: Decode
  /** Whether the decoded value is left out of the result. */
  readonly drop: (value: unknown) => boolean
}

function structDecoder(schema: StructSchema): Decode {
  let run = compiled.get(schema)
  if (run) return run
  let fields: Map<string, Compiled> | undefined
  let always: (readonly [string, () => unknown])[] = []
  run = (value, context) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrongType(context, value, goName(schema))
    if (!fields) {
      fields = new Map(schema.fields.map((field) => [field.name, compileField(field)]))
      always = schema.fields.flatMap((field) => alwaysPresent(field))
    }
    const source = value as Record<string, unknown>
    const result: Record<string, unknown> = {}
    for (const name in source) {
      const field = fields.get(name)
      if (!field) {
        context.unknown?.(pathOf(context, name))
        continue
      }
      if (context.tracking) context.path.push(name)
      // An object of this process may have members that are undefined; JSON has none of them.
      const member = source[name] ?? undefined
      const decoded = member === undefined ? undefined : field.decode(member, context)
      if (context.tracking) context.path.pop()
      if (decoded !== undefined && !field.drop(decoded)) result[name] = decoded
    }
    for (const [name, zero] of always) if (!(name in result)) result[name] = zero()
    return result
  }
  compiled.set(schema, run)
  return run
}

function compileField(field: Field): Compiled {
  return { decode: decoderOf(field.schema), drop: field.omitEmpty && !field.pointer ? emptyTest(field) : never }
}

const never = () => false

/** encoding/json's omitempty: false, 0, "", and a list or map without members. A struct is never empty, unless omitzero says so. */
function emptyTest(field: Field): (value: unknown) => boolean {
  const { schema } = field
  if (schema.kind === 'struct') return field.omitZero ? (value) => Object.keys(value as object).length === 0 : never
  if (schema.kind === 'list') return (value) => (value as unknown[]).length === 0
  if (schema.kind === 'map') return (value) => Object.keys(value as object).length === 0
  if (schema.scalar === 'items') return (value) => (value as unknown[]).length === 0
  // These are structs in Go.
  if (schema.scalar === 'intOrString' || schema.scalar === 'quantity' || schema.scalar === 'raw' || schema.scalar === 'json') return never
  return (value) => value === '' || value === 0 || value === false
}

const structScalars = new Set<Scalar>(['time', 'microTime', 'quantity', 'intOrString'])

/** Members that Go prints although the source does not have them. */
function alwaysPresent(field: Field): (readonly [string, () => unknown])[] {
  const { schema, name } = field
  if (name === '') return []
  if (schema.kind === 'struct' && !field.pointer && !field.omitZero) {
    const make = structDecoder(schema)
    return [[name, () => make({}, untracked)]]
  }
  // A time, quantity or int-or-string is a struct in Go: omitempty does not leave it out.
  const isGoStruct = schema.kind === 'scalar' && structScalars.has(schema.scalar) && !field.pointer
  if (isGoStruct ? field.omitZero : field.omitEmpty || field.omitZero) return []
  if (field.pointer || schema.kind === 'list' || schema.kind === 'map') return [[name, () => null]]
  if (schema.kind === 'struct') return []
  return [[name, zeroOf(schema.scalar)]]
}

function zeroOf(scalar: Scalar): () => unknown {
  switch (scalar) {
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString':
      return () => 0
    case 'bool':
      return () => false
    case 'string':
      return () => ''
    case 'quantity':
      return () => '0'
    default:
      return () => null
  }
}

function decoderOf(schema: Schema): Decode {
  switch (schema.kind) {
    case 'struct':
      return structDecoder(schema)
    case 'list':
      return listDecoder(schema.element)
    case 'map':
      return mapDecoder(schema.element)
    case 'scalar':
      return scalarDecoders[schema.scalar]
  }
}

function listDecoder(elementSchema: Schema): Decode {
  let element: Decode | undefined
  const zero = elementSchema.kind === 'scalar' ? zeroOf(elementSchema.scalar) : undefined
  return (value, context) => {
    if (!Array.isArray(value)) throw wrongType(context, value, '[]')
    element ??= decoderOf(elementSchema)
    const result = new Array<unknown>(value.length)
    for (let i = 0; i < value.length; i++) {
      if (context.tracking) context.path.push(`[${i}]`)
      const item: unknown = value[i]
      // Go reads a null element as the element's zero value.
      result[i] = item === null ? (zero ? zero() : element({}, context)) : element(item, context)
      if (context.tracking) context.path.pop()
    }
    return result
  }
}

function mapDecoder(elementSchema: Schema): Decode {
  let element: Decode | undefined
  const zero = elementSchema.kind === 'scalar' ? zeroOf(elementSchema.scalar) : () => null
  return (value, context) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrongType(context, value, 'map')
    element ??= decoderOf(elementSchema)
    const result: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      if (context.tracking) context.path.push(key)
      const item = (value as Record<string, unknown>)[key]
      setMember(result, key, item === null ? zero() : element(item, context))
      if (context.tracking) context.path.pop()
    }
    return result
  }
}

/** Sets a member whatever its name is: "__proto__" too becomes an own member, never a prototype. */
function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}

const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/
const base64 = /^[A-Za-z0-9+/\r\n]*={0,2}$/

const scalarDecoders: Readonly<Record<Scalar, Decode>> = {
  string: (value, context) => (typeof value === 'string' ? value : fail(context, value, 'string')),
  bool: (value, context) => (typeof value === 'boolean' ? value : fail(context, value, 'bool')),
  int32: (value, context) =>
    Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31 ? value : fail(context, value, 'int32'),
  int64: (value, context) => (Number.isInteger(value) ? value : fail(context, value, 'int64')),
  float64: (value, context) => (typeof value === 'number' ? value : fail(context, value, 'float64')),
  bytes: (value, context) => (typeof value === 'string' && base64.test(value) ? value : fail(context, value, '[]uint8 (base64)')),
  time: (value, context) => {
    if (typeof value !== 'string') throw wrongType(context, value, 'Time')
    if (canonicalTime.test(value)) return value
    // The zero time is written as null.
    return value === '' ? undefined : `${new Date(timeMs(value, context)).toISOString().slice(0, 19)}Z`
  },
  microTime: (value, context) => {
    if (typeof value !== 'string') throw wrongType(context, value, 'MicroTime')
    if (value === '') return undefined
    const fraction = /\.(\d+)/.exec(value)?.[1] ?? ''
    return `${new Date(timeMs(value, context)).toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
  },
  quantity: (value, context) => {
    if (typeof value !== 'string' && typeof value !== 'number') throw wrongType(context, value, 'Quantity')
    try {
      return canonicalQuantity(String(value))
    } catch (error) {
      throw new DecodeError(context.path.join('.'), (error as Error).message)
    }
  },
  intOrString: (value, context) => (typeof value === 'string' || Number.isInteger(value) ? value : fail(context, value, 'int32 or string')),
  raw: (value, context) => (typeof value === 'object' ? value : fail(context, value, 'object')),
  fields: (value, context) => (typeof value === 'object' ? value : fail(context, value, 'object')),
  json: (value) => value,
  schemaOrArray: (value) => value,
  schemaOrBool: (value) => value,
  schemaOrStrings: (value) => value,
  any: (value) => value,
  items: listDecoder({ kind: 'scalar', scalar: 'string' }),
}

function timeMs(text: string, context: Context): number {
  const ms = rfc3339.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new DecodeError(pathOf(context), `parsing time "${text}" as "2006-01-02T15:04:05Z07:00": cannot parse`)
  return ms
}

function fail(context: Context, value: unknown, wanted: string): never {
  throw wrongType(context, value, wanted)
}

function wrongType(context: Context, value: unknown, wanted: string): DecodeError {
  const path = pathOf(context)
  const got = Array.isArray(value)
    ? 'array'
    : value === null
      ? 'null'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'number'
          ? `number ${value}`
          : typeof value
  return new DecodeError(path, `json: cannot unmarshal ${got} into Go ${path === '' ? 'value' : `struct field ${path}`} of type ${wanted}`)
}

function pathOf({ path }: Context, last?: string): string {
  let text = ''
  for (const step of last === undefined ? path : [...path, last]) text += step.startsWith('[') || text === '' ? step : `.${step}`
  return text
}

function goName({ id }: StructSchema): string {
  const parts = id.split('.')
  return parts.slice(-2).join('.')
}
