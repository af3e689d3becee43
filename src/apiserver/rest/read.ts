/**
 * GET of one object and of lists. `resourceVersion` has upstream's meanings (API concepts: resource versions): unset is
 * consistent, "0" whatever the copy has, N not older than N, N with Exact the state at N. A list in pages is one state: the
 * first page names its revision and the later ones are read from the store at it.
 */
import { badRequest, expired, type Fault, notFound, StatusError } from '../../api/status.js'
import { apiVersionOf } from '../../api/object.js'
import { parseFieldSelector } from '../../api/selectors/field.js'
import { parseLabelSelector } from '../../api/selectors/label.js'
import { CompactedError, FutureRevisionError } from '../../storage/store.js'
import { type Cell, cellOf } from '../cacher/cell.js'
import { tooLargeRevision } from '../cacher/cacher.js'
import { compileFilter, type Filter } from '../cacher/filter.js'
import { jsonHeaders } from '../handler.js'
import { objectKey, type ServedResource } from '../registry/resource.js'
import type { RestDeps, RestRequest } from './context.js'
import { renderList, renderObject } from './forms.js'
import { negotiate } from './negotiation.js'
import { listMetadata, type Page } from './page.js'
import { invalidQuery } from './queries.js'
import { listChunks, withWarnings } from './respond.js'

/** A revision out of a query; undefined when unset. Throws BadRequest. */
export function revisionOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  if (!/^\d{1,16}$/.test(text))
    throw badRequest(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  return Number(text)
}

export async function getObject({ served, info, request, responder, warnings }: RestRequest, deps: RestDeps): Promise<void> {
  const { cacher } = served.stored
  const asked = revisionOf(request.query.get('resourceVersion'))
  const accepted = negotiate(request.credentials.header('accept'), { custom: served.info.typeId === 'custom' })
  if (asked === undefined) await cacher.fresh()
  else if (asked === 0) await cacher.ready()
  else await cacher.reach(asked)
  const cell = cacher.get(objectKey(served.info, info.namespace, info.name))
  if (!cell) throw notFound(served.info, info.name)
  if (accepted.as === 'object' && accepted.encoding === 'json' && !served.conversion) {
    return responder.respond(200, withWarnings(jsonHeaders, warnings), [cell.bytes])
  }
  renderObject({ served, cell, accepted, request, responder, nowMs: deps.clock.now(), warnings })
}

/** The filter of a list, watch or collection request. */
export function filterOf(served: ServedResource, { info, request }: Pick<RestRequest, 'info' | 'request'>): Filter {
  const { query } = request
  return compileFilter(served.stored.cacher.layout, {
    namespace: served.info.namespaced ? info.namespace : '',
    labels: parseLabelSelector(query.get('labelSelector') ?? ''),
    fields: parseFieldSelector(query.get('fieldSelector') ?? ''),
  })
}

export async function listObjects(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, request, responder, warnings } = rest
  const accepted = negotiate(request.credentials.header('accept'), { custom: served.info.typeId === 'custom', list: true })
  const page = await pageOf(rest, deps)
  if (accepted.as !== 'object' || accepted.encoding !== 'json' || served.conversion) {
    return renderList({ served, page, accepted, request, responder, nowMs: deps.clock.now(), warnings })
  }
  responder.respond(200, withWarnings(jsonHeaders, warnings), sharedChunks(served, filterText(rest), page))
}

interface Shared {
  readonly key: string
  readonly chunks: WeakRef<Uint8Array[]>
}

/** The last list of each resource as long as somebody is still being sent it. */
const lists = new WeakMap<ServedResource, Shared>()

/** Equal lists that are asked for at once are put together once: they are large, and readers slow. */
function sharedChunks(served: ServedResource, text: string, page: Page): Uint8Array[] {
  const key = `${page.revision} ${page.cells.length} ${page.next ?? ''} ${text}`
  const known = lists.get(served)
  const shared = known?.key === key ? known.chunks.deref() : undefined
  if (shared) return shared
  const chunks = chunksOf(served, page)
  lists.set(served, { key, chunks: new WeakRef(chunks) })
  return chunks
}

/** What decides which objects of a revision are in the answer. */
function filterText({ info, request }: RestRequest): string {
  const { query } = request
  const parts = ['labelSelector', 'fieldSelector', 'continue'].map((name) => query.get(name) ?? '')
  return [info.namespace, ...parts].join('\0')
}

function chunksOf(served: ServedResource, page: Page): Uint8Array[] {
  const { listKind } = served.info
  const metadata = JSON.stringify(listMetadata(page, served.info.typeId === 'custom'))
  const head = `{"kind":${JSON.stringify(listKind)},"apiVersion":${JSON.stringify(apiVersionOf(served.info))},"metadata":${metadata},"items":[`
  return listChunks(served.stored.cacher.layout, head, page.cells, served.info.typeId === 'custom')
}

