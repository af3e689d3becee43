/** The types of the Common Expression Language (cel-spec "Gradual Type Checking"), with objects whose members are declared. */

export type SimpleKind = 'dyn' | 'error' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration'

export interface SimpleType {
  readonly kind: SimpleKind
}
export interface ListType {
  readonly kind: 'list'
  readonly element: Type
}
export interface MapType {
  readonly kind: 'map'
  readonly key: Type
  readonly value: Type
}
/** A type that only its own functions look into: optional_type, net.IP, kubernetes.Quantity ... */
export interface OpaqueType {
  readonly kind: 'opaque'
  readonly name: string
  readonly parameters: readonly Type[]
}
/** A value with declared members. Two object types are the same when their names are. */
export interface ObjectType {
  readonly kind: 'object'
  readonly name: string
  readonly fields: ReadonlyMap<string, FieldType>
}
export interface FieldType {
  readonly type: Type
}
/** The type of a type. */
export interface TypeType {
  readonly kind: 'type'
  readonly of: Type
}
/** A parameter of a function's signature; the checker replaces it by fresh variables. */
export interface TypeParameter {
  readonly kind: 'parameter'
  readonly name: string
}

export type Type = SimpleType | ListType | MapType | OpaqueType | ObjectType | TypeType | TypeParameter

const simple = (kind: SimpleKind): SimpleType => ({ kind })

export const dynType = simple('dyn')
export const errorType = simple('error')
export const boolType = simple('bool')
export const intType = simple('int')
export const uintType = simple('uint')
export const doubleType = simple('double')
export const stringType = simple('string')
export const bytesType = simple('bytes')
export const nullType = simple('null')
export const timestampType = simple('timestamp')
export const durationType = simple('duration')

export const listOf = (element: Type): ListType => ({ kind: 'list', element })
export const mapOf = (key: Type, value: Type): MapType => ({ kind: 'map', key, value })
export const opaqueType = (name: string, ...parameters: Type[]): OpaqueType => ({ kind: 'opaque', name, parameters })
export const optionalOf = (of: Type): OpaqueType => opaqueType('optional_type', of)
export const typeOf = (of: Type): TypeType => ({ kind: 'type', of })
export const typeParameter = (name: string): TypeParameter => ({ kind: 'parameter', name })
export const objectType = (name: string, fields: Readonly<Record<string, Type>> | ReadonlyMap<string, FieldType>): ObjectType => ({
  kind: 'object',
  name,
  fields: fields instanceof Map ? fields : new Map(Object.entries(fields).map(([field, type]) => [field, { type }])),
})

export function isOptional(type: Type): type is OpaqueType {
  return type.kind === 'opaque' && type.name === 'optional_type'
}

/** Whether nothing is known of a value of this type before it is there. */
export function isDynamic(type: Type): boolean {
  return type.kind === 'dyn' || type.kind === 'error'
}

/** The name that `type(x)` has, which leaves parameters out. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'null':
      return 'null_type'
    case 'timestamp':
      return 'google.protobuf.Timestamp'
    case 'duration':
      return 'google.protobuf.Duration'
    case 'opaque':
    case 'object':
    case 'parameter':
      return type.name
    default:
      return type.kind
  }
}

/** As messages show it: "list(int)", "map(string, dyn)". */
export function typeText(type: Type): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.element)})`
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.value)})`
    case 'type':
      return `type(${typeText(type.of)})`
    case 'opaque':
      return type.parameters.length > 0 ? `${type.name}(${type.parameters.map(typeText).join(', ')})` : type.name
    case 'null':
      return 'null'
    case 'error':
      return '!error!'
    default:
      return typeName(type)
  }
}

export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'list':
      return sameType(a.element, (b as ListType).element)
    case 'map':
      return sameType(a.key, (b as MapType).key) && sameType(a.value, (b as MapType).value)
    case 'type':
      return sameType(a.of, (b as TypeType).of)
    case 'opaque': {
      const other = b as OpaqueType
      return a.name === other.name && a.parameters.every((each, i) => sameType(each, other.parameters[i] ?? dynType))
    }
    case 'object':
    case 'parameter':
      return a.name === (b as ObjectType).name
    default:
      return true
  }
}
