import { parseDurationMs } from '../../../base/duration.js'
import type { Field } from './fields.js'

/**
 * A document of fields: what it says over the defaults. Unknown fields and values of another type are faults that name their path;
 * all of them are told at once.
 */
export type Document = Readonly<Record<string, unknown>>

export interface ReadFields {
  readonly values: Readonly<Record<string, unknown>>
  /** With every default filled in, durations as text: what /configz shows. */
  readonly document: Document
  readonly faults: readonly string[]
}

export function readFields(fields: Readonly<Record<string, Field>>, document: Document, path = ''): ReadFields {
  const values: Record<string, unknown> = {}
  const shown: Record<string, unknown> = {}
  const faults: string[] = []
  for (const key of Object.keys(document)) if (!Object.hasOwn(fields, key)) faults.push(`unknown field "${path}${key}"`)
  for (const [key, field] of Object.entries(fields)) {
    const given = document[key]
    if (field.kind === 'group') {
      const inner = given === undefined || given === null ? {} : given
      if (!isDocument(inner)) faults.push(`${path}${key}: must be an object`)
      const read = readFields(field.fields, isDocument(inner) ? inner : {}, `${path}${key}.`)
      values[key] = read.values
      shown[key] = read.document
      faults.push(...read.faults)
      continue
    }
    const fault = given === undefined || given === null ? undefined : faultOf(field, given)
    if (fault) faults.push(`${path}${key}: ${fault}`)
    const value = given === undefined || given === null || fault || isUnset(field, given) ? field.default : given
    values[key] = field.kind === 'duration' ? (parseDurationMs(String(value)) ?? 0) : value
    if (value !== undefined) shown[key] = value
  }
  return { values, document: shown, faults }
}

/** What a Go struct cannot tell from "not given" is the default. */
function isUnset(field: Field, value: unknown): boolean {
  if (field.kind === 'number') return value === 0 && field.zero !== true
  if (field.kind === 'duration') return parseDurationMs(String(value)) === 0
  return value === ''
}

function faultOf(field: Field, value: unknown): string | undefined {
  switch (field.kind) {
    case 'text':
      if (typeof value !== 'string') return 'must be a string'
      return field.oneOf && value !== '' && !field.oneOf.includes(value) ? `"${value}" is not one of ${field.oneOf.join(', ')}` : undefined
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number'
    case 'duration':
      return typeof value === 'string' && parseDurationMs(value) !== undefined ? undefined : 'must be a duration such as "10s"'
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'must be a list of strings'
    case 'map':
      return isDocument(value) && Object.values(value).every((item) => typeof item === 'string') ? undefined : 'must map strings to strings'
    default:
      return undefined
  }
}

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A document over another: objects field by field, everything else as a whole (KEP-3983, drop-ins). */
export function merged(under: Document, over: Document): Document {
  const result: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const before = result[key]
    result[key] = isDocument(before) && isDocument(value) ? merged(before, value) : value
  }
  return result
}

/** `document` with the value at a dotted path. */
export function withPath(document: Document, path: string, value: unknown): Document {
  const over = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
  return merged(document, over as Document)
}
