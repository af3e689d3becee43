/**
 * Quantities as text and as numbers. Exact sums are in resource-usage/amount.ts; here is what hot paths need: the canonical
 * spelling (apimachinery resource.Quantity) and plain numbers for scheduling and metrics.
 */
import { formatAmount, parseAmount } from './resource-usage/amount.js'

/** Already canonical, and by far the most usual spellings: at most three digits that need no shortening, with a suffix or none. */
const plain = /^(?:[1-9]\d{0,2}(?:[mkMGTPE]|[KMGTPE]i)?|0)$/

/** The one spelling of a quantity: "0.5" → "500m", "1024Mi" → "1Gi". Throws when the text is not a quantity. */
export function canonicalQuantity(text: string): string {
  if (plain.test(text)) return text
  const amount = parseAmount(text)
  if (!amount) throw new Error(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
  return formatAmount(amount)
}

export function isQuantity(text: string): boolean {
  return plain.test(text) || parseAmount(text) !== undefined
}

/** The value as a number, rounded up to a whole one (Quantity.Value); 0 when absent or unreadable. */
export function quantityValue(text: string | undefined): number {
  return rounded(text, 1_000_000_000n)
}

/** The value in thousandths, rounded up (Quantity.MilliValue); 0 when absent or unreadable. */
export function quantityMilliValue(text: string | undefined): number {
  return rounded(text, 1_000_000n)
}

function rounded(text: string | undefined, unitNanos: bigint): number {
  const amount = parseAmount(text)
  if (!amount) return 0
  const { nanos } = amount
  return Number(nanos >= 0n ? (nanos + unitNanos - 1n) / unitNanos : nanos / unitNanos)
}
