/** Answers in other spellings than the cells' own bytes: another version, a Table, metadata alone, YAML, protobuf. */
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { type TableOptions, tableOf } from '../../api/tables/table.js'
import { badRequest } from '../../api/status.js'
import { type Cell, objectOf } from '../cacher/cell.js'
import type { ApiRequest, Responder } from '../handler.js'
import { jsonHeaders } from '../handler.js'
import type { ServedResource } from '../registry/resource.js'
import { shown } from './shown.js'
import { encodeValue } from './encode.js'
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

export function tableForm(
  served: ServedResource,
  object: UnknownObject,
  request: ApiRequest,
  nowMs: number,
  withoutRows: boolean,
): unknown {
  const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' }
  return tableOf(served.info, [object], metadata, { ...tableOptions({ request, nowMs }), withoutRows })
}

function spelled({ accepted }: Rendering, object: UnknownObject, table: () => unknown): unknown {
  if (accepted.as === 'Table') return table()
  return accepted.as === 'object' ? object : partial(object)
}

export function partial({ metadata }: UnknownObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

export function tableOptions({ request, nowMs }: { request: ApiRequest; nowMs: number }): TableOptions {
  const include = request.query.get('includeObject') || 'Metadata'
  if (include !== 'None' && include !== 'Object' && include !== 'Metadata')
    throw badRequest(
      `invalid TableOptions: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
    )
  return { nowMs, includeObject: include }
}

function send({ accepted, responder, warnings }: Rendering, value: unknown): void {
  const { contentType, bytes } = encodeValue(value, accepted.encoding)
  responder.respond(200, withWarnings({ ...jsonHeaders, 'content-type': contentType }, warnings), [bytes])
}
