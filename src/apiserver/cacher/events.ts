import type { Status } from '../../api/types/meta-v1.js'
import type { UnknownObject } from '../../api/object.js'
import type { Filter } from './filter.js'
import { atRevision, type Cell, type Layout } from './cell.js'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** How objects of a watch are spelled: JSON by default; others (Table, protobuf) make their frames on demand. */
export interface Form {
  readonly name: string
  /** One event as it goes on the wire. `bytes` is the object as JSON under the right resourceVersion. */
  frame(type: EventType, bytes: Uint8Array): Uint8Array
  bookmark(object: UnknownObject): Uint8Array
  /** The event that a watch ends with when it cannot go on. */
  error(status: Status): Uint8Array
}

const encoder = new TextEncoder()
const heads: Readonly<Record<EventType, Uint8Array>> = {
  ADDED: encoder.encode('{"type":"ADDED","object":'),
  MODIFIED: encoder.encode('{"type":"MODIFIED","object":'),
  DELETED: encoder.encode('{"type":"DELETED","object":'),
}
const tail = encoder.encode('}\n')

/** A line of JSON an event (API concepts: watch). */
export const jsonForm: Form = {
  name: 'json',
  frame: (type, bytes) => concat([heads[type], bytes, tail]),
  bookmark: (object) => encoder.encode(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`),
  error: (object) => encoder.encode(`${JSON.stringify({ type: 'ERROR', object })}\n`),
}

/**
 * One change of one object, framed at most once for each form and type while it is being handed out. Afterwards the frames are
 * dropped: they are copies of the object, and few watches ever begin in the past.
 */
export class CacheEvent {
  readonly #layout: Layout
  readonly #frames = new Map<string, Uint8Array>()
  #deletedBytes: Uint8Array | undefined

  /** `cell` is undefined when the object was deleted, `old` when it was made. */
  constructor(
    layout: Layout,
    readonly revision: number,
    readonly cell: Cell | undefined,
    readonly old: Cell | undefined,
  ) {
    this.#layout = layout
  }

  get key(): string {
    return ((this.cell ?? this.old) as Cell).key
  }

  /**
   * What this change is to a reader who sees only what the filter lets through: an object that begins to match was added, one
   * that stops matching was deleted. undefined: nothing.
   */
  frameFor(filter: Filter, form: Form): Uint8Array | undefined {
    if (!this.key.startsWith(filter.prefix)) return undefined
    const { matches } = filter
    const is = this.cell !== undefined && (!matches || matches(this.cell))
    const was = this.old !== undefined && (!matches || matches(this.old))
    if (is) return this.#frame(form, was ? 'MODIFIED' : 'ADDED', (this.cell as Cell).bytes)
    return was ? this.#frame(form, 'DELETED', this.#bytesOfDeleted()) : undefined
  }

  dropFrames(): void {
    this.#frames.clear()
    this.#deletedBytes = undefined
  }

  #frame(form: Form, type: EventType, bytes: Uint8Array): Uint8Array {
    const key = `${form.name}/${type}`
    let frame = this.#frames.get(key)
    if (!frame) this.#frames.set(key, (frame = form.frame(type, bytes)))
    return frame
  }

  /** The last state under the revision of the change, so that a reader can go on from there. */
  #bytesOfDeleted(): Uint8Array {
    this.#deletedBytes ??= atRevision(this.#layout, this.old as Cell, this.revision)
    return this.#deletedBytes
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
