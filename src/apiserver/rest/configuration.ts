/** The body of a server-side apply: YAML, or JSON, which is YAML too and far faster to read. */
import { parseAllDocuments } from 'yaml'
import { duplicateKeys } from '../../api/codec/duplicate-keys.js'
import { type JsonObject, type JsonValue } from '../../api/object.js'
import { badRequest } from '../../api/status.js'
import { messageOf } from '../../base/errors.js'
import type { FieldValidation } from './body.js'

const decoder = new TextDecoder('utf-8', { fatal: true })
/** Aliases beyond this are an attack, not an object. */
const aliasesMax = 100

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
  if (validation !== 'Ignore') twice.push(...duplicateKeys(text, value).map((path) => `duplicate field "${path}"`))
  return value
}

function parseYaml(text: string, twice: string[]): JsonValue {
  try {
    const documents = parseAllDocuments(text, { schema: 'core', merge: true })
    const document = Array.isArray(documents) ? documents[0] : undefined
    if (!document) throw new Error('it is empty')
    for (const error of document.errors) {
      if (error.code !== 'DUPLICATE_KEY') throw error
      twice.push(error.message.split('\n', 1)[0] ?? '')
    }
    return document.toJS({ maxAliasCount: aliasesMax }) as JsonValue
  } catch (error) {
    throw badRequest(`error decoding YAML: ${messageOf(error)}`)
  }
}
