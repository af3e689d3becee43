/** From a request's body to an object of the resource's kind. Every refusal says what was wrong with the body. */
import { duplicateKeys } from '../../api/codec/duplicate-keys.js'
import { DecodeError } from '../../api/codec/decode.js'
import { decodeProtobuf, protobufType } from '../../api/codec/protobuf.js'
import type { GroupVersionKind, JsonValue, UnknownObject } from '../../api/object.js'
import { apiVersionOf } from '../../api/object.js'
import { badRequest, StatusError, unsupportedMediaType } from '../../api/status.js'
import { invalidQuery, optionsKind } from './queries.js'
import { messageOf } from '../../base/errors.js'
import type { ServedResource } from '../registry/resource.js'
import { readYaml } from './yaml.js'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Nesting beyond this is an attack, not an object (encoding/json's own bound). */
const depthMax = 10_000

/** `twice` gets a message for each member that is there twice; of those the last counts. */
export function parseBody(bytes: Uint8Array, contentType: string | undefined, twice?: string[]): JsonValue {
  const type = (contentType ?? 'application/json').split(';')[0]?.trim() ?? ''
  if (type === protobufType) return parseProtobuf(bytes)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw badRequest('the body of the request was in an unknown format - it is not UTF-8')
  }
  if (type === 'application/yaml' || type === 'application/apply-patch+yaml') return parseYamlText(text, twice)
  if (type !== 'application/json' && type !== '' && !type.endsWith('+json')) {
    throw unsupportedMediaType(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    )
  }
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${messageOf(error)}`)
  }
  if (twice) noteDuplicates(text, value, twice)
  return value
}

/** Throws BadRequest of a text that is nested too deeply to be looked through. */
export function noteDuplicates(text: string, value: JsonValue, twice: string[]): void {
  try {
    for (const path of duplicateKeys(text, value)) twice.push(`duplicate field "${path}"`)
  } catch (error) {
    throw error instanceof RangeError ? tooDeep() : error
  }
}

function tooDeep(): StatusError {
  return badRequest(`the body of the request is nested too deeply (at most ${depthMax} levels)`)
}

function parseProtobuf(bytes: Uint8Array): JsonValue {
  try {
    return decodeProtobuf(bytes)
  } catch (error) {
    throw badRequest(messageOf(error))
  }
}

function parseYamlText(text: string, twice: string[] = []): JsonValue {
  try {
    return readYaml(text, twice)
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${messageOf(error)}`)
  }
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

/** Of the query: Warn is the default (KEP-2885). */
export function fieldValidationOf(query: URLSearchParams, verb: string): FieldValidation {
  const value = query.get('fieldValidation') ?? ''
  if (value === '') return 'Warn'
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value
  const detail = 'supported values: "Ignore", "Strict", "Warn"'
  throw invalidQuery(optionsKind(verb), { path: 'fieldValidation', reason: 'FieldValueNotSupported', value, detail })
}

/** The body is no object of its kind: a member has another type, or (strictly) one is not known. */
export class UndecodableError extends StatusError {
  constructor(message: string) {
    super(badRequest(message).status)
  }
}

/** What is decoded: a served resource, or what else comes in a body. */
export interface Decodable {
  readonly info: GroupVersionKind
  readonly codec: Pick<ServedResource['codec'], 'decode' | 'applyDefaults'>
}

/** The value as an object of the resource's kind, decoded and defaulted. `twice`: what parsing has found already. */
export function decodeObject(
  served: Decodable,
  value: JsonValue,
  validation: FieldValidation,
  warn: (message: string) => void,
  twice: readonly string[] = [],
): UnknownObject {
  const { info, codec } = served
  const wanted = apiVersionOf(info)
  // As Go reads it, null leaves every member unset.
  if (value === null) value = {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw badRequest(`the object provided is unrecognized (must be of type ${info.kind}): couldn't get version/kind`)
  const { apiVersion, kind } = value
  if (apiVersion !== undefined && apiVersion !== '' && apiVersion !== wanted) {
    throw new UndecodableError(`the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`)
  }
  if (kind !== undefined && kind !== '' && kind !== info.kind) {
    throw new UndecodableError(
      `${String(kind)} in version "${info.version}" cannot be handled as a ${info.kind}: the kind in the data does not match the expected kind`,
    )
  }
  const unknown: string[] = []
  let object: UnknownObject
  try {
    object = codec.decode(
      { ...value, kind: info.kind, apiVersion: wanted },
      validation === 'Ignore' ? undefined : (path) => unknown.push(path),
    )
  } catch (error) {
    if (error instanceof DecodeError)
      throw new UndecodableError(`${info.kind} in version "${info.version}" cannot be handled as a ${info.kind}: ${error.message}`)
    if (error instanceof RangeError) throw tooDeep()
    throw error
  }
  if (unknown.length > 0 || (twice.length > 0 && validation !== 'Ignore')) {
    const faults = [...unknown.map((path) => `unknown field "${path}"`), ...twice]
    if (validation === 'Strict') throw new UndecodableError(`strict decoding error: ${faults.join(', ')}`)
    for (const fault of faults) warn(fault)
  }
  codec.applyDefaults(object)
  return object
}
