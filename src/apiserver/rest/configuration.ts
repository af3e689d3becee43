/** The body of a server-side apply: YAML, or JSON, which is YAML too and far faster to read. */
import { type JsonObject, type JsonValue } from '../../api/object.js'
import { badRequest } from '../../api/status.js'
import { messageOf } from '../../base/errors.js'
import { type FieldValidation, noteDuplicates } from './body.js'
import { readYaml } from './yaml.js'

const decoder = new TextDecoder('utf-8', { fatal: true })
/** Of several documents the first is read. A member that is there twice counts as it is last; `warn` hears of it, or it is refused. */
export function parseConfiguration(bytes: Uint8Array, validation: FieldValidation, warn: (message: string) => void): JsonObject {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw badRequest('error decoding YAML: it is not UTF-8')
  }
  const twice: string[] = []
  const value = (looksLikeJson(text) ? parseJson(text, validation, twice) : undefined) ?? parseYaml(text, twice)
  if (twice.length > 0 && validation === 'Strict') throw badRequest(`error strict decoding YAML: ${twice.join(', ')}`)
  if (validation === 'Warn') for (const message of twice) warn(message)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('error decoding YAML: it is not an object')
  return value
}

function looksLikeJson(text: string): boolean {
  return /^\s*\{/.test(text)
}

function parseJson(text: string, validation: FieldValidation, twice: string[]): JsonValue | undefined {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
  if (validation !== 'Ignore') noteDuplicates(text, value, twice)
  return value
}

function parseYaml(text: string, twice: string[]): JsonValue {
  try {
    return readYaml(text, twice)
  } catch (error) {
    throw badRequest(`error decoding YAML: ${messageOf(error)}`)
  }
}
