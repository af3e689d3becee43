/**
 * OpenAPI schemas as CEL types (KEP-2876 "Type system integration"): what expressions see of a value, how it is read, and how large
 * it can be, which is what costs are estimated from.
 */
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { additionalOf, itemsOf, propertiesOf } from '../../structural/members.js'
import { parseLongDuration, parseTimestamp } from '../time.js'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  stringType,
  timestampType,
  type Type,
} from '../types.js'
import { CelDouble, CelError, type CelValue } from '../values.js'
import type { Range } from '../cost.js'
import { escapeName } from './escape.js'
import {
  type Adapter,
  dynamicValue,
  type JsonField,
  JsonList,
  JsonMap,
  JsonMapList,
  JsonObject,
  type JsonObjectType,
  JsonSet,
  numberValue,
} from './json-values.js'

export interface SchemaType {
  readonly type: Type
  readonly adapt: Adapter
  /** Of the shortest JSON of such a value. */
  readonly minBytes: number
  /** How long a text, how many elements a list or map can be; 0 where nothing is counted. */
  readonly maxElements: number
  /** Of a list's elements or a map's values. */
  readonly element?: SchemaType
  /** By the name in JSON. */
  readonly members?: ReadonlyMap<string, SchemaType>
}

/** No request is larger. */
export const requestBytesMax = 3 * 1024 * 1024
const minText = 2

/** `root`: apiVersion, kind and the name are there without being told, as in an embedded resource. undefined: expressions do not see it. */
export function schemaType(schema: JSONSchemaProps, name: string, root = false): SchemaType | undefined {
  const found = plainType(root || schema['x-kubernetes-embedded-resource'] === true ? withTypeMembers(schema) : schema, name)
  if (!found) return undefined
  const { adapt } = found
  const missing = new CelError('invalid data, got null for schema with nullable=false')
  return { ...found, adapt: (raw) => (raw === null || raw === undefined ? (schema.nullable ? null : missing) : adapt(raw)) }
}

function plainType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const { maxLength } = schema
  if (schema['x-kubernetes-int-or-string'])
    return {
      type: dynType,
      adapt: intOrStringValue,
      minBytes: 1,
      maxElements: maxLength === undefined ? requestBytesMax - 2 : bytesOf(maxLength),
    }
  switch (schema.type) {
    case 'array':
      return listType(schema, name)
    case 'object':
      return additionalOf(schema) && schema.additionalProperties !== true ? mapType(schema, name) : objectTypeOf(schema, name)
    case 'string':
      return textType(schema)
    case 'boolean':
      return { type: boolType, adapt: only('boolean'), minBytes: 4, maxElements: 0 }
    case 'number':
      return { type: doubleType, adapt: doubleValue, minBytes: 1, maxElements: 0 }
    case 'integer':
      return { type: intType, adapt: intValue, minBytes: 1, maxElements: 0 }
    default:
      return undefined
  }
}

/** A character is up to four bytes. */
const bytesOf = (characters: number) => Math.max(0, characters) * 4

const mismatch = (raw: unknown, wanted: string) =>
  new CelError(`invalid data, expected ${wanted}, got ${Array.isArray(raw) ? 'array' : typeof raw}`)
const only =
  (type: 'boolean' | 'string'): Adapter =>
  (raw) =>
    typeof raw === type ? (raw as string | boolean) : mismatch(raw, type)

/** As a double, which a body's numbers are, the largest int is the next larger power of two. */
const intMax = 2n ** 63n - 1n

function intValue(raw: unknown): CelValue {
  if (raw === 2 ** 63) return intMax
  return typeof raw === 'bigint' || Number.isInteger(raw) ? numberValue(raw as number) : mismatch(raw, 'integer')
}

function intOrStringValue(raw: unknown): CelValue {
  if (typeof raw === 'string' || typeof raw === 'bigint' || Number.isInteger(raw)) return dynamicValue(raw)
  return new CelError('invalid data, expected XIntOrString value to be either a string or integer')
}

function doubleValue(raw: unknown): CelValue {
  return typeof raw === 'number' || typeof raw === 'bigint' ? new CelDouble(Number(raw)) : mismatch(raw, 'number')
}

const parsed =
  (parse: (text: string) => CelValue, format: string): Adapter =>
  (raw) =>
    typeof raw === 'string' ? parse(raw) : mismatch(raw, format)

function bytesValue(text: string): CelValue {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return new CelError('invalid data, expected base64')
  }
}

const times: Readonly<Record<string, SchemaType>> = {
  duration: { type: durationType, adapt: parsed(parseLongDuration, 'duration'), minBytes: 3, maxElements: 32 },
  date: { type: timestampType, adapt: parsed((text) => parseTimestamp(`${text}T00:00:00Z`), 'date'), minBytes: 12, maxElements: 12 },
  'date-time': { type: timestampType, adapt: parsed(parseTimestamp, 'date-time'), minBytes: 21, maxElements: 32 },
}

