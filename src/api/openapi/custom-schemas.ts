/** The schemas of a custom kind as OpenAPI shows them: its own, with apiVersion, kind and metadata, and its list. */
import type { ResourceInfo } from '../kinds.js'
import type { JSONSchemaProps } from '../types/apiextensions-v1.js'
import type { JsonSchema, OpenApiVersion } from './type-schemas.js'

/** "com.example.v1.Widget": the group's words turned round, as Go packages are named. */
export function customTypeId({ group, version }: Pick<ResourceInfo, 'group' | 'version'>, kind: string): string {
  return [...group.split('.').reverse(), version, kind].join('.')
}

const typeMembers = { apiVersion: { type: 'string' }, kind: { type: 'string' } }

export function customSchema(info: ResourceInfo, schema: JSONSchemaProps, metadata: JsonSchema, version: OpenApiVersion): JsonSchema {
  const shaped = shape(schema, version)
  return {
    ...shaped,
    type: 'object',
    properties: {
      ...typeMembers,
      ...(shaped.properties as JsonSchema | undefined),
      metadata: version === 3 ? { allOf: [metadata] } : metadata,
    },
    'x-kubernetes-group-version-kind': [{ group: info.group, kind: info.kind, version: info.version }],
  }
}

export function customListSchema(info: ResourceInfo, item: JsonSchema, metadata: JsonSchema): JsonSchema {
  return {
    type: 'object',
    required: ['items'],
    properties: { ...typeMembers, items: { type: 'array', items: item }, metadata },
    'x-kubernetes-group-version-kind': [{ group: info.group, kind: info.listKind, version: info.version }],
  }
}

/** What version 2 cannot say is left out, so that its readers do not judge by half a rule. */
const onlyThree = new Set(['nullable', 'oneOf', 'anyOf', 'not', 'default'])

function shape(schema: JSONSchemaProps, version: OpenApiVersion): JsonSchema {
  if (version === 3) return { ...schema }
  return two(schema as unknown as JsonSchema)
}

function two(schema: JsonSchema): JsonSchema {
  const result: JsonSchema = {}
  // What may hold anything must not be checked by a reader.
  const free = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.nullable === true
  for (const [name, value] of Object.entries(schema)) {
    if (onlyThree.has(name) || (free && (name === 'properties' || name === 'items' || name === 'type'))) continue
    if (name === 'properties')
      result[name] = Object.fromEntries(Object.entries(value as JsonSchema).map(([key, inner]) => [key, two(inner as JsonSchema)]))
    else if ((name === 'items' || name === 'additionalProperties') && typeof value === 'object') result[name] = two(value as JsonSchema)
    else if (name !== 'allOf') result[name] = value
  }
  return result
}
