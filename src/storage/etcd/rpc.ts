/** The messages of the etcd v3 API (field numbers as in etcd's rpc.proto and kv.proto, 3.4 to 3.6) and the methods that use them. */
import {
  bool,
  bytes,
  type Decoded,
  type Encodable,
  id64,
  int,
  lazily,
  message,
  nested,
  packedInts,
  repeated,
  repeatedBytes,
  string,
} from './message.js'

export const header = message({ clusterId: id64(1, 'uint64'), memberId: id64(2, 'uint64'), revision: int(3), raftTerm: int(4) })

export const keyValue = message({
  key: bytes(1),
  createRevision: int(2),
  modRevision: int(3),
  version: int(4),
  value: bytes(5),
  lease: id64(6),
})
export type KeyValue = Decoded<typeof keyValue>
export type KeyValueInput = Encodable<typeof keyValue>

export const eventType = { put: 0, delete: 1 } as const
export const event = message({ type: int(1), kv: nested(2, keyValue), prevKv: nested(3, keyValue) })

export const sortOrder = { none: 0, ascend: 1, descend: 2 } as const
export const sortTarget = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const
export const rangeRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  limit: int(3),
  revision: int(4),
  sortOrder: int(5),
  sortTarget: int(6),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: int(10),
  maxModRevision: int(11),
  minCreateRevision: int(12),
  maxCreateRevision: int(13),
})
export const rangeResponse = message({ header: nested(1, header), kvs: repeated(2, keyValue), more: bool(3), count: int(4) })

