/**
 * One cached object: the bytes that a GET writes, and what selectors look at. The object itself is not kept.
 *
 * In the store an object is JSON that begins with its kind, apiVersion and metadata and has no resourceVersion: that is the
 * store's own revision. A cell's bytes have it put in as the first member of metadata, by copying, without parsing.
 */
import type { KubeObject, UnknownObject } from '../../api/object.js'
import type { Labels } from '../../api/selectors/label.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface Cell {
  /** "namespace/name", or "name". */
  readonly key: string
  /** The whole object as JSON. */
  readonly bytes: Uint8Array
  readonly revision: number
  readonly labels: Labels
  /** Selectable fields beyond metadata.name and metadata.namespace, in the order of the layout's fieldNames. */
  readonly fields: readonly string[]
  /** The parsed object while somebody else holds it too. */
  parsed?: WeakRef<UnknownObject>
}

/** What all cells of one resource have in common. */
export interface Layout {
  /** `{"kind":"Pod","apiVersion":"v1",` */
  readonly head: Uint8Array
  readonly fieldNames: readonly string[]
  readonly fieldReaders: readonly ((object: UnknownObject) => string)[]
}

const metadataStart = encoder.encode('"metadata":{')

export function layoutOf(kind: string, apiVersion: string, fields: Readonly<Record<string, (object: never) => string>> = {}): Layout {
  return {
    head: encoder.encode(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`),
    fieldNames: Object.keys(fields),
    fieldReaders: Object.values(fields) as ((object: UnknownObject) => string)[],
  }
}

/** An object as the store keeps it. Changes nothing in `object`. */
export function encodeForStore(object: UnknownObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object
  const { resourceVersion: _, ...meta } = metadata
  return encoder.encode(JSON.stringify({ kind, apiVersion, metadata: meta, ...rest }))
}

/** The object in stored bytes, with its resourceVersion. */
export function decodeStored(value: Uint8Array, revision: number): UnknownObject {
  const object = JSON.parse(decoder.decode(value)) as UnknownObject
  object.metadata.resourceVersion = String(revision)
  return object
}

/** Stored bytes with the resourceVersion put in. */
export function withRevision(layout: Layout, value: Uint8Array, revision: number): Uint8Array {
  const at = layout.head.length + metadataStart.length
  if (!startsWith(value, layout.head, 0) || !startsWith(value, metadataStart, layout.head.length)) {
    // Written by somebody else in another order of members.
    return encoder.encode(JSON.stringify(reordered(decodeStored(value, revision))))
  }
  const isEmpty = value[at] === closingBrace
  const insert = encoder.encode(`"resourceVersion":"${revision}"${isEmpty ? '' : ','}`)
  const bytes = new Uint8Array(value.length + insert.length)
  bytes.set(value.subarray(0, at))
  bytes.set(insert, at)
  bytes.set(value.subarray(at), at + insert.length)
  return bytes
}
const closingBrace = 0x7d

function reordered({ kind, apiVersion, metadata, ...rest }: UnknownObject): UnknownObject {
  return { kind, apiVersion, metadata, ...rest }
}

function startsWith(bytes: Uint8Array, head: Uint8Array, at: number): boolean {
  for (let i = 0; i < head.length; i++) if (bytes[at + i] !== head[i]) return false
  return true
}

export function cellOf(layout: Layout, key: string, value: Uint8Array, revision: number): Cell {
  return cellOfObject(layout, key, withRevision(layout, value, revision), revision, decodeStored(value, revision))
}

export function cellOfObject(layout: Layout, key: string, bytes: Uint8Array, revision: number, object: UnknownObject): Cell {
  return { key, bytes, revision, labels: object.metadata.labels ?? {}, fields: layout.fieldReaders.map((read) => read(object)) }
}

/** The object of a cell, parsed at most once while anybody holds it. Shared: never change it. */
export function objectOf<T extends KubeObject>(cell: Cell): T {
  const held = cell.parsed?.deref()
  if (held) return held as unknown as T
  const object = JSON.parse(decoder.decode(cell.bytes)) as UnknownObject
  cell.parsed = new WeakRef(object)
  return object as unknown as T
}

/** The same object under another resourceVersion: what a watch tells of a deletion. */
export function atRevision(layout: Layout, cell: Cell, revision: number): Uint8Array {
  const object = JSON.parse(decoder.decode(cell.bytes)) as UnknownObject
  object.metadata.resourceVersion = String(revision)
  return startsWith(cell.bytes, layout.head, 0) ? encoder.encode(JSON.stringify(object)) : encoder.encode(JSON.stringify(reordered(object)))
}

export function nameOfKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
