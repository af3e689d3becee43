/** What a configuration document may look like. A document is read strictly: an unknown field or a wrong type is a fault with its path. */
import { isRecord } from '../../base/record.js'
import type { Fault } from '../../api/status.js'
import { parseDurationMs } from '../../base/duration.js'

export type Shape =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'duration'
  | 'any'
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> }

/** The faults of a value that came out of YAML; null counts as absent, as in Go. */
export function shapeFaults(shape: Shape, value: unknown, path: string): Fault[] {
  const faults: Fault[] = []
  check(shape, value, path, faults)
  return faults
}

function check(shape: Shape, value: unknown, path: string, faults: Fault[]): void {
  if (shape === 'any' || value === null || value === undefined) return
  if (typeof shape === 'string') {
    if (!isScalar(shape, value)) faults.push(wrongType(path, value, shape))
  } else if ('list' in shape) {
    if (!Array.isArray(value)) faults.push(wrongType(path, value, 'list'))
    else for (const [at, item] of value.entries()) check(shape.list, item, `${path}[${at}]`, faults)
  } else if (!isRecord(value)) faults.push(wrongType(path, value, 'object'))
  else if ('map' in shape) for (const key of Object.keys(value)) check(shape.map, value[key], `${path}[${key}]`, faults)
  else checkFields(shape.fields, value, path, faults)
}

function checkFields(fields: Readonly<Record<string, Shape>>, value: Record<string, unknown>, path: string, faults: Fault[]): void {
  for (const key of Object.keys(value)) {
    const at = path === '' ? key : `${path}.${key}`
    const shape = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (shape) check(shape, value[key], at, faults)
    else faults.push({ path: at, reason: 'FieldValueInvalid', detail: 'unknown field' })
  }
}

function isScalar(shape: 'string' | 'boolean' | 'integer' | 'duration', value: unknown): boolean {
  if (shape === 'integer') return Number.isSafeInteger(value)
  if (shape === 'duration') return typeof value === 'string' && parseDurationMs(value) !== undefined
  return typeof value === shape
}

function wrongType(path: string, value: unknown, wanted: string): Fault {
  return { path, reason: 'FieldValueTypeInvalid', value, detail: `must be a ${wanted}` }
}
