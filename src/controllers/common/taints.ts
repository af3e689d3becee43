import type { Taint, Toleration } from '../../api/types/core-v1.js'

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  switch (toleration.operator ?? 'Equal') {
    case 'Exists':
      return true
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '')
    case 'Gt':
      return compare(taint.value, toleration.value) > 0
    case 'Lt':
      return compare(taint.value, toleration.value) < 0
  }
}

/** Of whole numbers; NaN (so neither more nor less) when one is none. */
function compare(a: string | undefined, b: string | undefined): number {
  const [left, right] = [a, b].map((text) => (/^-?\d+$/.test(text ?? '') ? Number(text) : NaN)) as [number, number]
  return left - right
}

/** The tolerations that answer the taints, one a taint; undefined when one of them is not tolerated. */
export function toleratedBy(taints: readonly Taint[], tolerations: readonly Toleration[]): Toleration[] | undefined {
  const used: Toleration[] = []
  for (const taint of taints) {
    const answer = tolerations.find((toleration) => tolerates(toleration, taint))
    if (!answer) return undefined
    used.push(answer)
  }
  return used
}

/** A taint is known by key and effect; its value may differ. */
export const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect
