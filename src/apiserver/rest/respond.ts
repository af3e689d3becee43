/** Writing answers: objects, lists of cells, Status errors. */
import { type StatusError, UnknownPathError } from '../../api/status.js'
import type { Headers, Responder } from '../handler.js'
import { jsonHeaders } from '../handler.js'
import type { Stored } from '../registry/object-store.js'
import type { RestRequest } from './context.js'
import { shown } from './shown.js'
import { encodeValue } from './encode.js'
import { encodingOf } from './negotiation.js'
import { type Cell, type Layout, withRevision } from '../cacher/cell.js'

const encoder = new TextEncoder()

/** RFC 7234's warn-code of "miscellaneous persistent warning"; clients print the text (KEP-1693). */
export function withWarnings(headers: Headers, warnings: readonly string[]): Headers {
  if (warnings.length === 0) return headers
  // A header cannot carry a line break, and quotes end the text.
  const lines = [...new Set(warnings)].map((text) => `299 - "${text.replace(/["\\]/g, '\\$&').replace(/[\r\n]+/g, ' ')}"`)
  return { ...headers, warning: lines }
}

export function respondJson(responder: Responder, status: number, value: unknown, warnings: readonly string[] = []): void {
  responder.respond(status, withWarnings(jsonHeaders, warnings), [encoder.encode(`${JSON.stringify(value)}\n`)])
}

const plainText: Headers = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-cache, private',
  'x-content-type-options': 'nosniff',
}

/** The answer to a write of this resource: the bytes that were stored when the caller wants just these. */
export function respondStored(rest: RestRequest, status: number, { object, value, revision }: Stored): void {
  const { served, request, responder, warnings } = rest
  if (!value || served.conversion || encodingOf(request.credentials.header('accept')) !== 'json')
    return respondValue(rest, status, shown(served, object))
  const bytes = withRevision(served.stored.cacher.layout, value, revision)
  responder.respond(status, withWarnings(jsonHeaders, warnings), [bytes])
}

/** The answer to a write, as the caller wants it. */
export function respondValue({ request, responder, warnings }: RestRequest, status: number, value: unknown): void {
  const { contentType, bytes } = encodeValue(value, encodingOf(request.credentials.header('accept')))
  responder.respond(status, withWarnings({ ...jsonHeaders, 'content-type': contentType }, warnings), [bytes])
}

export function respondStatus(responder: Responder, error: StatusError, accept?: string): void {
  if (error instanceof UnknownPathError) return responder.respond(404, plainText, [encoder.encode('404 page not found\n')])
  const { retryAfterSeconds } = error.status.details ?? {}
  // Whoever asks for a form that is not given is told so in the plainest one.
  const { contentType, bytes } = encodeValue(error.status, error.code === 406 && accept?.includes('as=') ? 'json' : encodingOf(accept))
  const headers = { ...jsonHeaders, 'content-type': contentType }
  const all = retryAfterSeconds ? { ...headers, 'retry-after': String(retryAfterSeconds) } : headers
  responder.respond(error.code, withWarnings(all, error.warnings), [bytes])
}

/** Bytes of a list are put together in pieces of about this size: few writes, and no copy of the whole. */
const pieceBytes = 512 * 1024
const comma = 0x2c
const openBrace = 0x7b

/**
 * A list body from the cells' own bytes. Items of built-in lists have no kind and apiVersion of their own, as in every typed
 * list; those of custom resources do.
 */
export function listChunks(layout: Layout, listHead: string, cells: readonly Cell[], itemsHaveKind: boolean): Uint8Array[] {
  const chunks: Uint8Array[] = [encoder.encode(listHead)]
  // What is left out, but for the brace that an item begins with.
  const skip = itemsHaveKind ? 0 : layout.head.length - 1
  let at = 0
  while (at < cells.length) {
    let size = 0
    let end = at
    while (end < cells.length && size < pieceBytes) size += (cells[end++] as Cell).bytes.length - skip + 1
    const piece = new Uint8Array(size)
    let to = 0
    for (let i = at; i < end; i++) {
      if (i > 0) piece[to++] = comma
      const { bytes } = cells[i] as Cell
      piece.set(skip === 0 ? bytes : bytes.subarray(skip), to)
      if (skip > 0) piece[to] = openBrace
      to += bytes.length - skip
    }
    chunks.push(piece.subarray(0, to))
    at = end
  }
  chunks.push(encoder.encode(']}\n'))
  return chunks
}
