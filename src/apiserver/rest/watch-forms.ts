/** How a watch's events are spelled: JSON lines as they are, or made on demand (another version, a Table, metadata alone, protobuf). */
import { stringify as stringifyYaml } from 'yaml'
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { ProtoWriter } from '../../base/protowire.js'
import { concat, type EventType, type Form, jsonForm } from '../cacher/events.js'
import type { ApiRequest } from '../handler.js'
import type { ServedResource } from '../registry/resource.js'
import { protobufOf } from './encode.js'
import { partial, tableForm, tableOptions } from './forms.js'
import { shown } from './shown.js'
import type { Accepted, Encoding } from './negotiation.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function watchForm(served: ServedResource, accepted: Accepted, request: ApiRequest, nowMs: () => number): Form {
  const { as, encoding } = accepted
  if (as === 'Table') tableOptions({ request, nowMs: nowMs() })
  if (as === 'object' && encoding === 'json' && !served.conversion) return jsonForm
  const spell = (object: UnknownObject, isBookmark: boolean): unknown => {
    if (as === 'object') return object
    if (as !== 'Table') return partial(object)
    return tableForm(served, object, request, nowMs(), isBookmark)
  }
  const frame = framers[encoding]
  return {
    name: `${as}/${encoding}/${served.info.version}/${request.query.get('includeObject') ?? ''}`,
    frame: (type: EventType, bytes) => frame(type, spell(shown(served, JSON.parse(decoder.decode(bytes)) as UnknownObject), false)),
    bookmark: (object) => frame('BOOKMARK', spell({ ...object, apiVersion: apiVersionOf(served.info) }, true)),
    error: (status) => frame('ERROR', status),
  }
}

const framers: Readonly<Record<Encoding, (type: string, object: unknown) => Uint8Array>> = {
  json: (type, object) => encoder.encode(`${JSON.stringify({ type, object })}\n`),
  yaml: (type, object) => encoder.encode(`${stringifyYaml({ type, object })}---\n`),
  protobuf: protobufFrame,
}

/** Four bytes of length, then a WatchEvent whose object is in an envelope of its own. */
function protobufFrame(type: string, object: unknown): Uint8Array {
  const raw = protobufOf(object) ?? encoder.encode(JSON.stringify(object))
  const writer = new ProtoWriter()
  writer.tag(1, 2)
  writer.string(type)
  writer.tag(2, 2)
  // RawExtension: its only member is the bytes.
  writer.message(() => {
    writer.tag(1, 2)
    writer.bytes(raw)
  })
  const event = writer.finish()
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, event.length)
  return concat([length, event])
}
