/** What makes a schema not structural, or impossible to serve (KEP-95, structural schemas). */
import { additionalOf, itemsOf, propertiesOf } from '../../../api/structural/members.js'
import { stringFormats } from '../../../api/structural/formats.js'
import type { Fault } from '../../../api/status.js'
import type { JSONSchemaProps } from '../../../api/types/apiextensions-v1.js'

type Schema = JSONSchemaProps

const invalid = (path: string, value: unknown, detail: string): Fault => ({ path, reason: 'FieldValueInvalid', value, detail })
const required = (path: string, detail: string): Fault => ({ path, reason: 'FieldValueRequired', detail })
const forbidden = (path: string, detail: string): Fault => ({ path, reason: 'FieldValueForbidden', detail })

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']

export function schemaFaults(schema: Schema, path: string): Fault[] {
  const faults: Fault[] = []
  if (schema.type !== 'object') {
    if (!schema.type) faults.push(required(`${path}.type`, 'must not be empty at the root'))
    else faults.push(invalid(`${path}.type`, schema.type, 'must be object at the root'))
  }
  if (schema.nullable) faults.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'))
  const metadata = schema.properties?.metadata
  if (metadata) faults.push(...metadataFaults(metadata, `${path}.properties[metadata]`))
  return [...faults, ...structuralFaults(schema, path, true)]
}

/** Of metadata a schema may only narrow the name. */
function metadataFaults(schema: Schema, path: string): Fault[] {
  const faults: Fault[] = []
  if (schema.default !== undefined) faults.push(forbidden(`${path}.default`, 'must not be set'))
  for (const [name, member] of propertiesOf(schema)) {
    if (name !== 'name' && name !== 'generateName')
      faults.push(forbidden(`${path}.properties[${name}]`, 'only name and generateName may be restricted'))
    if (member.default !== undefined) faults.push(forbidden(`${path}.properties[${name}].default`, 'must not be set'))
  }
  return faults
}

const unsupported = ['$ref', 'definitions', 'dependencies', 'additionalItems', 'patternProperties', 'id'] as const

function structuralFaults(schema: Schema, path: string, isRoot = false): Fault[] {
  const faults = [...typeFaults(schema, path, isRoot), ...listFaults(schema, path)]
  for (const word of unsupported) if (schema[word] !== undefined) faults.push(forbidden(`${path}.${word}`, `${word} is not supported`))
  if (schema.uniqueItems === true)
    faults.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'))
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    faults.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  const { additionalProperties } = schema
  if (schema.properties && additionalProperties !== undefined)
    faults.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  if (Array.isArray(schema.items)) faults.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'))
  for (const [name, member] of propertiesOf(schema))
    if (!(isRoot && name === 'metadata')) faults.push(...structuralFaults(member, `${path}.properties[${name}]`))
  const additional = typeof additionalProperties === 'object' ? additionalOf(schema) : undefined
  if (additional) faults.push(...structuralFaults(additional, `${path}.additionalProperties`))
  const items = itemsOf(schema)
  if (items) faults.push(...structuralFaults(items, `${path}.items`))
  return [...faults, ...compoundFaults(schema, path)]
}

