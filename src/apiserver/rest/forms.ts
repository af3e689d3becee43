/** Answers in other spellings than the cells' own bytes: another version, a Table, metadata alone, YAML. */
import { stringify as stringifyYaml } from 'yaml'
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { type TableOptions, tableOf } from '../../api/tables/table.js'
import { type Cell, objectOf } from '../cacher/cell.js'
import { type EventType, type Form, jsonForm } from '../cacher/events.js'
import type { ApiRequest, Responder } from '../handler.js'
import { jsonHeaders } from '../handler.js'
import type { ServedResource } from '../registry/resource.js'
import type { Accepted } from './negotiation.js'
import { listMetadata, type Page } from './page.js'
import { withWarnings } from './respond.js'

interface Rendering {
  readonly served: ServedResource
  readonly accepted: Accepted
  readonly request: ApiRequest
  readonly responder: Responder
  readonly nowMs: number
  readonly warnings: readonly string[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function renderObject(rendering: Rendering & { readonly cell: Cell }): void {
  const object = shown(rendering.served, objectOf<UnknownObject>(rendering.cell))
  const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' }
  send(
    rendering,
    spelled(rendering, object, () => tableOf(rendering.served.info, [object], metadata, tableOptions(rendering))),
  )
}

export function renderList(rendering: Rendering & { readonly page: Page }): void {
  const { served, accepted, page } = rendering
  const objects = page.cells.map((cell) => shown(served, objectOf<UnknownObject>(cell)))
  const metadata = listMetadata(page, served.info.typeId === 'custom' && accepted.as === 'object')
  if (accepted.as === 'Table') return send(rendering, tableOf(served.info, objects, metadata, tableOptions(rendering)))
  if (accepted.as === 'object') {
    const items = served.info.typeId === 'custom' ? objects : objects.map(({ kind: _, apiVersion: __, ...item }) => item)
    return send(rendering, { kind: served.info.listKind, apiVersion: apiVersionOf(served.info), metadata, items })
  }
  send(rendering, { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map(partial) })
}

/** The form of a watch's events. */
export function watchForm(served: ServedResource, accepted: Accepted, request: ApiRequest, nowMs: () => number): Form {
  if (accepted.as === 'object' && !served.conversion) return jsonForm
  const name = `${accepted.as}/${served.info.version}/${request.query.get('includeObject') ?? ''}`
  const spell = (object: UnknownObject, isBookmark: boolean): unknown => {
    if (accepted.as === 'object') return object
    if (accepted.as !== 'Table') return partial(object)
    const options = { ...tableOptions({ request, nowMs: nowMs() }), withoutRows: isBookmark }
    return tableOf(served.info, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }, options)
  }
  const line = (type: string, object: unknown) => encoder.encode(`${JSON.stringify({ type, object })}\n`)
  return {
    name,
    frame: (type: EventType, bytes) => line(type, spell(shown(served, JSON.parse(decoder.decode(bytes)) as UnknownObject), false)),
    error: (status) => line('ERROR', status),
    bookmark: (object) => line('BOOKMARK', spell({ ...object, apiVersion: apiVersionOf(served.info) }, true)),
  }
}

/** A stored object in the version that is served. */
export function shown(served: ServedResource, object: UnknownObject): UnknownObject {
  return served.conversion ? served.conversion.fromStored(structuredClone(object)) : object
}

function spelled({ accepted }: Rendering, object: UnknownObject, table: () => unknown): unknown {
  if (accepted.as === 'Table') return table()
  return accepted.as === 'object' ? object : partial(object)
}

function partial({ metadata }: UnknownObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

function tableOptions({ request, nowMs }: { request: ApiRequest; nowMs: number }): TableOptions {
  const include = request.query.get('includeObject')
  return { nowMs, includeObject: include === 'None' || include === 'Object' ? include : 'Metadata' }
}

function send({ accepted, responder, warnings }: Rendering, value: unknown): void {
  if (accepted.encoding === 'yaml') {
    responder.respond(200, withWarnings({ ...jsonHeaders, 'content-type': 'application/yaml' }, warnings), [
      encoder.encode(stringifyYaml(value)),
    ])
    return
  }
  responder.respond(200, withWarnings(jsonHeaders, warnings), [encoder.encode(`${JSON.stringify(value)}\n`)])
}
