/**
 * Frames on a byte stream: 4 bytes length of what follows, 4 bytes length of the header, the header as JSON, then the values'
 * bytes one after the other, their lengths in the header. Both ends are Quorate of one version: the format is nobody else's.
 */
import type { Batch, Entry, StoreEvent } from '../store.js'

/** Larger frames are a mistake or an attack: a value is at most a few MiB, a range is sent in pieces below this. */
export const frameBytesMax = 512 * 2 ** 20

export interface Frame {
  readonly header: unknown
  readonly payload: Buffer
}

export function encodeFrame(header: unknown, values: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  let size = 8 + text.length
  for (const value of values) size += value.length
  const bytes = Buffer.allocUnsafe(size)
  bytes.writeUInt32BE(size - 4, 0)
  bytes.writeUInt32BE(text.length, 4)
  bytes.set(text, 8)
  let at = 8 + text.length
  for (const value of values) {
    bytes.set(value, at)
    at += value.length
  }
  return bytes
}

/** Puts frames together from chunks as they come. */
export class FrameReader {
  #held: Buffer[] = []
  #heldBytes = 0
  #wanted = 4

  /** The frames that this chunk completes. Throws when the peer sends something else. */
  push(chunk: Buffer): Frame[] {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes < this.#wanted) return []
    let bytes = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held, this.#heldBytes)
    const frames: Frame[] = []
    this.#wanted = 4
    while (bytes.length >= 4) {
      const size = bytes.readUInt32BE(0)
      if (size < 4 || size > frameBytesMax) throw new Error(`a frame of ${size} bytes: the peer does not speak this protocol`)
      if (bytes.length < 4 + size) {
        this.#wanted = 4 + size
        break
      }
      const headerEnd = 8 + bytes.readUInt32BE(4)
      if (headerEnd > 4 + size) throw new Error('a frame whose header is longer than itself')
      frames.push({ header: JSON.parse(bytes.toString('utf8', 8, headerEnd)), payload: bytes.subarray(headerEnd, 4 + size) })
      bytes = bytes.subarray(4 + size)
    }
    this.#held = bytes.length > 0 ? [bytes] : []
    this.#heldBytes = bytes.length
    return frames
  }
}

/** [key, value length, revision, create revision, version, lease] */
export type EntryHead = [string, number, number, number, number, string?]
/** [key, revision] of a deletion, an EntryHead of a put. */
export type EventHead = EntryHead | [string, number]

export function entryHead({ key, value, revision, createRevision, version, lease }: Entry): EntryHead {
  return lease === undefined
    ? [key, value.length, revision, createRevision, version]
    : [key, value.length, revision, createRevision, version, lease]
}

/** Cuts a payload into the values that heads describe, in order. Values are copied: the payload is a piece of a large buffer. */
export class Values {
  readonly #payload: Buffer
  #at = 0

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  entry([key, length, revision, createRevision, version, lease]: EntryHead): Entry {
    const value = new Uint8Array(this.#payload.subarray(this.#at, this.#at + length))
    this.#at += length
    return lease === undefined
      ? { key, value, revision, createRevision, version }
      : { key, value, revision, createRevision, version, lease }
  }

  event(head: EventHead): StoreEvent {
    if (head.length === 2) return { type: 'delete', key: head[0], revision: head[1] }
    return { type: 'put', ...this.entry(head as EntryHead) }
  }
}

export type BatchHead = [revision: number, events: EventHead[]]

export function batchHead(batch: Batch, values: Uint8Array[]): BatchHead {
  const events = batch.events.map((event): EventHead => {
    if (event.type === 'delete') return [event.key, event.revision]
    values.push(event.value)
    return entryHead(event)
  })
  return [batch.revision, events]
}