function typeFaults(schema: Schema, path: string, isRoot: boolean): Fault[] {
  const { type } = schema
  const intOrString = schema['x-kubernetes-int-or-string'] === true
  const free = schema['x-kubernetes-preserve-unknown-fields'] === true
  if (type && !types.includes(type))
    return [
      {
        path: `${path}.type`,
        reason: 'FieldValueNotSupported',
        value: type,
        detail: `supported values: ${types.map((known) => JSON.stringify(known)).join(', ')}`,
      },
    ]
  if (intOrString && type) return [forbidden(`${path}.type`, 'must be empty if x-kubernetes-int-or-string is true')]
  if (!type && !intOrString && !free && !isRoot && schema.$ref === undefined)
    return [required(`${path}.type`, 'must not be empty for specified object fields')]
  if (schema['x-kubernetes-embedded-resource'] && type !== 'object')
    return [
      type
        ? invalid(`${path}.type`, type, 'must be object if x-kubernetes-embedded-resource is true')
        : required(`${path}.type`, 'must be object if x-kubernetes-embedded-resource is true'),
    ]
  if (schema['x-kubernetes-embedded-resource'] && !schema.properties && !free)
    return [
      required(
        `${path}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    ]
  if (type === 'array' && schema.items === undefined) return [required(`${path}.items`, 'must be specified')]
  return []
}

function listFaults(schema: Schema, path: string): Fault[] {
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys']
  const keysPath = `${path}.x-kubernetes-list-map-keys`
  if (listType === undefined)
    return keys?.length ? [required(`${path}.x-kubernetes-list-type`, 'must be map if x-kubernetes-list-map-keys is non-empty')] : []
  if (!['atomic', 'set', 'map'].includes(listType))
    return [
      {
        path: `${path}.x-kubernetes-list-type`,
        reason: 'FieldValueNotSupported',
        value: listType,
        detail: 'supported values: "atomic", "set", "map"',
      },
    ]
  if (schema.type !== 'array') return [invalid(`${path}.type`, schema.type ?? '', `must be array if x-kubernetes-list-type is ${listType}`)]
  if (listType !== 'map')
    return keys?.length ? [required(`${path}.x-kubernetes-list-type`, 'must be map if x-kubernetes-list-map-keys is non-empty')] : []
  if (!keys?.length) return [required(keysPath, 'must not be empty if x-kubernetes-list-type is map')]
  const items = itemsOf(schema)
  if (items?.type !== 'object')
    return [invalid(`${path}.items.type`, items?.type ?? '', 'must be object if parent array x-kubernetes-list-type is map')]
  return keys.flatMap((key): Fault[] => {
    const member = items.properties?.[key]
    const at = `${path}.items.properties[${key}]`
    if (!member) return [invalid(keysPath, keys, 'entries must all be names of item properties')]
    if (member.type === 'array' || member.type === 'object')
      return [invalid(`${at}.type`, member.type, 'must be a scalar type if parent array x-kubernetes-list-type is map')]
    if (member.nullable) return [forbidden(`${at}.nullable`, 'must be false if parent array x-kubernetes-list-type is map')]
    if (!items.required?.includes(key) && member.default === undefined)
      return [
        required(`${at}.default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'),
      ]
    return []
  })
}

/** Inside allOf, anyOf, oneOf and not only conditions may stand: the shape is told outside. */
const shapeWords = [
  'description',
  'default',
  'additionalProperties',
  'nullable',
  'title',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-validations',
] as const

function compoundFaults(schema: Schema, path: string): Fault[] {
  const intOrString = schema['x-kubernetes-int-or-string'] === true
  const lists = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((word) =>
    (schema[word] ?? []).map((inner, i) => [inner, `${path}.${word}[${i}]`] as const),
  )
  const all = schema.not ? [...lists, [schema.not, `${path}.not`] as const] : lists
  return all.flatMap(([inner, at]) => conditionFaults(inner, at, intOrString))
}

function conditionFaults(schema: Schema, path: string, mayHaveType: boolean): Fault[] {
  const faults: Fault[] = []
  if (schema.type && !mayHaveType) faults.push(forbidden(`${path}.type`, 'must be empty to be structural'))
  for (const word of shapeWords)
    if (schema[word] !== undefined && schema[word] !== false && schema[word] !== '')
      faults.push(forbidden(`${path}.${word}`, 'must be undefined to be structural'))
  for (const [name, member] of propertiesOf(schema))
    faults.push(...conditionFaults(member, `${path}.properties[${name}]`, member['x-kubernetes-int-or-string'] === true))
  const items = itemsOf(schema)
  if (items) faults.push(...conditionFaults(items, `${path}.items`, false))
  return [...faults, ...compoundFaults({ ...schema, 'x-kubernetes-int-or-string': mayHaveType }, path)]
}

/** Formats that are checked, or that say something of numbers. */
const knownFormats = new Set([...Object.keys(stringFormats), 'int32', 'int64', 'float', 'double', 'password', 'binary'])

/** The formats of a schema that nobody checks. */
export function unknownFormats(schema: Schema): string[] {
  const inner = [
    ...propertiesOf(schema).map(([, member]) => member),
    ...[additionalOf(schema), itemsOf(schema), schema.not].filter((each) => each !== undefined),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((word) => schema[word] ?? []),
  ].flatMap(unknownFormats)
  return schema.format && !knownFormats.has(schema.format) ? [schema.format, ...inner] : inner
}
