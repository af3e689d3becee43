import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import * as rpc from './rpc.js'

/** The same messages for an independent codec; the field numbers of etcd's published API. */
const { root } = protobuf.parse(`syntax = "proto3";
message KeyValue { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5; int64 lease = 6; }
message Compare { int32 result = 1; int32 target = 2; bytes key = 3;
  oneof target_union { int64 version = 4; int64 create_revision = 5; int64 mod_revision = 6; bytes value = 7; int64 lease = 8; } bytes range_end = 64; }
message WatchCreateRequest { bytes key = 1; bytes range_end = 2; int64 start_revision = 3; bool progress_notify = 4; repeated int32 filters = 5;
  bool prev_kv = 6; int64 watch_id = 7; bool fragment = 8; }
message WatchRequest { oneof request_union { WatchCreateRequest create_request = 1; } }`)

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text))

describe('messages of the etcd API', () => {
  it('are what an independent codec reads', () => {
    const kv = {
      key: bytes('k'),
      createRevision: 3,
      modRevision: 2 ** 40,
      version: 1,
      value: Uint8Array.of(0, 255),
      lease: '7587862094959738374',
    }
    const KeyValue = root.lookupType('KeyValue')
    expect(KeyValue.toObject(KeyValue.decode(rpc.keyValue.encode(kv)), { longs: String })).toEqual({
      ...kv,
      createRevision: '3',
      modRevision: String(2 ** 40),
      version: '1',
    })
    const WatchRequest = root.lookupType('WatchRequest')
    const create = { key: bytes('k'), rangeEnd: bytes('l'), startRevision: 9, filters: [1, 0], fragment: true }
    expect(WatchRequest.toObject(WatchRequest.decode(rpc.watchRequest.encode({ create })), { longs: Number })).toEqual({
      createRequest: create,
    })
  })

  it('read what an independent codec writes, signs and unknown fields included', () => {
    const Compare = root.lookupType('Compare')
    const encoded = Compare.encode(
      Compare.fromObject({ result: 3, target: 4, key: bytes('k'), lease: -2, rangeEnd: Uint8Array.of(0) }),
    ).finish()
    expect(rpc.compare.decode(new Uint8Array(encoded))).toMatchObject({ result: 3, target: 4, lease: '-2', rangeEnd: Uint8Array.of(0) })
    expect(rpc.compactionRequest.decode(encoded)).toMatchObject({ revision: 3 })
  })
})
