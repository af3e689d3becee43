import type { Taint, Toleration } from '../../api/types/core-v1.js'

/** Whether one of the tolerations takes this taint (API: an empty key with Exists takes every one, an empty effect each effect). */
export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  for (const toleration of tolerations ?? []) {
    if (toleration.effect && toleration.effect !== taint.effect) continue
    if (toleration.key && toleration.key !== taint.key) continue
    if (toleration.operator === 'Exists') return true
    if ((toleration.value ?? '') === (taint.value ?? '') && isEqual(toleration)) return true
  }
  return false
}

function isEqual({ operator }: Toleration): boolean {
  return !operator || operator === 'Equal'
}
