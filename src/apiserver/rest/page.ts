import type { Cell } from '../cacher/cell.js'

/** A list, or one page of it. */
export interface Page {
  readonly cells: readonly Cell[]
  readonly revision: number
  readonly next?: string
  readonly remaining?: number
}

/** Lists of custom resources have `continue` always, empty on the last page, as upstream's untyped lists do. */
export function listMetadata({ revision, next, remaining }: Page, isCustom: boolean): Record<string, unknown> {
  const position = isCustom ? { continue: next ?? '' } : next ? { continue: next } : {}
  return { resourceVersion: String(revision), ...position, ...(remaining ? { remainingItemCount: remaining } : {}) }
}
