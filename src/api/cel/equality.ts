/** Equality of any two values and the order of comparable ones (cel-spec "Equality", "Ordering"): numbers by what they are worth. */
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
} from './values.js'
import { typeName } from './types.js'

type Numeric = number | bigint | CelUint | CelDouble

export function isNumeric(value: CelValue): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof CelUint || value instanceof CelDouble
}

export function equals(a: CelValue, b: CelValue): boolean {
  if (typeof a !== 'object') {
    if (a === b) return true
    return isNumeric(a) && isNumeric(b) && compareNumbers(a, b) === 0
  }
  if (a === null) return b === null
  if (isNumeric(a)) return isNumeric(b) && compareNumbers(a, b) === 0
  if (a instanceof CelList) return b instanceof CelList && sameLists(a, b)
  if (a instanceof CelMap) return b instanceof CelMap && sameMaps(a, b)
  if (a instanceof CelObject || a instanceof CelOpaque) return a.equals(b)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && typeName(a.type) === typeName(b.type)
  if (a instanceof CelOptional) {
    if (!(b instanceof CelOptional)) return false
    return a.value === undefined || b.value === undefined ? a.value === b.value : equals(a.value, b.value)
  }
  return false
}

function sameLists(a: CelList, b: CelList): boolean {
  const own = a.equalsOwn(b)
  if (own !== undefined) return own
  if (a.size !== b.size) return false
  for (let i = 0; i < a.size; i++) if (!equals(a.at(i), b.at(i))) return false
  return true
}

function sameMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false
  return a.keys().every((key) => {
    const other = b.get(key)
    return other !== undefined && equals(a.get(key) as CelValue, other)
  })
}

/** Beside a double the other is taken as one too. undefined: NaN is neither before nor after anything. */
export function compareNumbers(a: Numeric, b: Numeric): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0
  const left = plainNumber(a)
  const right = plainNumber(b)
  if (a instanceof CelDouble || b instanceof CelDouble) return order(Number(left), Number(right))
  return order(BigInt(left), BigInt(right))
}

const order = <T extends number | bigint>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : a === b ? 0 : undefined)

function plainNumber(value: Numeric): number | bigint {
  return typeof value === 'object' ? value.value : value
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number)
  return a.length - b.length
}

/** By code points, which UTF-16 order is not. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  const shorter = Math.min(a.length, b.length)
  let i = 0
  while (i < shorter && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === shorter) return a.length - b.length
  const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
  const isSurrogate = (code: number) => code >= 0xd800 && code <= 0xdfff
  // A surrogate stands for a code point beyond every other unit.
  if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1
  return left - right
}

/** The order of two values of comparable types; undefined when there is none. */
export function compare(a: CelValue, b: CelValue): number | undefined | CelError {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  const both = (a instanceof CelTimestamp && b instanceof CelTimestamp) || (a instanceof CelDuration && b instanceof CelDuration)
  if (both) {
    const [left, right] = [a.nanos, (b as CelDuration).nanos]
    return left < right ? -1 : left > right ? 1 : 0
  }
  return new CelError('no such overload')
}
