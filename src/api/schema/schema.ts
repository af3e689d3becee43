/**
 * The built-in types, read from the compact data of types.json (format: scripts/generate-api.mjs) one type at a time, on first
 * use. Decoding, protobuf, strategic merge and OpenAPI all walk these schemas; none of them interprets one per request.
 */
import data from './types.json' with { type: 'json' }

export type Schema =
  | StructSchema
  | { readonly kind: 'list'; readonly element: Schema }
  | { readonly kind: 'map'; readonly element: Schema }
  | { readonly kind: 'scalar'; readonly scalar: Scalar }

/** `items` is a string list that is a message of its own on the wire; `any` is any JSON value; the three `schemaOr` are a JSON schema
 * or something else in its place. */
export type Scalar =
  | 'string'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'float64'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  | 'raw'
  | 'json'
  | 'fields'
  | 'any'
  | 'items'
  | 'schemaOrArray'
  | 'schemaOrBool'
  | 'schemaOrStrings'

export interface StructSchema {
  readonly kind: 'struct'
  /** "io.k8s.api.core.v1.Pod" */
  readonly id: string
  /** Of one piece for structured merge, wherever it stands. */
  readonly atomic: boolean
  /** Read on first use, so that types may refer to themselves. */
  readonly fields: readonly Field[]
  readonly byName: ReadonlyMap<string, Field>
}

export interface Field {
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
  /** Left out of JSON when it has Go's zero value and is no pointer. */
  readonly omitEmpty: boolean
  /** Also left out when it is a struct whose every member is zero (Go's omitzero). */
  readonly omitZero: boolean
  /** A pointer: absent and zero are different values. */
  readonly pointer: boolean
  /** The field's number on the wire; a path where Go inlines a struct. Empty: JSON only. */
  readonly tag: readonly number[]
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly mapKeys?: readonly string[]
  readonly mapType?: 'atomic' | 'granular'
  readonly patchStrategy?: string
  readonly mergeKey?: string
}

interface Extras {
  d?: unknown
  e?: string[]
  lt?: Field['listType']
  lk?: string[]
  mt?: Field['mapType']
  ps?: string
  pk?: string
}

const packages: readonly string[] = data.packages
const rowsByType = data.types as Readonly<Record<string, string>>
const typeByKind = data.kinds as Readonly<Record<string, string>>
const metaPackage = packages.indexOf('io.k8s.apimachinery.pkg.apis.meta.v1')

/** Types whose JSON is not an object with fields. */
const scalars: Readonly<Record<string, Scalar>> = {
  Time: 'time',
  MicroTime: 'microTime',
  Quantity: 'quantity',
  IntOrString: 'intOrString',
  RawExtension: 'raw',
  FieldsV1: 'fields',
  JSON: 'json',
  ExtraValue: 'items',
  Verbs: 'items',
  JSONSchemaPropsOrArray: 'schemaOrArray',
  JSONSchemaPropsOrBool: 'schemaOrBool',
  JSONSchemaPropsOrStringArray: 'schemaOrStrings',
}
const structs = new Map<string, StructSchema>()

/** The schema of a kind that the API serves, or of one of meta/v1's kinds that every group-version has (DeleteOptions, Status ...). */
export function kindSchema(of: { group: string; version: string; kind: string }): StructSchema | undefined {
  const short = typeByKind[`${of.group}/${of.version}/${of.kind}`]
  if (short !== undefined) return structOf(short)
  return metaKinds.has(of.kind) ? structOf(`${metaPackage}.${of.kind}`) : undefined
}

/** Kinds of meta/v1 that may come with any apiVersion. */
const metaKinds = new Set([
  'DeleteOptions',
  'ObjectMeta',
  'ListMeta',
  'CreateOptions',
  'UpdateOptions',
  'PatchOptions',
  'ListOptions',
  'GetOptions',
  'Status',
  'WatchEvent',
  'PartialObjectMetadata',
  'PartialObjectMetadataList',
  'Table',
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
])

/** The schema of a type by its full id. Throws when there is none. */
export function typeSchema(id: string): StructSchema {
  const dot = id.lastIndexOf('.')
  return structOf(`${packages.indexOf(id.slice(0, dot))}.${id.slice(dot + 1)}`)
}

function structOf(short: string): StructSchema {
  let struct = structs.get(short)
  if (!struct) structs.set(short, (struct = makeStruct(short)))
  return struct
}

function makeStruct(short: string): StructSchema {
  const rows = rowsByType[short]
  if (rows === undefined) throw new Error(`no type ${short} in types.json`)
  const dot = short.indexOf('.')
  let fields: Field[] | undefined
  let byName: Map<string, Field> | undefined
  return {
    kind: 'struct',
    id: `${packages[Number(short.slice(0, dot))]}.${short.slice(dot + 1)}`,
    atomic: rows.startsWith('@atomic'),
    get fields() {
      fields ??= rows
        .split('\n')
        .filter((row) => row !== '' && !row.startsWith('@'))
        .map(fieldOf)
      return fields
    },
    get byName() {
      byName ??= new Map(this.fields.map((field) => [field.name, field]))
      return byName
    },
  }
}

function fieldOf(row: string): Field {
  const [name = '', type = '', flags = '', tag = '', ...rest] = row.split(' ')
  const extras: Extras = rest.length > 0 ? (JSON.parse(rest.join(' ')) as Extras) : {}
  return {
    name,
    schema: schemaOf(type),
    required: flags.includes('r'),
    omitEmpty: flags.includes('o'),
    omitZero: flags.includes('z'),
    pointer: flags.includes('p'),
    tag: tag === '' ? [] : tag.split('.').map(Number),
    ...(extras.d === undefined ? {} : { default: extras.d }),
    ...(extras.e ? { enum: extras.e } : {}),
    ...(extras.lt ? { listType: extras.lt } : {}),
    ...(extras.lk ? { mapKeys: extras.lk } : {}),
    ...(extras.mt ? { mapType: extras.mt } : {}),
    ...(extras.ps ? { patchStrategy: extras.ps } : {}),
    ...(extras.pk ? { mergeKey: extras.pk } : {}),
  }
}

function schemaOf(type: string): Schema {
  if (type.startsWith('[]')) return { kind: 'list', element: schemaOf(type.slice(2)) }
  if (type.startsWith('map:')) return { kind: 'map', element: schemaOf(type.slice(4)) }
  const dot = type.indexOf('.')
  if (dot < 0) return { kind: 'scalar', scalar: type as Scalar }
  const scalar = scalars[type.slice(dot + 1)]
  return scalar ? { kind: 'scalar', scalar } : structOf(type)
}
