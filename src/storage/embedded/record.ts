/**
 * A revision's record as bytes: each event as type, key, revisions, lease and value, all lengths before their bytes. Keys are
 * byte strings (engine/key-bytes.ts), written as latin1. The record's revision is its key in the database.
 */
import type { StoreEvent } from '../store.js'

const put = 1
const deletion = 2
/** type, key length, create revision, version, lease length, value length */
const headBytes = 1 + 4 + 8 + 8 + 1 + 4

export function encodeRecord(events: readonly StoreEvent[]): Buffer {
  let size = 4
  for (const event of events)
    size += headBytes + event.key.length + (event.type === 'put' ? event.value.length + (event.lease?.length ?? 0) : 0)
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeUInt32BE(events.length, 0)
  for (const event of events) {
    const isPut = event.type === 'put'
    const lease = isPut ? (event.lease ?? '') : ''
    at = bytes.writeUInt8(isPut ? put : deletion, at)
    at = bytes.writeUInt32BE(event.key.length, at)
    at = bytes.writeDoubleBE(isPut ? event.createRevision : 0, at)
    at = bytes.writeDoubleBE(isPut ? event.version : 0, at)
    at = bytes.writeUInt8(lease.length, at)
    at = bytes.writeUInt32BE(isPut ? event.value.length : 0, at)
    at += bytes.write(event.key, at, 'latin1')
    at += bytes.write(lease, at, 'latin1')
    if (isPut) {
      bytes.set(event.value, at)
      at += event.value.length
    }
  }
  return bytes
}

/** `wants` saves the copying of values that nobody will look at: their events are left out. `withValues: false` leaves values empty. */
export function decodeRecord(
  bytes: Buffer,
  revision: number,
  options: { wants?: (key: string) => boolean; withValues?: boolean } = {},
): StoreEvent[] {
  const { wants, withValues = true } = options
  const events: StoreEvent[] = []
  const count = bytes.readUInt32BE(0)
  let at = 4
  for (let i = 0; i < count; i++) {
    const isPut = bytes.readUInt8(at) === put
    const keyLength = bytes.readUInt32BE(at + 1)
    const createRevision = bytes.readDoubleBE(at + 5)
    const version = bytes.readDoubleBE(at + 13)
    const leaseLength = bytes.readUInt8(at + 21)
    const valueLength = bytes.readUInt32BE(at + 22)
    at += headBytes
    const key = bytes.toString('latin1', at, at + keyLength)
    at += keyLength
    const lease = bytes.toString('latin1', at, at + leaseLength)
    at += leaseLength
    const end = at + valueLength
    if (!wants || wants(key)) {
      if (isPut) {
        // A copy: the database's own memory is only good until its transaction ends.
        const value = withValues ? new Uint8Array(bytes.subarray(at, end)) : empty
        events.push({ type: 'put', key, value, revision, createRevision, version, ...(lease ? { lease } : {}) })
      } else events.push({ type: 'delete', key, revision })
    }
    at = end
  }
  return events
}
const empty = new Uint8Array(0)
