import type { Taint, Toleration } from '../../api/types/core-v1.js'

/** Whether one of the tolerations takes this taint (API: an empty key with Exists takes every one, an empty effect each effect). */
export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  for (const toleration of tolerations ?? []) {
    if (toleration.effect && toleration.effect !== taint.effect) continue
    if (toleration.key && toleration.key !== taint.key) continue
    if (toleration.operator === 'Exists') return true
    if (valueFits(toleration, taint.value ?? '')) return true
  }
  return false
}

/** Lt and Gt compare whole numbers (KEP-5471); anything else compares as nothing. */
function valueFits({ operator, value = '' }: Toleration, taintValue: string): boolean {
  switch (operator as string | undefined) {
    case undefined:
    case '':
    case 'Equal':
      return value === taintValue
    case 'Gt':
      return areIntegers(value, taintValue) && BigInt(taintValue) > BigInt(value)
    case 'Lt':
      return areIntegers(value, taintValue) && BigInt(taintValue) < BigInt(value)
    default:
      return false
  }
}

function areIntegers(...texts: readonly string[]): boolean {
  return texts.every((text) => /^-?\d{1,19}$/.test(text))
}
