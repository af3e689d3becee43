/** Amounts of resources are kept in thousandths: what is finer is rounded up (core/v1 defaulting of ResourceList). In place. */
import { formatAmount, parseAmount } from '../resource-usage/amount.js'

const milli = 1_000_000n
/** The only spellings of something finer than a thousandth. */
const fine = /[nu]$/

export function roundAmounts(amounts: Record<string, string> | undefined): void {
  for (const name in amounts) {
    const amount = fine.test(amounts[name] ?? '') ? parseAmount(amounts[name]) : undefined
    if (!amount) continue
    const rest = ((amount.nanos % milli) + milli) % milli
    if (rest > 0n) amounts[name] = formatAmount({ ...amount, nanos: amount.nanos - rest + milli })
  }
}

export function roundRequirements(resources: { limits?: Record<string, string>; requests?: Record<string, string> } | undefined): void {
  roundAmounts(resources?.limits)
  roundAmounts(resources?.requests)
}
