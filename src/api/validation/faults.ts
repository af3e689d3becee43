import type { Fault } from '../status.js'

/**
 * Collects what is wrong with an object: every rule adds its faults here, and a request that breaks none allocates nothing.
 * The functions are named after the reasons of the API (field.ErrorType upstream).
 */
export class Faults {
  #list: Fault[] | undefined

  get list(): readonly Fault[] {
    return this.#list ?? []
  }

  get count(): number {
    return this.#list?.length ?? 0
  }

  add(...faults: readonly Fault[]): void {
    if (faults.length > 0) (this.#list ??= []).push(...faults)
  }

  required(path: string, detail = ''): void {
    this.add({ path, reason: 'FieldValueRequired', detail })
  }

  invalid(path: string, value: unknown, detail: string): void {
    this.add({ path, reason: 'FieldValueInvalid', value, detail })
  }

  notSupported(path: string, value: unknown, supported: Iterable<string>): void {
    const detail = `supported values: ${[...supported].map((word) => JSON.stringify(word)).join(', ')}`
    this.add({ path, reason: 'FieldValueNotSupported', value, detail })
  }

  duplicate(path: string, value: unknown): void {
    this.add({ path, reason: 'FieldValueDuplicate', value, detail: '' })
  }

  forbidden(path: string, detail: string): void {
    this.add({ path, reason: 'FieldValueForbidden', detail })
  }

  notFound(path: string, value: unknown): void {
    this.add({ path, reason: 'FieldValueNotFound', value, detail: '' })
  }

  tooLong(path: string, max: number): void {
    this.add({ path, reason: 'FieldValueTooLong', detail: `may not be more than ${max} bytes` })
  }

  tooMany(path: string, count: number, max: number): void {
    this.add({ path, reason: 'FieldValueTooMany', value: count, detail: `must have at most ${max} items` })
  }

  /** A word that must be there and be one of a few. */
  word(path: string, value: string | undefined, supported: ReadonlySet<string>): void {
    if (!value) this.required(path)
    else if (!supported.has(value)) this.notSupported(path, value, supported)
  }

  /** A word that may be absent, and else is one of a few ('' is none of them). */
  optionalWord(path: string, value: string | undefined, supported: ReadonlySet<string>): void {
    if (value !== undefined && !supported.has(value)) this.notSupported(path, value, supported)
  }

  /** A text that must not be empty. */
  text(path: string, value: string | undefined): void {
    if (!value) this.required(path)
  }

  nonNegative(path: string, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(path, value, 'must be greater than or equal to 0')
  }

  between(path: string, value: number | undefined, first: number, last: number): void {
    if (value !== undefined && (value < first || value > last)) this.invalid(path, value, `must be between ${first} and ${last}, inclusive`)
  }
}

export const immutable = 'field is immutable'
