import type { Library } from '../functions.js'
import { standardMacros } from '../macros.js'
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
  stringType,
  timestampType,
  typeOf,
  uintType,
} from '../types.js'
import { arithmetic } from './arithmetic.js'
import { comparison } from './comparison.js'
import { conversions } from './conversions.js'
import { moments } from './moments.js'
import { text } from './text.js'

/** What every environment has (cel-spec "List of Standard Definitions"). */
export const standardLibrary: Library = {
  functions: [...arithmetic, ...comparison, ...conversions, ...moments, ...text],
  macros: standardMacros,
  types: {
    bool: boolType,
    bytes: bytesType,
    double: doubleType,
    int: intType,
    list: listOf(dynType),
    map: mapOf(dynType, dynType),
    null_type: nullType,
    string: stringType,
    type: typeOf(dynType),
    uint: uintType,
    'google.protobuf.Timestamp': timestampType,
    'google.protobuf.Duration': durationType,
  },
}