async function pageOf(rest: RestRequest, deps: RestDeps): Promise<Page> {
  const { served, request } = rest
  const { cacher } = served.stored
  const { query } = request
  const filter = filterOf(served, rest)
  const limit = wholeNumber(query, 'limit') || Number.POSITIVE_INFINITY
  wholeNumber(query, 'timeoutSeconds')
  const asked = revisionOf(query.get('resourceVersion'))
  const match = query.get('resourceVersionMatch') ?? ''
  const token = query.get('continue')
  assertMatch(match, asked, token)
  if (token) return storedPage(served, deps, filter, limit, parseToken(token, asked))
  if (match === 'Exact') return storedPage(served, deps, filter, limit, { revision: asked as number, after: '' })
  if (asked === undefined) await cacher.fresh()
  else if (asked === 0) await cacher.ready()
  else await cacher.reach(asked)
  const all = cacher.list(filter)
  // A limit with resourceVersion "0" is not honoured: the answer comes whole from the copy.
  if (all.length <= limit || asked === 0) return { cells: all, revision: cacher.revision }
  const cells = all.slice(0, limit)
  const next = makeToken(cacher.revision, (cells[cells.length - 1] as Cell).key)
  // What is left is only known when nothing was filtered out.
  return { cells, revision: cacher.revision, next, ...(filter.matches ? {} : { remaining: all.length - limit }) }
}

function assertMatch(match: string, asked: number | undefined, token: string | null): void {
  if (match === '') return
  const forbidden = (detail: string) => invalidQuery('ListOptions', { path: 'resourceVersionMatch', reason: 'FieldValueForbidden', detail })
  const isKnown = match === 'Exact' || match === 'NotOlderThan'
  const unset = 'resourceVersionMatch is forbidden unless resourceVersion is provided'
  if (!isKnown) throw unsupportedMatch(match, asked === undefined ? unset : undefined)
  if (asked === undefined) throw forbidden(unset)
  if (token) throw forbidden('resourceVersionMatch is forbidden when continue is provided')
  if (match === 'Exact' && asked === 0) throw forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
}

function unsupportedMatch(value: string, unset: string | undefined): StatusError {
  const path = 'resourceVersionMatch'
  const detail = 'supported values: "Exact", "NotOlderThan", ""'
  const forbidden: Fault[] = unset === undefined ? [] : [{ path, reason: 'FieldValueForbidden', detail: unset }]
  return invalidQuery('ListOptions', ...forbidden, { path, reason: 'FieldValueNotSupported', value, detail })
}

/** A whole number out of a query; 0 when unset. Throws BadRequest. */
export function wholeNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name)
  if (text === null) return 0
  if (!/^-?\d{1,16}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": strconv.ParseInt: parsing "${text}": invalid syntax`)
  return Math.max(0, Number(text))
}

interface Position {
  /** undefined: the present state, whatever the earlier pages were read at. */
  readonly revision: number | undefined
  readonly after: string
}

/** A page of the state at a revision, from the store: filtered entries until the limit is reached. */
async function storedPage(
  served: ServedResource,
  { store }: RestDeps,
  filter: Filter,
  limit: number,
  { revision: asked, after }: Position,
): Promise<Page> {
  let revision = asked
  const { prefix, cacher } = served.stored
  const base = prefix + filter.prefix
  const cells: Cell[] = []
  let from = after === '' ? undefined : prefix + after
  try {
    for (;;) {
      const wanted = Number.isFinite(limit) ? { limit: filter.matches ? Math.max(limit, 500) : limit - cells.length } : {}
      const found = await store.range(base, {
        ...(revision === undefined ? {} : { at: revision }),
        ...(from ? { after: from } : {}),
        ...wanted,
      })
      const at = (revision ??= found.revision)
      for (const [index, entry] of found.entries.entries()) {
        const cell = cellOf(cacher.layout, entry.key.slice(prefix.length), entry.value, entry.revision)
        from = entry.key
        if (filter.matches && !filter.matches(cell)) continue
        cells.push(cell)
        const left = found.count - index - 1
        if (cells.length >= limit)
          return {
            cells,
            revision: at,
            ...(left > 0 ? { next: makeToken(at, cell.key), ...(filter.matches ? {} : { remaining: left }) } : {}),
          }
      }
      if (!found.more) return { cells, revision: at }
    }
  } catch (error) {
    if (error instanceof CompactedError)
      throw after === '' ? expired(`The resourceVersion for the provided list is too old.`) : expiredToken(after)
    if (error instanceof FutureRevisionError) throw tooLargeRevision(asked ?? 0, error.currentRevision)
    throw error
  }
}

/** In a token's place for a revision: go on with what there is now. */
const presentState = -1

/**
 * The state that the pages were of has been forgotten. Who can do with pages of different states goes on with the token that
 * the refusal carries (API concepts: retrieving large results sets in chunks).
 */
function expiredToken(after: string): StatusError {
  const { status } = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  )
  return new StatusError({ ...status, metadata: { continue: makeToken(presentState, after) } })
}

function makeToken(revision: number, after: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after }))))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '')
}

function parseToken(token: string, asked: number | undefined): Position {
  if (asked !== undefined && asked !== 0) throw badRequest('specifying resource version is not allowed when using continue')
  try {
    const bytes = Uint8Array.from(atob(token.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0))
    const { rv, start } = JSON.parse(new TextDecoder().decode(bytes)) as { rv: unknown; start: unknown }
    if (Number.isSafeInteger(rv) && typeof start === 'string')
      return { revision: rv === presentState ? undefined : (rv as number), after: start }
  } catch {
    // Not one of ours.
  }
  throw badRequest('continue key is not valid: it was not made by this API')
}
