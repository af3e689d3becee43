/** PATCH of objects: JSON patch, merge patch, strategic merge patch. */
import type { GroupVersionKind, JsonValue, UnknownObject } from '../../api/object.js'
import { jsonPatch } from '../../api/patch/json-patch.js'
import { PatchError } from '../../api/patch/json.js'
import { mergePatch } from '../../api/patch/merge-patch.js'
import { strategicMergePatch } from '../../api/patch/strategic-merge.js'
import { kindCodec } from '../../api/scheme.js'
import { badRequest, invalid, StatusError, tooLarge, unsupportedMediaType } from '../../api/status.js'
import { trackFields } from '../registry/field-tracking.js'
import { applyObject, applyType } from './apply.js'
import { type FieldValidation, fieldValidationOf, parseBody, UndecodableError } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { respondStored } from './respond.js'
import { shown } from './shown.js'
import { assertNotForced, assertSameUid, bindName, decodeSent, fieldWriter, toStored, writeRequest } from './write-request.js'

const strategicType = 'application/strategic-merge-patch+json'

type Patcher = (of: GroupVersionKind, target: JsonValue, patch: JsonValue) => JsonValue

export const patchers: Readonly<Record<string, Patcher>> = {
  'application/json-patch+json': (_, target, patch) => jsonPatch(target, patch),
  'application/merge-patch+json': (_, target, patch) => mergePatch(target, patch),
  [strategicType]: (of, target, patch) => {
    const schema = kindCodec(of)?.schema
    if (!schema) throw noStrategicMerge()
    return strategicMergePatch(schema, target, patch)
  },
}

/** What lists of a custom resource mean to a patch is not known. */
function noStrategicMerge(): StatusError {
  return unsupportedMediaType(
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  )
}

export async function patchObject(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info, request, warnings } = rest
  const type = (request.credentials.header('content-type') ?? '').split(';')[0]?.trim() ?? ''
  if (type === applyType) return applyObject(rest, deps)
  const patcher = Object.hasOwn(patchers, type) ? patchers[type] : undefined
  if (!patcher) throw unsupportedMediaType(patchTypesAccepted)
  if (type === strategicType && !kindCodec(served.info)) throw noStrategicMerge()
  assertNotForced(request.query)
  const validation = fieldValidationOf(request.query, info.verb)
  const write = writeRequest(rest)
  const patch = parsePatch(await request.body(), validation, (message) => warnings.push(message))
  const writer = fieldWriter(rest, deps)
  const stored = await deps.objects.update(write, (old) => {
    const target = shown(served, old) as unknown as JsonValue
    const patched = applyPatch(patcher, served.info, target, patch)
    const object = decodePatched(() => decodeSent(served, patched, validation, (message) => warnings.push(message)))
    bindName(rest, object)
    assertSameUid(rest, object, old)
    trackFields(served, object, target as unknown as UnknownObject, writer)
    return toStored(served, object)
  })
  respondStored(rest, 200, stored)
}

/** A member that is there twice counts as it is last; `warn` hears of it, or it is refused. */
export function parsePatch(bytes: Uint8Array, validation: FieldValidation, warn: (message: string) => void): JsonValue {
  if (validation === 'Ignore') return parseBody(bytes, 'application/json')
  const twice: string[] = []
  const value = parseBody(bytes, 'application/json', twice)
  if (twice.length > 0 && validation === 'Strict') throw invalidPatch(`strict decoding error: ${twice.join(', ')}`)
  for (const message of twice) warn(message)
  return value
}

function invalidPatch(detail: string): StatusError {
  const { status } = invalid({ group: '', kind: '' }, '', [{ path: 'patch', reason: 'FieldValueInvalid', detail }])
  return new StatusError({ ...status, message: detail, details: { causes: status.details?.causes ?? [] } })
}

/** What a patch makes of an object must be one: the fault is the patch's. */
export function decodePatched<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw error instanceof UndecodableError ? invalidPatch(error.message) : error
  }
}

export const patchTypesAccepted =
  'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml'

export function applyPatch(patcher: Patcher, of: GroupVersionKind, target: JsonValue, patch: JsonValue): JsonValue {
  try {
    return patcher(of, target, patch)
  } catch (error) {
    if (!(error instanceof PatchError)) throw error
    if (error.fault === 'malformed') throw badRequest(error.message)
    if (error.fault === 'too large') throw tooLarge(error.message)
    throw new StatusError({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 422,
      reason: 'Invalid',
      message: `the server rejected our request due to an error in our request: ${error.message}`,
    })
  }
}
