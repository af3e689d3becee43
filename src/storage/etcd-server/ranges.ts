/** Ranges and entries as the etcd API writes them. */
import { byteString, type KeyRange, singleKey } from '../engine/key-bytes.js'
import type { KeyValueInput } from '../etcd/rpc.js'
import type { Entry } from '../store.js'

/** No end: one key. An end of one zero byte: every key from `key` on. A key of one zero byte: from the first key on. */
export function rangeOf(key: Uint8Array, end: Uint8Array): KeyRange {
  const start = byteString(key)
  if (end.length === 0) return singleKey(start)
  if (end.length === 1 && end[0] === 0) return { start }
  return { start, end: byteString(end) }
}

export function keyOf(byteKey: string): Buffer {
  return Buffer.from(byteKey, 'latin1')
}

/** `entry` has a byte string as its key. */
export function keyValueOf({ key, value, revision, createRevision, version, lease }: Entry): KeyValueInput {
  return { key: keyOf(key), createRevision, modRevision: revision, version, value, lease: lease ?? '0' }
}
