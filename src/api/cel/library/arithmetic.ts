/** + - * / % and negation: of whole numbers exact or an error, never wrapped (cel-spec "Arithmetic"). */
import { concatenationCost, listConcatenationCost } from '../cost.js'
import { fn, global } from '../functions.js'
import { durationOf, timestampOf } from '../time.js'
import { bytesType, doubleType, durationType, intType, listOf, stringType, timestampType, typeParameter, uintType } from '../types.js'
import {
  CelDouble,
  type CelDuration,
  CelError,
  type CelInt,
  type CelList,
  type CelTimestamp,
  type CelUint,
  intOrError,
  uintOrError,
} from '../values.js'

const overflow = new CelError('integer overflow')
const unsignedOverflow = new CelError('unsigned integer overflow')
const divisionByZero = new CelError('division by zero')
const modulusByZero = new CelError('modulus by zero')

/** By numbers while the result is safe, by big ones beyond. */
const ints = (plain: (a: number, b: number) => number, exact: (a: bigint, b: bigint) => bigint) => (a: CelInt, b: CelInt) => {
  if (typeof a === 'number' && typeof b === 'number') {
    const result = plain(a, b)
    // No zero is negative.
    if (Number.isSafeInteger(result)) return result + 0
  }
  return intOrError(exact(BigInt(a), BigInt(b)), overflow)
}
const uints = (exact: (a: bigint, b: bigint) => bigint) => (a: CelUint, b: CelUint) =>
  uintOrError(exact(a.value, b.value), unsignedOverflow)
const doubles = (plain: (a: number, b: number) => number) => (a: CelDouble, b: CelDouble) => new CelDouble(plain(a.value, b.value))

const numbers = (name: string, plain: (a: number, b: number) => number, exact: (a: bigint, b: bigint) => bigint) => [
  global(`${name}_int64`, [intType, intType], intType, ints(plain, exact)),
  global(`${name}_uint64`, [uintType, uintType], uintType, uints(exact)),
  global(`${name}_double`, [doubleType, doubleType], doubleType, doubles(plain)),
]

const unlessZero = (error: CelError, compute: (a: CelInt, b: CelInt) => CelInt | CelError) => (a: CelInt, b: CelInt) =>
  b === 0 ? error : compute(a, b)
const unlessUintZero = (error: CelError, compute: (a: bigint, b: bigint) => bigint) => (a: CelUint, b: CelUint) =>
  b.value === 0n ? error : uintOrError(compute(a.value, b.value), unsignedOverflow)

const T = typeParameter('T')

export const arithmetic = [
  fn(
    '_+_',
    ...numbers(
      'add',
      (a, b) => a + b,
      (a, b) => a + b,
    ),
    global('add_string', [stringType, stringType], stringType, (a: string, b: string) => a + b, concatenationCost),
    global('add_bytes', [bytesType, bytesType], bytesType, joinBytes, concatenationCost),
    global('add_list', [listOf(T), listOf(T)], listOf(T), (a: CelList, b: CelList) => a.concat(b), listConcatenationCost),
    global('add_timestamp_duration', [timestampType, durationType], timestampType, (a: CelTimestamp, b: CelDuration) =>
      timestampOf(a.nanos + b.nanos),
    ),
    global('add_duration_timestamp', [durationType, timestampType], timestampType, (a: CelDuration, b: CelTimestamp) =>
      timestampOf(a.nanos + b.nanos),
    ),
    global('add_duration_duration', [durationType, durationType], durationType, (a: CelDuration, b: CelDuration) =>
      durationOf(a.nanos + b.nanos),
    ),
  ),
  fn(
    '_-_',
    ...numbers(
      'subtract',
      (a, b) => a - b,
      (a, b) => a - b,
    ),
    global('subtract_timestamp_timestamp', [timestampType, timestampType], durationType, (a: CelTimestamp, b: CelTimestamp) =>
      durationOf(a.nanos - b.nanos),
    ),
    global('subtract_timestamp_duration', [timestampType, durationType], timestampType, (a: CelTimestamp, b: CelDuration) =>
      timestampOf(a.nanos - b.nanos),
    ),
    global('subtract_duration_duration', [durationType, durationType], durationType, (a: CelDuration, b: CelDuration) =>
      durationOf(a.nanos - b.nanos),
    ),
  ),
  fn(
    '_*_',
    ...numbers(
      'multiply',
      (a, b) => a * b,
      (a, b) => a * b,
    ),
  ),
  fn(
    '_/_',
    global(
      'divide_int64',
      [intType, intType],
      intType,
      unlessZero(
        divisionByZero,
        ints(
          (a, b) => Math.trunc(a / b),
          (a, b) => a / b,
        ),
      ),
    ),
    global(
      'divide_uint64',
      [uintType, uintType],
      uintType,
      unlessUintZero(divisionByZero, (a, b) => a / b),
    ),
    global(
      'divide_double',
      [doubleType, doubleType],
      doubleType,
      doubles((a, b) => a / b),
    ),
  ),
  fn(
    '_%_',
    global(
      'modulo_int64',
      [intType, intType],
      intType,
      unlessZero(
        modulusByZero,
        ints(
          (a, b) => a % b,
          (a, b) => a % b,
        ),
      ),
    ),
    global(
      'modulo_uint64',
      [uintType, uintType],
      uintType,
      unlessUintZero(modulusByZero, (a, b) => a % b),
    ),
  ),
  fn(
    '-_',
    global('negate_int64', [intType], intType, (a: CelInt) => (typeof a === 'number' ? 0 - a : intOrError(-a, overflow))),
    global('negate_double', [doubleType], doubleType, (a: CelDouble) => new CelDouble(-a.value)),
  ),
]

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
