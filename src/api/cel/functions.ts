/** How functions are declared: signatures that the checker resolves, what they compute, and what that costs. */
import type { CallCost } from './cost.js'
import type { Macros } from './macros.js'
import type { ObjectType, Type } from './types.js'
import {
  CelDouble,
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelObject,
  CelOpaque,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  isInt,
} from './values.js'

/** One signature of a function. `call` never gets an error, and only what the signature says. */
export interface Overload {
  readonly id: string
  /** A member's receiver is its first argument. */
  readonly member: boolean
  readonly args: readonly Type[]
  readonly result: Type
  readonly call: Implementation
  /** Left out: 1. */
  readonly cost?: CallCost
}

export type Implementation = (...args: never[]) => CelValue

export interface FunctionDeclaration {
  readonly name: string
  readonly overloads: readonly Overload[]
}

/** Makes values of an object type out of `Type{field: value}`. */
export interface StructDeclaration {
  readonly type: ObjectType
  create(fields: ReadonlyMap<string, CelValue>): CelValue
}

export interface Library {
  readonly functions?: readonly FunctionDeclaration[]
  readonly macros?: Macros
  /** Names that stand for types. */
  readonly types?: Readonly<Record<string, Type>>
  readonly constants?: Readonly<Record<string, { readonly type: Type; readonly value: CelValue }>>
  readonly optionalSyntax?: boolean
}

export const fn = (name: string, ...overloads: Overload[]): FunctionDeclaration => ({ name, overloads })

export const global = (id: string, args: readonly Type[], result: Type, call: Implementation, cost?: CallCost): Overload => ({
  ...{ id, member: false, args, result, call },
  ...(cost ? { cost } : {}),
})

export const member = (id: string, args: readonly Type[], result: Type, call: Implementation, cost?: CallCost): Overload => ({
  ...global(id, args, result, call, cost),
  member: true,
})

/** Whether a value may be an argument of this type: at the top only, as dispatch at run time is. */
export function accepts(type: Type): (value: CelValue) => boolean {
  switch (type.kind) {
    case 'bool':
      return (value) => typeof value === 'boolean'
    case 'int':
      return isInt
    case 'uint':
      return (value) => value instanceof CelUint
    case 'double':
      return (value) => value instanceof CelDouble
    case 'string':
      return (value) => typeof value === 'string'
    case 'bytes':
      return (value) => value instanceof Uint8Array
    case 'null':
      return (value) => value === null
    case 'timestamp':
      return (value) => value instanceof CelTimestamp
    case 'duration':
      return (value) => value instanceof CelDuration
    case 'list':
      return (value) => value instanceof CelList
    case 'map':
      return (value) => value instanceof CelMap
    case 'type':
      return (value) => value instanceof CelTypeValue
    case 'opaque':
      if (type.name === 'optional_type') return (value) => value instanceof CelOptional
      return (value) => value instanceof CelOpaque && value.type.kind === 'opaque' && value.type.name === type.name
    case 'object':
      return (value) => value instanceof CelObject && value.type.name === type.name
    default:
      return () => true
  }
}

export const noSuchOverload = new CelError('no such overload')
