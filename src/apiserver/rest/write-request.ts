/** What every write has: its target, its options, who writes, and an object that is what the path says. */
import type { UnknownObject } from '../../api/object.js'
import { badRequest, type Fault, invalid } from '../../api/status.js'
import type { FieldWriter } from '../registry/field-tracking.js'
import { bindNamespace } from '../registry/metadata.js'
import type { WriteRequest } from '../registry/object-store.js'
import type { ServedResource } from '../registry/resource.js'
import { decodeObject } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { invalidQuery, optionsKind } from './queries.js'

export function writeRequest(rest: RestRequest, name = rest.info.name): WriteRequest {
  const { served, info, user, warnings, request } = rest
  return {
    served,
    namespace: served.info.namespaced ? info.namespace : '',
    name,
    subresource: info.subresource,
    user,
    dryRun: dryRunOf(request.query, info.verb),
    options: {},
    warn: (message) => warnings.push(message),
  }
}

function dryRunOf(query: URLSearchParams, verb: string): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '')
  if (values.some((value) => value !== 'All'))
    throw invalidQuery(optionsKind(verb), {
      ...{ path: 'dryRun', reason: 'FieldValueNotSupported', value: values, detail: 'supported values: "All"' },
    })
  return values.length > 0
}

/** Names longer than this, or that cannot be printed, are no field managers. */
const managerLengthMax = 128

/** Who the fields of this write belong to: fieldManager of the query, or what the user agent begins with. */
export function fieldWriter({ info, request }: RestRequest, deps: RestDeps): FieldWriter {
  const given = request.query.get('fieldManager') ?? ''
  const refuse = (fault: Omit<Fault, 'path'>) => invalidQuery(optionsKind(info.verb), { path: 'fieldManager', ...fault })
  if (given.length > managerLengthMax)
    throw refuse({ reason: 'FieldValueTooLong', detail: `may not be more than ${managerLengthMax} bytes` })
  if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(given))
    throw refuse({ reason: 'FieldValueInvalid', value: given, detail: 'should only contain printable characters' })
  const agent = request.credentials.header('user-agent')?.split('/')[0]?.slice(0, managerLengthMax)
  return { manager: given || agent || 'unknown', subresource: info.subresource, nowMs: deps.clock.now() }
}

export function toStored(served: ServedResource, object: UnknownObject): UnknownObject {
  return served.conversion ? served.conversion.toStored(object) : object
}

/** Of what is not applied nothing can be forced. */
export function assertNotForced(query: URLSearchParams): void {
  if (query.has('force'))
    throw invalidQuery('PatchOptions', { path: 'force', reason: 'FieldValueForbidden', detail: 'may not be specified for non-apply patch' })
}

/** The object is in the request's namespace and has its name. */
export function bindName({ served, info }: RestRequest, { metadata }: UnknownObject): void {
  bindNamespace(metadata, served.info.namespaced, info.namespace)
  if (!metadata.name) throw badRequest('name must be provided')
  if (metadata.name !== info.name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`)
}

/** A patch may name the object that it is for; it cannot make it another. */
export function assertSameUid({ served, info }: RestRequest, { metadata }: UnknownObject, old: UnknownObject): void {
  const { uid } = metadata
  if (!uid || uid === old.metadata.uid) return
  const { group, kind } = served.info
  throw invalid({ group, kind }, info.name, [
    { path: 'metadata.uid', reason: 'FieldValueInvalid', value: uid, detail: 'field is immutable' },
  ])
}

/** Decoded as it was sent: an empty list of managedFields says something (drop them), although an object never has one. */
export function decodeSent(...sent: Parameters<typeof decodeObject>): UnknownObject {
  const [, value] = sent
  const object = decodeObject(...sent)
  const { metadata } = (value ?? {}) as { metadata?: { managedFields?: unknown } | null }
  if (Array.isArray(metadata?.managedFields) && metadata.managedFields.length === 0) object.metadata.managedFields = []
  return object
}