function textType({ format = '', maxLength, enum: values }: JSONSchemaProps): SchemaType {
  if (Object.hasOwn(times, format)) return times[format] as SchemaType
  if (format === 'byte') {
    const maxElements = maxLength === undefined ? requestBytesMax - 2 : Math.max(0, maxLength)
    return { type: bytesType, adapt: parsed(bytesValue, 'byte'), minBytes: minText, maxElements }
  }
  const longest = values?.length
    ? Math.max(0, ...values.map((value) => (typeof value === 'string' ? value.length : 0)))
    : requestBytesMax - 2
  return { type: stringType, adapt: only('string'), minBytes: minText, maxElements: maxLength === undefined ? longest : bytesOf(maxLength) }
}

function listType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const items = itemsOf(schema)
  const element = items && schemaType(items, `${name}.@idx`)
  if (!element) return undefined
  const { adapt } = element
  const kind = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const make = (raw: readonly unknown[]) => {
    if (kind === 'set') return new JsonSet(raw, adapt)
    return kind === 'map' && keys.length > 0 ? new JsonMapList(raw, adapt, keys) : new JsonList(raw, adapt)
  }
  return {
    type: listOf(element.type),
    adapt: (raw) => (Array.isArray(raw) ? make(raw) : mismatch(raw, 'array')),
    minBytes: 2,
    maxElements: schema.maxItems === undefined ? Math.floor((requestBytesMax - 2) / (element.minBytes + 1)) : Math.max(0, schema.maxItems),
    element,
  }
}

const isObject = (raw: unknown): raw is Record<string, unknown> => typeof raw === 'object' && raw !== null && !Array.isArray(raw)

function mapType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const additional = additionalOf(schema)
  const element = additional && schemaType(additional, `${name}.@elem`)
  if (!element) return undefined
  return {
    type: mapOf(stringType, element.type),
    adapt: (raw) => (isObject(raw) ? new JsonMap(raw, element.adapt) : mismatch(raw, 'map')),
    minBytes: 2,
    // A key and its quotes, the colon and a comma.
    maxElements:
      schema.maxProperties === undefined ? Math.floor((requestBytesMax - 2) / (element.minBytes + 6)) : Math.max(0, schema.maxProperties),
    element,
  }
}

function objectTypeOf(schema: JSONSchemaProps, name: string): SchemaType {
  const required = new Set(schema.required ?? [])
  const fields = new Map<string, JsonField>()
  const members = new Map<string, SchemaType>()
  let minBytes = 2
  for (const [member, memberSchema] of propertiesOf(schema)) {
    const found = schemaType(memberSchema, `${name}.${member}`)
    if (!found) continue
    const escaped = escapeName(member)
    if (escaped !== undefined) {
      members.set(member, found)
      fields.set(escaped, { type: found.type, name: member, adapt: found.adapt })
    }
    // What has a default need not be sent.
    if (required.has(member) && memberSchema.default === undefined) minBytes += member.length + found.minBytes + 4
  }
  const type: JsonObjectType = { kind: 'object', name, fields }
  return {
    type,
    adapt: (raw) => (isObject(raw) ? new JsonObject(type, raw) : mismatch(raw, 'object')),
    minBytes,
    maxElements: 0,
    members,
  }
}

const text: JSONSchemaProps = { type: 'string' }
const typeMembers = { apiVersion: text, kind: text, metadata: { type: 'object', properties: { name: text, generateName: text } } }

function withTypeMembers(schema: JSONSchemaProps): JSONSchemaProps {
  return { ...schema, properties: { ...schema.properties, ...typeMembers } as NonNullable<JSONSchemaProps['properties']> }
}

/** What a schema says of the size of what lies at a path below its root. */
export function sizeHint(root: SchemaType): (path: readonly string[]) => Range | undefined {
  return (path) => {
    let at: SchemaType | undefined = root
    for (const step of path.slice(1)) {
      if (step === '@items' || step === '@values') at = at.element
      else if (step === '@keys') at = keysOf(at)
      else at = memberOf(at, step)
      if (!at) return undefined
    }
    return { min: 0, max: at.maxElements }
  }
}

function memberOf({ type, members }: SchemaType, field: string): SchemaType | undefined {
  if (type.kind !== 'object') return undefined
  const name = (type as JsonObjectType).fields.get(field)?.name
  return name === undefined ? undefined : members?.get(name)
}

/** Of keys nothing is known but that they are texts. */
function keysOf({ type }: SchemaType): SchemaType | undefined {
  return type.kind === 'map' ? { type: stringType, adapt: only('string'), minBytes: minText, maxElements: 0 } : undefined
}
