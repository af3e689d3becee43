/** The built-in kinds as schemas that expressions can be checked against. */
import { kindSchema, type Scalar, type Schema, type StructSchema } from '../../schema/schema.js'
import type { GroupVersionKind } from '../../object.js'
import type { JSONSchemaProps } from '../../types/apiextensions-v1.js'
import { type SchemaType, schemaType } from './schema-type.js'

/** A type inside itself is taken as anything from here on: expressions do not go deeper. */
const depthMax = 12

const scalars: Readonly<Record<Scalar, JSONSchemaProps>> = {
  string: { type: 'string' },
  int32: { type: 'integer' },
  int64: { type: 'integer' },
  bool: { type: 'boolean' },
  float64: { type: 'number' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  quantity: { type: 'string' },
  intOrString: { 'x-kubernetes-int-or-string': true },
  raw: { type: 'object' },
  fields: { type: 'object' },
  items: { type: 'array', items: { type: 'string' } },
  json: {},
  any: {},
  schemaOrArray: {},
  schemaOrBool: {},
  schemaOrStrings: {},
}

function openApiOf(schema: Schema, open: readonly StructSchema[]): JSONSchemaProps {
  switch (schema.kind) {
    case 'scalar':
      return scalars[schema.scalar]
    case 'list':
      return { type: 'array', items: openApiOf(schema.element, open) }
    case 'map':
      return { type: 'object', additionalProperties: openApiOf(schema.element, open) }
    case 'struct': {
      if (open.includes(schema) || open.length >= depthMax) return {}
      const inner = [...open, schema]
      return { type: 'object', properties: Object.fromEntries(schema.fields.map((field) => [field.name, openApiOf(field.schema, inner)])) }
    }
  }
}

const known = new Map<string, SchemaType | undefined>()

/** undefined: there is no such kind. */
export function builtinType(of: GroupVersionKind): SchemaType | undefined {
  const key = `${of.group}/${of.version}/${of.kind}`
  if (!known.has(key)) {
    const struct = kindSchema(of)
    known.set(key, struct && schemaType(openApiOf(struct, []), of.kind))
  }
  return known.get(key)
}
