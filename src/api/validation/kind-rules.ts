import type { Faults } from './faults.js'

/**
 * The rules of one kind: api/validation/<group>/<kind>.ts exports one, in the version that is stored. Metadata that every kind
 * has is judged elsewhere. Pure; the object is complete (defaulted, with what the server adds), `old` is what is stored.
 */
export interface KindRules<T> {
  create(faults: Faults, object: T): void
  /** All that an update is judged by: where upstream judges the new object as a new one too, so does this. */
  update(faults: Faults, object: T, old: T): void
  /** For /status. */
  status?(faults: Faults, object: T, old: T): void
  /** What is accepted and most likely not meant; `old` is undefined on create. */
  warnings?(object: T, old: T | undefined): string[]
  /** PUT and PATCH of other subresources that speak the kind itself. */
  readonly subresources?: Readonly<Record<string, (faults: Faults, object: T, old: T) => void>>
}

/** Rules of a kind whose update is judged as a new object is. */
export function sameRules<T>(rule: (faults: Faults, object: T) => void): KindRules<T> {
  return { create: rule, update: (faults, object) => rule(faults, object) }
}
