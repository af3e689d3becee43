/** The scale subresource: an autoscaling/v1 Scale in place of the whole object (API conventions: scale). */
import { cloneJson } from '../../api/clone-json.js'
import { type JsonPath, parseJsonPath } from '../../api/json-path.js'
import { apiVersionOf, type JsonValue, type UnknownObject } from '../../api/object.js'
import { kindCodec } from '../../api/scheme.js'
import { labelSelectorOf, selectorOfLabels } from '../../api/selectors/label.js'
import { badRequest, internalError, invalid, methodNotSupported, notFound, unsupportedMediaType } from '../../api/status.js'
import type { LabelSelector, ObjectMeta } from '../../api/types/meta-v1.js'
import { scaleVersion } from '../registry/field-ownership.js'
import { setEntries, trackScale } from '../registry/field-tracking.js'
import type { ServedResource } from '../registry/resource.js'
import { parentEntries, replicasInScale, type ReplicasPath, scaleEntries } from '../registry/scale-fields.js'
import { applyScale } from '../registry/server-side-apply.js'
import { applyRequest, applyType, assertKind } from './apply.js'
import { decodeObject, type FieldValidation, fieldValidationOf, parseBody } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { applyPatch, decodePatched, parsePatch, patchers, patchTypesAccepted } from './patch.js'
import { respondValue } from './respond.js'
import { shown } from './shown.js'
import { assertNotForced, fieldWriter, toStored, writeRequest } from './write-request.js'

interface Scalable extends UnknownObject {
  spec?: { replicas?: number; selector?: LabelSelector | Record<string, string> }
  status?: { replicas?: number }
}

export async function serveScale(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info } = rest
  const write = writeRequest(rest)
  const view = viewOf(served)
  if (info.verb === 'get') {
    await served.stored.cacher.fresh()
    const object = await deps.objects.read(write)
    if (!object) throw notFound(served.info, info.name)
    if (view.replicas(object) === undefined)
      throw internalError(`the spec replicas field ${JSON.stringify(served.scale?.specReplicasPath)} does not exist`)
    return respondValue(rest, 200, scaleOf(view, object))
  }
  if (info.verb !== 'update' && info.verb !== 'patch') throw methodNotSupported(served.info, info.verb)
  const change = await changeOf(rest, deps)
  const pathOf = pathsIn(served)
  const apiVersion = apiVersionOf(served.info)
  const { object } = await deps.objects.update(write, (stored) => {
    const old = shown(served, stored)
    const entries = old.metadata.managedFields ?? []
    const present = scaleOf(view, old)
    const next = change({ ...present, metadata: { ...present.metadata, managedFields: scaleEntries(entries, pathOf) } })
    const object = withReplicas(served, view, old, next)
    const untracked = entries.length === 0 && !next.metadata.managedFields?.length
    setEntries(object, untracked ? [] : parentEntries(entries, next.metadata.managedFields ?? [], pathOf, apiVersion))
    return toStored(served, object)
  })
  respondValue(rest, 200, scaleOf(view, shown(served, object)))
}

/** The new Scale out of the present one, whose managedFields are about the Scale; may be called several times. */
type Change = (present: Scalable) => Scalable

async function changeOf(rest: RestRequest, deps: RestDeps): Promise<Change> {
  const { info, request, warnings } = rest
  const type = (request.credentials.header('content-type') ?? '').split(';')[0]?.trim() ?? ''
  const warn = (message: string) => warnings.push(message)
  if (info.verb === 'patch' && type === applyType) return applied(rest, deps)
  if (info.verb === 'patch') assertNotForced(request.query)
  const validation = fieldValidationOf(request.query, info.verb)
  const bytes = await request.body()
  const contentType = request.credentials.header('content-type')
  const body = info.verb === 'patch' ? parsePatch(bytes, validation, warn) : parseBody(bytes, contentType)
  const writer = fieldWriter(rest, deps)
  return (present) => {
    const { managedFields: _, ...metadata } = present.metadata
    const shownScale = { ...present, metadata } as unknown as JsonValue
    const wanted =
      info.verb === 'update'
        ? decodeScale(body, validation, warn)
        : decodePatched(() => decodeScale(patched(type, shownScale, body), validation, warn))
    trackScale(wanted, present, writer)
    return wanted
  }
}

