/**
 * How objects of a kind fall into fields that can be owned one by one (KEP-555, structured merge): which maps and lists are of one
 * piece, and what tells the items of the others apart. Built-in kinds have it from their schema, custom ones from theirs. Each type
 * is made once, on first use; walks over objects never look at a schema.
 */
import type { Field, Scalar, Schema, StructSchema } from '../schema/schema.js'
import { typeSchema } from '../schema/schema.js'
import { additionalOf, itemsOf, propertiesOf } from '../structural/members.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'

/** What a value may be, and how it falls apart when it is that. A value of which nothing is known may be all three. */
export interface MergeType {
  readonly scalar?: ScalarType | undefined
  readonly list?: ListType | undefined
  readonly map?: MapType | undefined
}

export type ScalarType = 'string' | 'number' | 'boolean' | 'any'

export interface ListType {
  /** 'set': scalars that are there once; 'keyed': objects told apart by members. */
  readonly relation: 'atomic' | 'set' | 'keyed'
  item(): MergeType
  /** In the order of their names. */
  readonly keys: readonly MergeKey[]
}

export interface MapType {
  readonly isAtomic: boolean
  /** The type of a member that the schema names. */
  declared(name: string): MergeType | undefined
  /** The type of all other members; undefined: there may be none. */
  others(): MergeType | undefined
}

export interface MergeKey {
  readonly name: string
  /** What an item without the key has. */
  readonly default: unknown
}

const none = () => undefined
const untypedType: MergeType = {
  scalar: 'any',
  list: { relation: 'atomic', item: () => untypedType, keys: [] },
  map: { isAtomic: true, declared: none, others: () => untypedType },
}
/** Any value, of one piece. */
const untyped = untypedType

const deducedType: MergeType = {
  scalar: 'any',
  list: { relation: 'atomic', item: () => untyped, keys: [] },
  map: { isAtomic: false, declared: none, others: () => deducedType },
}
/** Nothing is known: maps fall into their members, lists are of one piece. */
export const deduced = deducedType

const scalarTypes: Readonly<Record<ScalarType, MergeType>> = {
  string: { scalar: 'string' },
  number: { scalar: 'number' },
  boolean: { scalar: 'boolean' },
  any: { scalar: 'any' },
}

const structs = new WeakMap<StructSchema, MergeType>()

export function mergeTypeOf(struct: StructSchema): MergeType {
  let type = structs.get(struct)
  if (!type) structs.set(struct, (type = { map: structMap(struct, struct.atomic) }))
  return type
}

function structMap(struct: StructSchema, isAtomic: boolean): MapType {
  const members = new Map<string, MergeType | undefined>()
  return {
    isAtomic,
    declared(name) {
      const known = members.get(name)
      if (known) return known
      const field = struct.byName.get(name)
      const type = field && fieldType(field)
      if (type) members.set(name, type)
      return type
    },
    others: none,
  }
}

function fieldType(field: Field): MergeType {
  const { schema, mapType } = field
  if (schema.kind === 'list') return listOf(field, schema.element)
  if (mapType === undefined) return schemaType(schema)
  // A field may say otherwise than the type that it has.
  const isAtomic = mapType === 'atomic'
  if (schema.kind === 'struct') return { map: structMap(schema, isAtomic) }
  return schema.kind === 'map' ? mapOf(schema.element, isAtomic) : schemaType(schema)
}

function listOf(field: Field, element: Schema): MergeType {
  const relation = field.listType === 'set' ? 'set' : field.listType === 'map' ? 'keyed' : 'atomic'
  const keys = (field.mapKeys ?? []).map((name) => ({
    name,
    default: element.kind === 'struct' ? element.byName.get(name)?.default : undefined,
  }))
  return { list: { relation, item: lazily(() => schemaType(element)), keys: keys.sort(byName) } }
}

function byName(a: MergeKey, b: MergeKey): number {
  return a.name < b.name ? -1 : 1
}

function mapOf(element: Schema, isAtomic: boolean): MergeType {
  return { map: { isAtomic, declared: none, others: lazily(() => schemaType(element)) } }
}

function schemaType(schema: Schema): MergeType {
  switch (schema.kind) {
    case 'struct':
      return mergeTypeOf(schema)
    case 'map':
      return mapOf(schema.element, false)
    case 'list':
      return { list: { relation: 'atomic', item: lazily(() => schemaType(schema.element)), keys: [] } }
    case 'scalar':
      return ofScalar(schema.scalar)
  }
}

function ofScalar(scalar: Scalar): MergeType {
  switch (scalar) {
    case 'string':
    case 'bytes':
    case 'time':
    case 'microTime':
      return scalarTypes.string
    case 'int32':
    case 'int64':
    case 'float64':
      return scalarTypes.number
    case 'bool':
      return scalarTypes.boolean
    case 'quantity':
    case 'intOrString':
      return scalarTypes.any
    case 'items':
      return { list: { relation: 'atomic', item: () => scalarTypes.string, keys: [] } }
    case 'fields':
      return deduced
    case 'raw':
    case 'json':
    case 'any':
    case 'schemaOrArray':
    case 'schemaOrBool':
    case 'schemaOrStrings':
      return untyped
  }
}

/** Of a custom resource: what every object has besides its schema is known too. */
export function customMergeType(schema: JSONSchemaProps): MergeType {
  return customType({ ...schema, type: 'object' }, false, true)
}

function customType(schema: JSONSchemaProps, inherited: boolean, isResource: boolean): MergeType {
  // What keeps unknown members keeps them all the way down.
  const keeps = inherited || schema['x-kubernetes-preserve-unknown-fields'] === true
  switch (schema.type) {
    case 'object':
      return { map: customMap(schema, keeps, isResource) }
    case 'array':
      return { list: customList(schema, keeps) }
    case 'integer':
    case 'number':
      return scalarTypes.number
    case 'string':
      return scalarTypes.string
    case 'boolean':
      return scalarTypes.boolean
    default:
      return { scalar: 'any', list: customList(schema, keeps), map: customMap(schema, keeps, false) }
  }
}

function customList(schema: JSONSchemaProps, keeps: boolean): ListType {
  const listType = schema['x-kubernetes-list-type']
  const relation = listType === 'set' ? 'set' : listType === 'map' ? 'keyed' : 'atomic'
  const items = itemsOf(schema)
  const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map((name) => ({ name, default: items?.properties?.[name]?.default }))
  return { relation, item: items ? lazily(() => customType(items, keeps, false)) : () => untyped, keys: keys.sort(byName) }
}

const objectMeta = () => mergeTypeOf(typeSchema('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'))

function customMap(schema: JSONSchemaProps, keeps: boolean, isResource: boolean): MapType {
  const members = new Map(propertiesOf(schema).map(([name, member]) => [name, lazily(() => customType(member, keeps, false))]))
  const isFree = keeps || members.size === 0
  if (isResource || schema['x-kubernetes-embedded-resource'] === true) {
    members.set('metadata', objectMeta)
    for (const name of ['apiVersion', 'kind']) members.set(name, () => scalarTypes.string)
  }
  const additional = additionalOf(schema)
  const rest = additional ? lazily(() => customType(additional, keeps, false)) : isFree ? () => deduced : none
  return {
    isAtomic: schema['x-kubernetes-map-type'] === 'atomic',
    declared: (name) => members.get(name)?.(),
    others: schema.additionalProperties === false ? none : rest,
  }
}

function lazily(make: () => MergeType): () => MergeType {
  let type: MergeType | undefined
  return () => (type ??= make())
}
