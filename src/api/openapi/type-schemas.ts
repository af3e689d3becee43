/**
 * The schema data as OpenAPI schemas. Both versions of OpenAPI share them but for where references point and how a reference
 * takes siblings: version 2 puts them beside $ref, version 3 wraps it in allOf.
 */
import type { Field, Scalar, Schema, StructSchema } from '../schema/schema.js'

export type OpenApiVersion = 2 | 3
export type JsonSchema = Record<string, unknown>

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

/** Scalars that are types of their own in Go, and so in OpenAPI. */
const named: Readonly<Partial<Record<Scalar, readonly [id: string, schema: JsonSchema, schemaThree?: JsonSchema]>>> = {
  time: [`${meta}.Time`, { type: 'string', format: 'date-time' }],
  microTime: [`${meta}.MicroTime`, { type: 'string', format: 'date-time' }],
  quantity: ['io.k8s.apimachinery.pkg.api.resource.Quantity', { type: 'string' }, { oneOf: [{ type: 'string' }, { type: 'number' }] }],
  intOrString: [
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    { type: 'string', format: 'int-or-string' },
    { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  ],
  raw: ['io.k8s.apimachinery.pkg.runtime.RawExtension', { type: 'object' }],
  fields: [`${meta}.FieldsV1`, { type: 'object' }],
  json: [`${extensions}.JSON`, {}],
  schemaOrArray: [`${extensions}.JSONSchemaPropsOrArray`, {}],
  schemaOrBool: [`${extensions}.JSONSchemaPropsOrBool`, {}],
  schemaOrStrings: [`${extensions}.JSONSchemaPropsOrStringArray`, {}],
}

const plain: Readonly<Partial<Record<Scalar, JsonSchema>>> = {
  string: { type: 'string' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  bool: { type: 'boolean' },
  float64: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  any: {},
  items: { type: 'array', items: { type: 'string' } },
}

/** Collects the schemas of types and of everything that they refer to. */
export class TypeSchemas {
  readonly #version: OpenApiVersion
  readonly #kindsOf: (id: string) => readonly JsonSchema[]
  readonly schemas: Record<string, JsonSchema> = {}

  /** `kindsOf`: the x-kubernetes-group-version-kind of a type. */
  constructor(version: OpenApiVersion, kindsOf: (id: string) => readonly JsonSchema[]) {
    this.#version = version
    this.#kindsOf = kindsOf
  }

  reference(id: string): JsonSchema {
    return { $ref: `${this.#version === 2 ? '#/definitions/' : '#/components/schemas/'}${id}` }
  }

  /** A reference to the struct's schema, which is added if it is not there. */
  add(struct: StructSchema): JsonSchema {
    if (!(struct.id in this.schemas)) {
      const schema: JsonSchema = { type: 'object' }
      this.schemas[struct.id] = schema
      const kinds = this.#kindsOf(struct.id)
      const fields = struct.fields.filter(({ name }) => name !== '')
      if (fields.length > 0) schema.properties = Object.fromEntries(fields.map((field) => [field.name, this.#field(field)]))
      const required = fields.filter((field) => field.required).map(({ name }) => name)
      if (required.length > 0) schema.required = required
      if (kinds.length > 0) schema['x-kubernetes-group-version-kind'] = kinds
    }
    return this.reference(struct.id)
  }

  #field(field: Field): JsonSchema {
    const schema = this.#withSiblings(this.#schema(field.schema), siblingsOf(field, this.#version))
    return this.#version === 3 && field.schema.kind === 'struct' && !field.pointer && field.default === undefined
      ? { default: {}, ...schema }
      : schema
  }

  #withSiblings(schema: JsonSchema, siblings: JsonSchema): JsonSchema {
    if (this.#version === 2 || !('$ref' in schema)) return { ...schema, ...siblings }
    return { allOf: [schema], ...siblings }
  }

  #schema(schema: Schema): JsonSchema {
    switch (schema.kind) {
      case 'struct':
        return this.add(schema)
      case 'list':
        return { type: 'array', items: this.#inner(schema.element) }
      case 'map':
        return { type: 'object', additionalProperties: this.#inner(schema.element) }
      case 'scalar':
        return this.#scalar(schema.scalar)
    }
  }

  #inner(schema: Schema): JsonSchema {
    return this.#withSiblings(this.#schema(schema), {})
  }

  #scalar(scalar: Scalar): JsonSchema {
    const type = named[scalar]
    if (!type) return plain[scalar] ?? {}
    const [id, two, three] = type
    this.schemas[id] ??= this.#version === 3 ? (three ?? two) : two
    return this.reference(id)
  }
}

function siblingsOf(field: Field, version: OpenApiVersion): JsonSchema {
  return {
    // Version 2 has had no defaults and no enums since they broke generators of clients.
    ...(version === 3 && field.default !== undefined ? { default: field.default } : {}),
    ...(version === 3 && field.enum ? { enum: field.enum } : {}),
    ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
    ...(field.mapKeys?.length ? { 'x-kubernetes-list-map-keys': field.mapKeys } : {}),
    ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
    ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
    ...(field.mergeKey ? { 'x-kubernetes-patch-merge-key': field.mergeKey } : {}),
  }
}