async function applied(rest: RestRequest, deps: RestDeps): Promise<Change> {
  const request = await applyRequest(rest, deps)
  assertKind(request.configuration, { apiVersion: scaleVersion, kind: 'Scale' })
  return (present) => {
    const result = decodeScale(applyScale(request, present) as unknown as JsonValue, 'Ignore', () => undefined)
    // Upstream's server fails to make a Scale of what was applied for a custom resource, and clients must use another way.
    if (rest.served.info.typeId === 'custom' && result.spec?.replicas !== present.spec?.replicas)
      throw badRequest('the scale of a custom resource cannot be changed by apply: use an update or another patch')
    return result
  }
}

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' }

function decodeScale(value: JsonValue, validation: FieldValidation, warn: (message: string) => void): Scalable {
  const codec = kindCodec(scaleKind)
  if (!codec) throw new Error('assertion failed: no Scale')
  return decodeObject({ info: scaleKind, codec }, value, validation, warn)
}

function patched(type: string, scale: JsonValue, patch: JsonValue): JsonValue {
  const patcher = Object.hasOwn(patchers, type) ? patchers[type] : undefined
  if (!patcher) throw unsupportedMediaType(patchTypesAccepted)
  return applyPatch(patcher, scaleKind, scale, patch)
}

/** Where the objects of each version have their replicas, as a path in a set of fields. */
function pathsIn({ info, stored }: ServedResource): ReplicasPath {
  return (apiVersion) => {
    const version = stored.versions.get(apiVersion)
    if (!version) return undefined
    if (info.typeId !== 'custom') return replicasInScale
    return version.scale ? (parseJsonPath(version.scale.specReplicasPath).names ?? []).map((name) => `f:${name}`) : []
  }
}

function withReplicas({ info }: ServedResource, view: ScaleView, old: UnknownObject, scale: Scalable): UnknownObject {
  const replicas = scale.spec?.replicas ?? 0
  const name = old.metadata.name ?? ''
  // Custom resources have rules of their own for where they keep theirs.
  if (replicas < 0 && info.typeId !== 'custom') {
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      { path: 'spec.replicas', reason: 'FieldValueInvalid', value: replicas, detail: 'must be greater than or equal to 0' },
    ])
  }
  if (scale.metadata.name && scale.metadata.name !== name)
    throw badRequest(`the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`)
  const object = cloneJson(old)
  view.setReplicas(object, replicas)
  const { uid, resourceVersion } = scale.metadata
  object.metadata = { ...object.metadata, ...(uid ? { uid } : {}), resourceVersion: resourceVersion ?? '' }
  return object
}

function scaleOf(view: ScaleView, object: UnknownObject): Scalable {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = view.replicas(object)
  const selector = view.selector(object)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as ObjectMeta,
    spec: { ...(replicas ? { replicas } : {}) },
    status: { replicas: view.statusReplicas(object) ?? 0, ...(selector ? { selector } : {}) },
  }
}

/** Where a kind has what a Scale shows. */
interface ScaleView {
  replicas(object: UnknownObject): number | undefined
  setReplicas(object: UnknownObject, replicas: number): void
  statusReplicas(object: UnknownObject): number | undefined
  selector(object: UnknownObject): string
}

const builtin: ScaleView = {
  replicas: ({ spec }: Scalable) => spec?.replicas ?? 0,
  setReplicas(object: Scalable, replicas) {
    object.spec = { ...object.spec, replicas }
  },
  statusReplicas: ({ status }: Scalable) => status?.replicas,
  selector({ spec }: Scalable) {
    const selector = spec?.selector
    if (!selector) return ''
    return 'matchLabels' in selector || 'matchExpressions' in selector
      ? labelSelectorOf(selector as LabelSelector).text
      : selectorOfLabels(selector as Record<string, string>).text
  },
}

function viewOf({ scale }: ServedResource): ScaleView {
  if (!scale) return builtin
  const replicas = parseJsonPath(scale.specReplicasPath)
  const status = parseJsonPath(scale.statusReplicasPath)
  const selector = scale.labelSelectorPath ? parseJsonPath(scale.labelSelectorPath) : undefined
  const numberAt = (path: JsonPath, object: UnknownObject) => path.find(object).find((value) => typeof value === 'number')
  return {
    replicas: (object) => numberAt(replicas, object),
    setReplicas(object, value) {
      const names = [...(replicas.names ?? [])]
      const last = names.pop()
      if (last === undefined) return
      let at = object as Record<string, unknown>
      for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>
      at[last] = value
    },
    statusReplicas: (object) => numberAt(status, object),
    selector: (object) => {
      const [text] = selector?.find(object) ?? []
      return typeof text === 'string' ? text : ''
    },
  }
}
