/** The scale subresource: an autoscaling/v1 Scale in place of the whole object (API conventions: scale). */
import { type JsonPath, parseJsonPath } from '../../api/json-path.js'
import type { JsonValue, UnknownObject } from '../../api/object.js'
import { mergePatch } from '../../api/patch/merge-patch.js'
import { jsonPatch } from '../../api/patch/json-patch.js'
import { labelSelectorOf, selectorOfLabels } from '../../api/selectors/label.js'
import { badRequest, internalError, invalid, methodNotSupported, notFound, unsupportedMediaType } from '../../api/status.js'
import type { LabelSelector } from '../../api/types/meta-v1.js'
import type { ServedResource } from '../registry/resource.js'
import { parseBody } from './body.js'
import type { RestDeps, RestRequest } from './context.js'
import { respondValue } from './respond.js'
import { trackFields } from '../registry/field-tracking.js'
import { fieldWriter, writeRequest } from './write-request.js'

interface Scalable extends UnknownObject {
  spec?: { replicas?: number; selector?: LabelSelector | Record<string, string> }
  status?: { replicas?: number }
}

export async function serveScale(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, info, request } = rest
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
  const body = parseBody(await request.body(), info.verb === 'patch' ? 'application/json' : request.credentials.header('content-type'))
  const type = (request.credentials.header('content-type') ?? '').split(';')[0]?.trim() ?? ''
  const writer = fieldWriter(rest, deps)
  const { object } = await deps.objects.update(write, (old) => {
    const present = scaleOf(view, old)
    const wanted = (info.verb === 'update' ? body : patched(type, present as unknown as JsonValue, body)) as unknown as Scalable
    const next = withReplicas(view, old, wanted)
    trackFields(served, next, old, writer)
    return next
  })
  respondValue(rest, 200, scaleOf(view, object))
}

function patched(type: string, scale: JsonValue, patch: JsonValue): JsonValue {
  if (type === 'application/json-patch+json') return jsonPatch(scale, patch)
  if (type === 'application/merge-patch+json' || type === 'application/strategic-merge-patch+json') return mergePatch(scale, patch)
  throw unsupportedMediaType(
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json',
  )
}

function withReplicas(view: ScaleView, old: UnknownObject, scale: Scalable): UnknownObject {
  const replicas = scale.spec?.replicas ?? 0
  if (!Number.isInteger(replicas))
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas must be a whole number')
  const name = old.metadata.name ?? ''
  if (replicas < 0) {
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      { path: 'spec.replicas', reason: 'FieldValueInvalid', value: replicas, detail: 'must be greater than or equal to 0' },
    ])
  }
  if (scale.metadata?.name && scale.metadata.name !== name)
    throw badRequest(`the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`)
  const object = structuredClone(old)
  view.setReplicas(object, replicas)
  const { uid, resourceVersion } = scale.metadata ?? {}
  object.metadata = { ...object.metadata, ...(uid ? { uid } : {}), resourceVersion: resourceVersion ?? '' }
  return object
}

function scaleOf(view: ScaleView, object: UnknownObject): unknown {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = view.replicas(object)
  const selector = view.selector(object)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
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
