/** Conversions between types, named like the type they make (cel-spec "List of Standard Definitions"). */
import { conversionCost } from '../cost.js'
import { fn, global } from '../functions.js'
import { doubleText, parseDouble } from '../numbers.js'
import { durationOf, durationText, parseDuration, parseTimestamp, timestampOf, timestampText } from '../time.js'
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  intType,
  stringType,
  timestampType,
  typeOf,
  typeParameter,
  uintType,
} from '../types.js'
import {
  CelDouble,
  type CelDuration,
  CelError,
  type CelInt,
  type CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  intOrError,
  normalInt,
  uintOrError,
} from '../values.js'
import { runtimeType } from '../runtime-type.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const range = new CelError('range error: the value does not fit the type')
const fault = (text: string, type: string) => new CelError(`cannot convert ${JSON.stringify(text)} to ${type}`)
const second = 1_000_000_000n

function intOfText(text: string): CelInt | CelError {
  return /^[+-]?\d+$/.test(text) ? intOrError(BigInt(text.replace(/^\+/, '')), range) : fault(text, 'int')
}

function uintOfText(text: string): CelUint | CelError {
  return /^\d+$/.test(text) ? uintOrError(BigInt(text), range) : fault(text, 'uint')
}

function intOfDouble({ value }: CelDouble): CelInt | CelError {
  // The bounds themselves are out: a double cannot tell them from what is beyond.
  if (!(value > -(2 ** 63) && value < 2 ** 63)) return range
  return normalInt(BigInt(Math.trunc(value)))
}

const boolTexts = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
])

/** An identity under the type's own name. */
const same = (value: CelValue) => value
const T = typeParameter('T')

export const conversions = [
  fn(
    'bool',
    global('bool_to_bool', [boolType], boolType, same),
    global('string_to_bool', [stringType], boolType, (text: string) => boolTexts.get(text) ?? fault(text, 'bool')),
  ),
  fn(
    'bytes',
    global('bytes_to_bytes', [bytesType], bytesType, same),
    global(
      'string_to_bytes',
      [stringType],
      bytesType,
      (text: string) => encoder.encode(text),
      conversionCost(({ min, max }) => ({ min, max: max * 4 })),
    ),
  ),
  fn(
    'double',
    global('double_to_double', [doubleType], doubleType, same),
    global('int64_to_double', [intType], doubleType, (value: CelInt) => new CelDouble(Number(value))),
    global('uint64_to_double', [uintType], doubleType, ({ value }: CelUint) => new CelDouble(Number(value))),
    global('string_to_double', [stringType], doubleType, (text: string) => {
      const value = parseDouble(text)
      return value === undefined ? fault(text, 'double') : new CelDouble(value)
    }),
  ),
  fn(
    'duration',
    global('duration_to_duration', [durationType], durationType, same),
    global('int64_to_duration', [intType], durationType, (nanos: CelInt) => durationOf(BigInt(nanos))),
    global('string_to_duration', [stringType], durationType, parseDuration),
  ),
  fn(
    'int',
    global('int64_to_int64', [intType], intType, same),
    global('uint64_to_int64', [uintType], intType, ({ value }: CelUint) => intOrError(value, range)),
    global('double_to_int64', [doubleType], intType, intOfDouble),
    global('duration_to_int64', [durationType], intType, ({ nanos }: CelDuration) => intOrError(nanos, range)),
    global('string_to_int64', [stringType], intType, intOfText),
    global('timestamp_to_int64', [timestampType], intType, ({ nanos }: CelTimestamp) =>
      normalInt((nanos - (((nanos % second) + second) % second)) / second),
    ),
  ),
  fn(
    'string',
    global('string_to_string', [stringType], stringType, same),
    global('bool_to_string', [boolType], stringType, String),
    global('int64_to_string', [intType], stringType, String),
    global('uint64_to_string', [uintType], stringType, ({ value }: CelUint) => String(value)),
    global('double_to_string', [doubleType], stringType, ({ value }: CelDouble) => doubleText(value)),
    global('timestamp_to_string', [timestampType], stringType, timestampText),
    global('duration_to_string', [durationType], stringType, durationText),
    global(
      'bytes_to_string',
      [bytesType],
      stringType,
      (bytes: Uint8Array) => {
        try {
          return decoder.decode(bytes)
        } catch {
          return new CelError('invalid UTF-8 in bytes, cannot convert to string')
        }
      },
      conversionCost(({ min, max }) => ({ min: Math.floor(min / 4), max })),
    ),
  ),
  fn(
    'timestamp',
    global('timestamp_to_timestamp', [timestampType], timestampType, same),
    global('int64_to_timestamp', [intType], timestampType, (seconds: CelInt) => timestampOf(BigInt(seconds) * second)),
    global('string_to_timestamp', [stringType], timestampType, parseTimestamp),
  ),
  fn(
    'uint',
    global('uint64_to_uint64', [uintType], uintType, same),
    global('int64_to_uint64', [intType], uintType, (value: CelInt) => uintOrError(BigInt(value), range)),
    global('double_to_uint64', [doubleType], uintType, ({ value }: CelDouble) =>
      value >= 0 && value < 2 ** 64 ? new CelUint(BigInt(Math.trunc(value))) : range,
    ),
    global('string_to_uint64', [stringType], uintType, uintOfText),
  ),
  fn(
    'type',
    global('type', [T], typeOf(T), (value: CelValue) => new CelTypeValue(runtimeType(value))),
  ),
]
