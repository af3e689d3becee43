/** Server-side apply: PATCH with application/apply-patch+yaml, of an object or of a subresource that speaks its kind. */
import { apiVersionOf, type JsonObject, type JsonValue, type UnknownObject } from '../../api/object.js'
import { badRequest, conflict, hasReason } from '../../api/status.js'
import { forbiddenRequest } from '../authz/forbidden.js'
import type { Stored } from '../registry/object-store.js'
import { applyConfiguration, type ApplyRequest } from '../registry/server-side-apply.js'
import { decodeObject, fieldValidationOf } from './body.js'
import { parseConfiguration } from './configuration.js'
import type { RestDeps, RestRequest } from './context.js'
import { invalidQuery } from './queries.js'
import { respondStored } from './respond.js'
import { shown } from './shown.js'
import { assertSameUid, bindName, fieldWriter, toStored, writeRequest } from './write-request.js'

export const applyType = 'application/apply-patch+yaml'

/** Tries when the object comes and goes between look and write. */
const triesMax = 5

export async function applyObject(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served } = rest
  const { configuration, force, writer } = await applyRequest(rest, deps)
  assertKind(configuration, { apiVersion: apiVersionOf(served.info), kind: served.info.kind })
  const stored = await applyOrCreate(rest, deps, { served, configuration, writer, force })
  respondStored(rest, stored.created ? 201 : 200, stored)
}

/** What an apply says besides its target: read and judged before anything else is looked at. */
export async function applyRequest(rest: RestRequest, deps: RestDeps): Promise<Omit<ApplyRequest, 'served'>> {
  const { info, request, warnings } = rest
  const { query } = request
  const validation = fieldValidationOf(query, info.verb)
  if (!query.get('fieldManager'))
    throw invalidQuery('PatchOptions', { path: 'fieldManager', reason: 'FieldValueRequired', detail: 'is required for apply patch' })
  const writer = fieldWriter(rest, deps)
  writeRequest(rest)
  const configuration = parseConfiguration(await request.body(), validation, (message) => warnings.push(message))
  if (configuration.metadata !== undefined && (typeof configuration.metadata !== 'object' || Array.isArray(configuration.metadata)))
    throw badRequest('metadata must be an object')
  const entries = (configuration.metadata as JsonObject | null | undefined)?.managedFields
  if (entries !== undefined && entries !== null) throw badRequest('metadata.managedFields must be nil')
  return { configuration, writer, force: isForced(query) }
}

/** Whatever is not false is true, as in every boolean of a query. */
function isForced(query: URLSearchParams): boolean {
  const force = query.get('force')
  return force !== null && force !== '0' && force.toLowerCase() !== 'false'
}

export function assertKind({ apiVersion, kind }: JsonObject, wanted: { apiVersion: string; kind: string }): void {
  if (apiVersion === wanted.apiVersion && kind === wanted.kind) return
  throw badRequest(
    `invalid object type: ${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}, expected: ${wanted.apiVersion}, Kind=${wanted.kind}`,
  )
}

async function applyOrCreate(rest: RestRequest, deps: RestDeps, application: ApplyRequest): Promise<Stored> {
  const { served, info } = rest
  const write = writeRequest(rest)
  for (let tries = 1; ; tries++) {
    try {
      return await deps.objects.update(write, (old) => {
        const before = shown(served, old)
        const object = decoded(rest, application, before)
        assertSameUid(rest, object, before)
        return toStored(served, object)
      })
    } catch (error) {
      if (!hasReason(error, 'NotFound') || info.subresource !== '' || tries > triesMax) throw error
    }
    await assertMayCreate(rest, deps)
    const object = decoded(rest, application, undefined)
    delete object.metadata.resourceVersion
    if (object.metadata.uid) {
      const why = `uid mismatch: the provided object specified uid ${object.metadata.uid}, and no existing object was found`
      throw conflict(served.info, info.name, why)
    }
    try {
      return await deps.objects.create(write, toStored(served, object))
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists') || tries > triesMax) throw error
    }
  }
}

function decoded(rest: RestRequest, application: ApplyRequest, old: UnknownObject | undefined): UnknownObject {
  let applied: UnknownObject
  try {
    applied = applyConfiguration(application, old)
  } catch (error) {
    if (error instanceof RangeError) throw badRequest('the configuration is nested too deeply')
    throw error
  }
  const object = decodeObject(rest.served, applied as unknown as JsonValue, 'Ignore', () => undefined)
  bindName(rest, object)
  return object
}

/** Who applies what is not there creates it, and needs to be allowed to. */
async function assertMayCreate({ info, user }: RestRequest, { authorizer }: RestDeps): Promise<void> {
  const { group, version, resource, subresource, namespace, name } = info
  const attributes = { user, verb: 'create', resource: { group, version, resource, subresource, namespace, name } }
  const { verdict, reason } = await authorizer.authorize(attributes)
  if (verdict !== 'allow') throw forbiddenRequest(attributes, reason)
}
