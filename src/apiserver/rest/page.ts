import type { Cell } from '../cacher/cell.js'

/** A list, or one page of it. */
export interface Page {
  readonly cells: readonly Cell[]
  readonly revision: number
  readonly next?: string
  readonly remaining?: number
}

export function listMetadata({ revision, next, remaining }: Page): Record<string, unknown> {
  return { resourceVersion: String(revision), ...(next ? { continue: next } : {}), ...(remaining ? { remainingItemCount: remaining } : {}) }
}