export const putRequest = message({
  key: bytes(1),
  value: bytes(2),
  lease: id64(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
})
export const putResponse = message({ header: nested(1, header), prevKv: nested(2, keyValue) })
export const deleteRangeRequest = message({ key: bytes(1), rangeEnd: bytes(2), prevKv: bool(3) })
export const deleteRangeResponse = message({ header: nested(1, header), deleted: int(2), prevKvs: repeated(3, keyValue) })

/** A transaction inside a transaction is kept as bytes: decode it with `txnRequest` (`txnResponse`). */
export const requestOp = message({
  range: nested(1, rangeRequest),
  put: nested(2, putRequest),
  deleteRange: nested(3, deleteRangeRequest),
  txn: lazily(4),
})
export const responseOp = message({
  range: nested(1, rangeResponse),
  put: nested(2, putResponse),
  deleteRange: nested(3, deleteRangeResponse),
  txn: lazily(4),
})
export const compareResult = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const
export const compareTarget = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const
export const compare = message({
  result: int(1),
  target: int(2),
  key: bytes(3),
  version: int(4),
  createRevision: int(5),
  modRevision: int(6),
  value: bytes(7),
  lease: id64(8),
  rangeEnd: bytes(64),
})
export const txnRequest = message({ compare: repeated(1, compare), success: repeated(2, requestOp), failure: repeated(3, requestOp) })
export const txnResponse = message({ header: nested(1, header), succeeded: bool(2), responses: repeated(3, responseOp) })
export const compactionRequest = message({ revision: int(1), physical: bool(2) })
export const compactionResponse = message({ header: nested(1, header) })

export const watchFilter = { noPut: 0, noDelete: 1 } as const
export const watchCreateRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  startRevision: int(3),
  progressNotify: bool(4),
  filters: packedInts(5),
  prevKv: bool(6),
  watchId: int(7),
  fragment: bool(8),
})
export const watchCancelRequest = message({ watchId: int(1) })
export const watchProgressRequest = message({})
export const watchRequest = message({
  create: nested(1, watchCreateRequest),
  cancel: nested(2, watchCancelRequest),
  progress: nested(3, watchProgressRequest),
})
export const watchResponse = message({
  header: nested(1, header),
  watchId: int(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int(5),
  cancelReason: string(6),
  fragment: bool(7),
  events: repeated(11, event),
})

export const leaseGrantRequest = message({ ttl: int(1), id: id64(2) })
export const leaseGrantResponse = message({ header: nested(1, header), id: id64(2), ttl: int(3), error: string(4) })
export const leaseRevokeRequest = message({ id: id64(1) })
export const leaseRevokeResponse = message({ header: nested(1, header) })
export const leaseKeepAliveRequest = message({ id: id64(1) })
export const leaseKeepAliveResponse = message({ header: nested(1, header), id: id64(2), ttl: int(3) })
export const leaseTimeToLiveRequest = message({ id: id64(1), keys: bool(2) })
export const leaseStatus = message({ id: id64(1) })
export const leaseLeasesResponse = message({ header: nested(1, header), leases: repeated(2, leaseStatus) })

export const statusRequest = message({})
export const statusResponse = message({
  header: nested(1, header),
  version: string(2),
  dbSize: int(3),
  leader: id64(4, 'uint64'),
  raftIndex: int(5),
  raftTerm: int(6),
  raftAppliedIndex: int(7),
  dbSizeInUse: int(9),
})
export const headerResponse = message({ header: nested(1, header) })
export const alarmRequest = message({ action: int(1), memberId: id64(2, 'uint64'), alarm: int(3) })
const alarmMember = message({ memberId: id64(1, 'uint64'), alarm: int(2) })
export const alarmResponse = message({ header: nested(1, header), alarms: repeated(2, alarmMember) })
export const hashResponse = message({ header: nested(1, header), hash: int(2) })
export const hashKvRequest = message({ revision: int(1) })
export const hashKvResponse = message({ header: nested(1, header), hash: int(2), compactRevision: int(3) })
export const snapshotResponse = message({ header: nested(1, header), remainingBytes: int(2), blob: bytes(3) })

export const member = message({
  id: id64(1, 'uint64'),
  name: string(2),
  peerUrls: repeatedBytes(3),
  clientUrls: repeatedBytes(4),
  isLearner: bool(5),
})
export const memberAddRequest = message({ peerUrls: repeatedBytes(1), isLearner: bool(2) })
export const memberAddResponse = message({ header: nested(1, header), member: nested(2, member), members: repeated(3, member) })
export const memberIdRequest = message({ id: id64(1, 'uint64') })
export const memberListResponse = message({ header: nested(1, header), members: repeated(2, member) })
export const leaseTimeToLiveResponse = message({
  header: nested(1, header),
  id: id64(2),
  ttl: int(3),
  grantedTtl: int(4),
  keys: repeatedBytes(5),
})

/** Paths of the methods, by their service. */
export const methods = {
  range: '/etcdserverpb.KV/Range',
  put: '/etcdserverpb.KV/Put',
  deleteRange: '/etcdserverpb.KV/DeleteRange',
  txn: '/etcdserverpb.KV/Txn',
  compact: '/etcdserverpb.KV/Compact',
  watch: '/etcdserverpb.Watch/Watch',
  leaseGrant: '/etcdserverpb.Lease/LeaseGrant',
  leaseRevoke: '/etcdserverpb.Lease/LeaseRevoke',
  leaseKeepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
  leaseTimeToLive: '/etcdserverpb.Lease/LeaseTimeToLive',
  leaseLeases: '/etcdserverpb.Lease/LeaseLeases',
  status: '/etcdserverpb.Maintenance/Status',
  alarm: '/etcdserverpb.Maintenance/Alarm',
  defragment: '/etcdserverpb.Maintenance/Defragment',
  hash: '/etcdserverpb.Maintenance/Hash',
  hashKv: '/etcdserverpb.Maintenance/HashKV',
  snapshot: '/etcdserverpb.Maintenance/Snapshot',
  memberList: '/etcdserverpb.Cluster/MemberList',
  memberAdd: '/etcdserverpb.Cluster/MemberAdd',
  memberPromote: '/etcdserverpb.Cluster/MemberPromote',
  memberRemove: '/etcdserverpb.Cluster/MemberRemove',
} as const

/** gRPC's status codes that etcd uses. */
export const code = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  failedPrecondition: 9,
  resourceExhausted: 8,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const
