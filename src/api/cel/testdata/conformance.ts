/** cel-spec's test messages in JSON form: types, values, and which tests are left out and why. */
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  nullType,
  opaqueType,
  stringType,
  timestampType,
  type Type,
  typeOf,
  typeParameter,
  uintType,
} from '../types.js'
import { ArrayList, CelDouble, CelTypeValue, CelUint, type CelValue, KeyedMap, normalInt } from '../values.js'

export type Json = Readonly<Record<string, unknown>>

export interface CelSpecTest {
  readonly name?: string
  readonly expr: string
  readonly container?: string
  readonly disableCheck?: boolean
  readonly checkOnly?: boolean
  readonly value?: Json
  readonly typedResult?: { readonly result?: Json; readonly deducedType?: Json }
  readonly evalError?: unknown
  readonly bindings?: Readonly<Record<string, { readonly value: unknown }>>
  readonly typeEnv?: readonly {
    readonly name: string
    readonly ident?: { readonly type: Json }
    readonly function?: {
      readonly overloads: readonly {
        readonly overloadId: string
        readonly params?: readonly Json[]
        readonly resultType: Json
        readonly isInstanceFunction?: boolean
      }[]
    }
  }[]
}

const primitives: Readonly<Record<string, Type>> = {
  BOOL: boolType,
  INT64: intType,
  UINT64: uintType,
  DOUBLE: doubleType,
  STRING: stringType,
  BYTES: bytesType,
}

export function typeFrom(json: Json): Type {
  const [kind = '', of] = Object.entries(json)[0] ?? []
  const inner = of as Json
  switch (kind) {
    case 'primitive':
      return primitives[of as string] ?? dynType
    case 'null':
      return nullType
    case 'listType':
      return listOf(typeFrom((inner.elemType ?? { dyn: {} }) as Json))
    case 'mapType':
      return mapOf(typeFrom((inner.keyType ?? { dyn: {} }) as Json), typeFrom((inner.valueType ?? { dyn: {} }) as Json))
    case 'abstractType':
      return opaqueType(inner.name as string, ...((inner.parameterTypes ?? []) as Json[]).map(typeFrom))
    case 'typeParam':
      return typeParameter(of as unknown as string)
    case 'type':
      return typeOf(Object.keys(inner).length > 0 ? typeFrom(inner) : dynType)
    case 'wellKnown':
      return (of as unknown as string) === 'TIMESTAMP' ? timestampType : (of as unknown as string) === 'DURATION' ? durationType : dynType
    default:
      return dynType
  }
}

const namedTypes: Readonly<Record<string, Type>> = {
  ...{ bool: boolType, int: intType, uint: uintType, double: doubleType, string: stringType, bytes: bytesType, null_type: nullType },
  ...{ list: listOf(dynType), map: mapOf(dynType, dynType), type: typeOf(dynType), 'google.protobuf.Timestamp': timestampType },
  'google.protobuf.Duration': durationType,
}

export function valueFrom(json: Json): CelValue {
  const [kind = '', of] = Object.entries(json)[0] ?? []
  switch (kind) {
    case 'int64Value':
      return normalInt(BigInt(of as string))
    case 'uint64Value':
      return new CelUint(BigInt(of as string))
    case 'doubleValue':
      return new CelDouble(Number(of))
    case 'bytesValue':
      return Uint8Array.from(Buffer.from(of as string, 'base64'))
    case 'nullValue':
      return null
    case 'listValue':
      return new ArrayList((((of as Json).values ?? []) as Json[]).map(valueFrom))
    case 'mapValue': {
      const map = new KeyedMap()
      for (const { key, value } of ((of as Json).entries ?? []) as { key: Json; value: Json }[]) map.set(valueFrom(key), valueFrom(value))
      return map
    }
    case 'typeValue':
      return new CelTypeValue(namedTypes[of as string] ?? opaqueType(of as string))
    default:
      return of as CelValue
  }
}

/** Suites, or parts of them, that test what Kubernetes' CEL has not. */
const suites: readonly (readonly [RegExp, string])[] = [
  [/^(proto2|proto3|proto2_ext|dynamic|enums|wrappers)\b/, 'protobuf messages'],
  [/^(block_ext|encoders_ext|math_ext)\b/, 'an extension that Kubernetes does not enable'],
  [/^comparisons\/(eq|ne)_wrapper/, 'protobuf messages'],
  [/^type_deductions\/(wrappers|legacy_nullable_types)/, 'protobuf messages'],
]
const messages = /TestAllTypes|NestedTestAllTypes|google\.protobuf\.(?!Timestamp\b(?!\{)|Duration\b(?!\{))|\bproto\./

/** Where cel-go, whose behaviour Kubernetes has, does not do what the suite says. */
const cases: Readonly<Record<string, string>> = {
  get_milliseconds: 'cel-go counts all milliseconds of a duration',
  indexof_out_of_range: 'cel-go finds nothing beyond the end, and says so by -1',
  lastindexof_out_of_range: 'cel-go finds nothing beyond the end, and says so by -1',
}

/** Why a suite is left out; undefined: it is run. */
export function exclusionOf(path: string): string | undefined {
  return suites.find(([pattern]) => pattern.test(path))?.[1]
}

export function exclusionOfTest(test: CelSpecTest): string | undefined {
  if (messages.test(JSON.stringify([test.expr, test.typeEnv, test.bindings, test.value]))) return 'protobuf messages'
  if (test.name && Object.hasOwn(cases, test.name)) return cases[test.name]
  return test.disableCheck && test.name?.endsWith('_unchecked') ? 'Kubernetes evaluates nothing that it has not checked' : undefined
}
