/** POST, PUT and DELETE of objects and of their subresources that speak the same kind. */
import { DecodeError } from '../../api/codec/decode.js'
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { kindCodec } from '../../api/scheme.js'
import { badRequest, notFound, StatusError } from '../../api/status.js'
import { objectOf } from '../cacher/cell.js'
import { trackFields } from '../registry/field-tracking.js'
import { bindNamespace, dropSystemMetadata } from '../registry/metadata.js'
import type { DeletionOptions, Stored, WriteRequest } from '../registry/object-store.js'
import { fieldValidationOf, parseBody } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { shown } from './shown.js'
import { invalidQuery } from './queries.js'
import { filterOf } from './read.js'
import { respondStored, respondValue } from './respond.js'
import { decodeSent, fieldWriter, toStored, writeRequest } from './write-request.js'

/** Deletions that a collection request runs at once. */
const parallelDeletions = 32

export async function createObject(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info, request, warnings } = rest
  const validation = fieldValidationOf(request.query, info.verb)
  const write = writeRequest(rest)
  const twice: string[] = []
  const value = parseBody(await request.body(), request.credentials.header('content-type'), twice)
  const object = decodeSent(served, value, validation, (message) => warnings.push(message), twice)
  bindNamespace(object.metadata, served.info.namespaced, info.namespace)
  dropSystemMetadata(object.metadata)
  trackFields(served, object, undefined, fieldWriter(rest, deps))
  const stored = await deps.objects.create(write, toStored(served, object))
  respondStored(rest, 201, stored)
}

