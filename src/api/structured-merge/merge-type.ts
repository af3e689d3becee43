/**
 * How objects of a kind fall into fields that can be owned one by one (KEP-555, structured merge): which maps and lists are of one
 * piece, and what tells the items of the others apart. Built-in kinds have it from their schema, custom ones from theirs.
 */
import type { Field, Schema, StructSchema } from '../schema/schema.js'
import { additionalOf, itemsOf, propertiesOf } from '../structural/members.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'

export type MergeType =
  | { readonly kind: 'atomic' }
  /** Nothing is known: maps fall into their members, lists are of one piece. */
  | { readonly kind: 'deduced' }
  | { readonly kind: 'map'; member(name: string): MergeType }
  | { readonly kind: 'set' }
  | { readonly kind: 'keyed'; readonly item: MergeType; readonly keys: readonly MergeKey[] }

export interface MergeKey {
  readonly name: string
  /** What an item without the key has. */
  readonly default: unknown
}

const atomic: MergeType = { kind: 'atomic' }
export const deduced: MergeType = { kind: 'deduced' }

const structs = new WeakMap<StructSchema, MergeType>()

export function mergeTypeOf(struct: StructSchema): MergeType {
  let type = structs.get(struct)
  if (!type) structs.set(struct, (type = struct.atomic ? atomic : structType(struct)))
  return type
}

function structType(struct: StructSchema): MergeType {
  const members = new Map<string, MergeType>()
  return {
    kind: 'map',
    member(name) {
      let type = members.get(name)
      if (!type) {
        const field = struct.byName.get(name)
        members.set(name, (type = field ? fieldType(field) : deduced))
      }
      return type
    },
  }
}

function fieldType(field: Field): MergeType {
  const { schema, mapType } = field
  if (mapType === 'atomic') return atomic
  if (schema.kind !== 'list') return schemaType(schema)
  if (field.listType === 'set') return { kind: 'set' }
  if (field.listType !== 'map') return atomic
  const element = schema.element
  const keys = (field.mapKeys ?? []).map((name) => ({
    name,
    default: element.kind === 'struct' ? element.byName.get(name)?.default : undefined,
  }))
  return { kind: 'keyed', item: schemaType(element), keys }
}

function schemaType(schema: Schema): MergeType {
  switch (schema.kind) {
    case 'struct':
      return mergeTypeOf(schema)
    case 'map': {
      const element = schemaType(schema.element)
      return { kind: 'map', member: () => element }
    }
    case 'list':
    case 'scalar':
      return atomic
  }
}

export function customMergeType(schema: JSONSchemaProps, metadata: MergeType): MergeType {
  return customType({ ...schema, type: 'object' }, metadata)
}

function customType(schema: JSONSchemaProps, metadata?: MergeType): MergeType {
  const listType = schema['x-kubernetes-list-type']
  if (schema.type === 'array') {
    const items = itemsOf(schema)
    if (listType === 'set') return { kind: 'set' }
    if (listType !== 'map' || !items) return atomic
    const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map((name) => ({ name, default: items.properties?.[name]?.default }))
    return { kind: 'keyed', item: customType(items), keys }
  }
  if (schema['x-kubernetes-map-type'] === 'atomic') return atomic
  const free = schema['x-kubernetes-preserve-unknown-fields'] === true
  if (schema.type !== 'object') return free ? deduced : atomic
  const members = new Map(propertiesOf(schema).map(([name, member]) => [name, lazily(() => customType(member))]))
  const additional = additionalOf(schema)
  const others = additional ? lazily(() => customType(additional)) : undefined
  if (metadata) members.set('metadata', () => metadata)
  return { kind: 'map', member: (name) => (members.get(name) ?? others)?.() ?? deduced }
}

function lazily(make: () => MergeType): () => MergeType {
  let type: MergeType | undefined
  return () => (type ??= make())
}
