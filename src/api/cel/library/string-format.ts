/** "%s is %d".format([a, b]) (cel-go's ext.Strings). */
import { isNumeric } from '../equality.js'
import { plainDecimal } from '../numbers.js'
import { durationText, timestampText } from '../time.js'
import { typeName } from '../types.js'
import { runtimeType } from '../runtime-type.js'
import { CelDouble, CelDuration, CelError, CelList, CelMap, CelTimestamp, CelTypeValue, CelUint, type CelValue, isInt } from '../values.js'

class FormatFault extends Error {}

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))/g
/** A precision beyond this says nothing of a double and only makes text. */
const precisionMax = 1_000
const precisionDefault = 6
/** As far as JavaScript writes fractions. */
const digitsMax = 100

/** How %e writes a power of ten. */
export type PowerText = (power: number) => string

/** e+06 */
export const plainPower: PowerText = (power) => `e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`

const raisedDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹'
/** ×10⁰⁶, as the libraries up to version 2 write it in English. */
export const raisedPower: PowerText = (power) => {
  const digits = String(Math.abs(power)).padStart(2, '0')
  return `\u00d710${power < 0 ? '⁻' : ''}${digits.replace(/\d/g, (digit) => raisedDigits[Number(digit)] ?? '')}`
}

export function formatText(format: string, args: CelList, powerText: PowerText): CelValue {
  const values = args.values()
  let next = 0
  try {
    if (format.replace(clause, '').includes('%')) throw new FormatFault('unrecognized formatting clause')
    return format.replace(clause, (all, precision: string | undefined, verb: string | undefined) => {
      if (verb === undefined) return all.slice(1)
      const value = values[next++]
      if (value === undefined) throw new FormatFault(`index ${next - 1} out of range`)
      if (precision !== undefined && Number(precision) > precisionMax) throw new FormatFault(`invalid precision: ${precision}`)
      return formatValue(verb, value, precision === undefined ? undefined : Number(precision), powerText)
    })
  } catch (error) {
    if (error instanceof FormatFault) return new CelError(error.message)
    throw error
  }
}

function formatValue(verb: string, value: CelValue, precision: number | undefined, powerText: PowerText): string {
  switch (verb) {
    case 's':
      return shown(value)
    case 'd':
      return decimal(value)
    case 'f':
      return fixed(value, precision ?? precisionDefault)
    case 'e':
      return scientific(value, precision ?? precisionDefault, powerText)
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : whole(verb, value).toString(2)
    case 'o':
      return whole(verb, value).toString(8)
    case 'x':
      return hexadecimal(verb, value)
    case 'X':
      return hexadecimal(verb, value).toUpperCase()
    default:
      throw new FormatFault(`unrecognized formatting clause "${verb}"`)
  }
}

function refuse(verb: string, value: CelValue): never {
  throw new FormatFault(`%${verb}: not a value for this clause, was given ${typeName(runtimeType(value))}`)
}

function shown(value: CelValue): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || isInt(value)) return String(value)
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelDouble) return shownDouble(value.value)
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (value instanceof CelTimestamp) return timestampText(value)
  if (value instanceof CelDuration) return durationText(value)
  if (value instanceof CelTypeValue) return typeName(value.type)
  if (value instanceof CelList) return `[${value.values().map(shown).join(', ')}]`
  if (value instanceof CelMap) {
    const entries = value.keys().map((key) => [shown(key), shown(value.get(key) as CelValue)] as const)
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, of]) => `${key}: ${of}`)
      .join(', ')}}`
  }
  return refuse('s', value)
}

const special = (value: number) => (Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity')
const shownDouble = (value: number) => (Number.isFinite(value) ? plainDecimal(value) : special(value))

function decimal(value: CelValue): string {
  if (isInt(value)) return String(value)
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelDouble) return shownDouble(value.value)
  return refuse('d', value)
}

function double(verb: string, value: CelValue): number {
  if (value instanceof CelDouble) return value.value
  if (isNumeric(value)) return Number(value instanceof CelUint ? value.value : value)
  return refuse(verb, value)
}

function fixed(value: CelValue, precision: number): string {
  const number = double('f', value)
  if (!Number.isFinite(number)) return special(number)
  return rounded(number, precision)
}

/** Half to even, as Go rounds: JavaScript takes the larger of two that are as near. */
function rounded(value: number, precision: number): string {
  const places = Math.min(precision, digitsMax)
  if (Math.abs(value) >= 1e21) return plainDecimal(value) + (places > 0 ? `.${'0'.repeat(places)}` : '')
  const exact = value.toFixed(Math.min(places + 40, digitsMax))
  const cut = exact.length - (exact.split('.')[1] ?? '').length + places
  const isTie = places < digitsMax && /^50*$/.test(exact.slice(cut))
  const isEven = /[02468]\.?$/.test(exact.slice(0, cut))
  return isTie && isEven ? exact.slice(0, cut).replace(/\.$/, '') : value.toFixed(places)
}

function scientific(value: CelValue, precision: number, powerText: PowerText): string {
  const number = double('e', value)
  if (!Number.isFinite(number)) return special(number)
  const [digits, power = ''] = number.toExponential(Math.min(precision, digitsMax)).split('e')
  return digits + powerText(Number(power))
}

function whole(verb: string, value: CelValue): bigint {
  if (isInt(value)) return BigInt(value)
  return value instanceof CelUint ? value.value : refuse(verb, value)
}

function hexadecimal(verb: string, value: CelValue): string {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  if (bytes instanceof Uint8Array) return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return whole(verb, bytes).toString(16)
}