export async function updateObject(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info, request, warnings } = rest
  const validation = fieldValidationOf(request.query, info.verb)
  const write = writeRequest(rest)
  const twice: string[] = []
  const value = parseBody(await request.body(), request.credentials.header('content-type'), twice)
  const object = decodeSent(served, value, validation, (message) => warnings.push(message), twice)
  bindNamespace(object.metadata, served.info.namespaced, info.namespace)
  object.metadata.name ??= info.name
  if (object.metadata.name !== info.name)
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${info.name})`)
  const result = await updateOrCreate(rest, deps, write, object)
  respondStored(rest, result.created ? 201 : 200, result)
}

/** Some kinds may be made by a PUT (Lease, Endpoints); the others must be there. */
async function updateOrCreate(rest: RestRequest, deps: RestDeps, write: WriteRequest, object: UnknownObject): Promise<Stored> {
  const { served } = rest
  const { strategy } = served.stored
  const mayCreate = strategy.allowCreateOnUpdate === true && write.subresource === ''
  const writer = fieldWriter(rest, deps)
  const pristine = JSON.stringify(object)
  let tries = 0
  try {
    return await deps.objects.update(write, (old) => {
      // What a try has changed must not be in the next one.
      const next = tries++ === 0 ? object : (JSON.parse(pristine) as UnknownObject)
      trackFields(served, next, shown(served, old), writer)
      return toStored(served, next)
    })
  } catch (error) {
    const isMissing = error instanceof StatusError && error.reason === 'NotFound'
    if (!mayCreate || !isMissing || object.metadata.resourceVersion) throw error
    trackFields(served, object, undefined, writer)
    return deps.objects.create(write, toStored(served, object))
  }
}

export async function deleteObject(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info } = rest
  const { options, dryRun } = await deletionOptions(rest)
  const write = { ...writeRequest(rest), options: { ...options } }
  const { object, gone } = await deps.objects.delete(dryRun ? { ...write, dryRun } : write, options)
  if (!gone || returnsDeleted.has(`${served.info.group}/${served.info.resource}`)) return respondValue(rest, 200, shown(served, object))
  const { resource, group } = served.info
  const details = { name: info.name, ...(group ? { group } : {}), kind: resource, uid: object.metadata.uid }
  respondValue(rest, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details })
}

/** Kinds whose last state is the answer to their deletion (API reference: the response of delete). */
const returnsDeleted = new Set([
  ...['persistentvolumeclaims', 'persistentvolumes', 'pods', 'podtemplates', 'resourcequotas', 'serviceaccounts', 'services'].map(
    (each) => `/${each}`,
  ),
  ...['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'].map((each) => `resource.k8s.io/${each}`),
  ...['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments', 'volumeattributesclasses'].map((each) => `storage.k8s.io/${each}`),
])

/** Options of a delete: in the body as DeleteOptions, or in the query. */
async function deletionOptions({ request }: RestRequest): Promise<{ options: DeletionOptions; dryRun: boolean }> {
  const bytes = await request.body()
  const fromQuery = {
    ...(request.query.get('gracePeriodSeconds') ? { gracePeriodSeconds: Number(request.query.get('gracePeriodSeconds')) } : {}),
    ...(request.query.get('propagationPolicy')
      ? { propagationPolicy: request.query.get('propagationPolicy') as DeletionOptions['propagationPolicy'] }
      : {}),
  }
  if (bytes.length === 0) return { options: checkedOptions(fromQuery), dryRun: false }
  const codec = kindCodec({ group: '', version: 'v1', kind: 'DeleteOptions' })
  try {
    const value = codec?.decode(parseBody(bytes, request.credentials.header('content-type'))) as unknown as DeletionOptions & {
      dryRun?: string[]
      orphanDependents?: boolean
    }
    const { dryRun, orphanDependents, ...options } = value
    if (dryRun?.some((word) => word !== 'All'))
      throw invalidQuery('DeleteOptions', {
        path: 'dryRun',
        reason: 'FieldValueNotSupported',
        value: dryRun,
        detail: 'supported values: "All"',
      })
    const policy = options.propagationPolicy ?? (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background')
    return {
      options: checkedOptions({ ...fromQuery, ...options, ...(policy ? { propagationPolicy: policy } : {}) }),
      dryRun: dryRun?.includes('All') ?? false,
    }
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
}

function checkedOptions(options: DeletionOptions): DeletionOptions {
  const { propagationPolicy: policy, gracePeriodSeconds } = options
  if (policy !== undefined && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground') {
    const detail = 'supported values: "Foreground", "Background", "Orphan", "nil"'
    throw invalidQuery('DeleteOptions', { path: 'propagationPolicy', reason: 'FieldValueNotSupported', value: policy, detail })
  }
  if (gracePeriodSeconds !== undefined && !Number.isInteger(gracePeriodSeconds))
    throw badRequest('gracePeriodSeconds must be a whole number')
  return options
}

export async function deleteCollection(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served } = rest
  const { options, dryRun } = await deletionOptions(rest)
  await served.stored.cacher.fresh()
  const filter = filterOf(served, rest)
  const objects = served.stored.cacher.list(filter).map((cell) => objectOf<UnknownObject>(cell))
  const deleted: UnknownObject[] = []
  for (let at = 0; at < objects.length; at += parallelDeletions) {
    const batch = objects.slice(at, at + parallelDeletions)
    const results = await Promise.all(batch.map((object) => deleteOne(rest, deps, object, options, dryRun)))
    deleted.push(...results.filter((object) => object !== undefined))
  }
  const isCustom = served.info.typeId === 'custom'
  const items = deleted.map((object) => {
    const { kind, apiVersion, ...rest } = shown(served, object)
    return isCustom ? { kind, apiVersion, ...rest } : rest
  })
  const metadata = { resourceVersion: String(served.stored.cacher.revision), ...(isCustom ? { continue: '' } : {}) }
  respondValue(rest, 200, { kind: served.info.listKind, apiVersion: apiVersionOf(served.info), metadata, items })
}

/** undefined when somebody else was faster. */
async function deleteOne(
  rest: RestRequest,
  deps: RestDeps,
  object: UnknownObject,
  options: DeletionOptions,
  dryRun: boolean,
): Promise<UnknownObject | undefined> {
  const { name = '', namespace = '' } = object.metadata
  const write = { ...writeRequest(rest, name), namespace, ofCollection: true } as const
  try {
    await deps.objects.delete(dryRun ? { ...write, dryRun } : write, options)
    // Shown as they were found, whatever became of them.
    return object
  } catch (error) {
    if (error instanceof StatusError && error.reason === 'NotFound') return undefined
    throw error
  }
}

/** A POST to a subresource that changes its parent: pods/binding. */
export async function actOnObject(rest: RestRequest, deps: RestDeps): Promise<boolean> {
  const { served, info, request } = rest
  const action = served.stored.strategy.actions?.[info.subresource]
  if (!action) return false
  const body = parseBody(await request.body(), request.credentials.header('content-type')) as unknown as UnknownObject
  const write = writeRequest(rest)
  const context = { clock: deps.clock, random: deps.random, user: rest.user, dryRun: write.dryRun, subresource: info.subresource }
  if (!(await deps.objects.read(write))) throw notFound(served.info, info.name)
  body.metadata ??= {}
  await deps.objects.admitAction(write, body)
  await deps.objects.update(write, (old) => {
    const object = structuredClone(old)
    action(object, body, context)
    return object
  })
  respondValue(rest, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
  return true
}
