/**
 * Quantities for accounting: exact sums and comparisons in billionths (the finest unit the API knows), written back in
 * canonical form (apimachinery resource.Quantity). Pure.
 */
export interface Amount {
  readonly nanos: bigint
  readonly format: 'decimal' | 'binary' | 'exponent'
}

export const zero: Amount = { nanos: 0n, format: 'decimal' }

const pattern = /^([+-]?)(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?$/
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }

/** undefined when the text is not a quantity. Finer than a billionth is rounded up, as upstream does. */
export function parseAmount(text: string | undefined): Amount | undefined {
  const match = pattern.exec(text ?? '')
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(`${whole}${fraction}`)
  const power = binary.indexOf(suffix as (typeof binary)[number])
  const isExponent = /^[eE][+-]?\d/.test(suffix)
  const scale = 9 - fraction.length + (power >= 0 ? 0 : isExponent ? Number(suffix.slice(1)) : (decimal[suffix] ?? 0))
  const unit = power >= 0 ? 1n << BigInt(10 * (power + 1)) : 1n
  const positive = scale >= 0 ? digits * unit * 10n ** BigInt(scale) : divideUp(digits * unit, 10n ** BigInt(-scale))
  return { nanos: sign === '-' ? -positive : positive, format: power >= 0 ? 'binary' : isExponent ? 'exponent' : 'decimal' }
}

/** What cannot be read counts as nothing: validation has refused it long before. */
export function amountOf(text: string | undefined): Amount {
  return parseAmount(text) ?? zero
}

export function addAmounts(a: Amount, b: Amount): Amount {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

export function subtractAmounts(a: Amount, b: Amount): Amount {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

/** Negative when a < b, 0 when equal. */
export function compareAmounts(a: Amount, b: Amount): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0
}

export function countAmount(count: number): Amount {
  return { nanos: BigInt(count) * unitNanos, format: 'decimal' }
}

/** Canonical text: no fraction, the largest suffix that keeps it exact. */
export function formatAmount({ nanos, format }: Amount): string {
  if (nanos === 0n) return '0'
  const sign = nanos < 0n ? '-' : ''
  const positive = nanos < 0n ? -nanos : nanos
  if (format === 'binary' && positive % unitNanos === 0n && positive >= 1024n * unitNanos) return sign + formatBinary(positive / unitNanos)
  let value = positive
  let exponent = -9
  while (exponent < 18 && value % 1000n === 0n) {
    value /= 1000n
    exponent += 3
  }
  const suffix = format === 'exponent' ? (exponent === 0 ? '' : `e${exponent}`) : suffixOf(exponent)
  return `${sign}${value}${suffix}`
}
const unitNanos = 10n ** 9n

function formatBinary(value: bigint): string {
  let rest = value
  let power = 0
  while (power < binary.length && rest % 1024n === 0n) {
    rest /= 1024n
    power++
  }
  return `${rest}${power === 0 ? '' : binary[power - 1]}`
}

function suffixOf(exponent: number): string {
  return Object.keys(decimal).find((suffix) => decimal[suffix] === exponent) ?? ''
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}
