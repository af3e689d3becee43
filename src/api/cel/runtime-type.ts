import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  errorType,
  intType,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  stringType,
  timestampType,
  type Type,
  typeOf,
  uintType,
} from './types.js'
import {
  CelDouble,
  CelDuration,
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

/** The type that a value has while it runs: of lists and maps nobody asks what is in them. */
export function runtimeType(value: CelValue): Type {
  if (value === null) return nullType
  if (typeof value === 'boolean') return boolType
  if (typeof value === 'string') return stringType
  if (isInt(value)) return intType
  if (value instanceof CelDouble) return doubleType
  if (value instanceof CelUint) return uintType
  if (value instanceof Uint8Array) return bytesType
  if (value instanceof CelList) return listOf(dynType)
  if (value instanceof CelMap) return mapOf(dynType, dynType)
  if (value instanceof CelTimestamp) return timestampType
  if (value instanceof CelDuration) return durationType
  if (value instanceof CelOptional) return optionalOf(dynType)
  if (value instanceof CelTypeValue) return typeOf(dynType)
  return value instanceof CelObject || value instanceof CelOpaque ? value.type : errorType
}
