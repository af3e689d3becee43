/**
 * Serves an engine as one member of the etcd v3 API, so that etcdctl, kube-apiserver and any other client of etcd work on it.
 * Not served: authentication, changes of membership, elections, locks (each refused as etcd refuses what it lacks).
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import type { Engine } from '../engine/engine.js'
import { methods as paths } from '../etcd/rpc.js'
import { faultOf, faults } from './faults.js'
import { type GrpcServer, type ListenAddress, type Method, serveGrpc } from './grpc-server.js'
import { KvService } from './kv.js'
import { LeaseService } from './lease.js'
import { MaintenanceService } from './maintenance.js'
import type { Member } from './member.js'
import { watchService } from './watch.js'

export interface EtcdServerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly address: ListenAddress
  readonly name?: string
  /** What the member list says; default: none. */
  readonly advertiseUrls?: readonly string[]
  /** Writes are refused beyond it (--quota-backend-bytes); default: no bound. */
  readonly quotaBytes?: number
}

export function serveEtcd({
  engine,
  clock,
  address,
  name = 'default',
  advertiseUrls = [],
  quotaBytes = 0,
}: EtcdServerOptions): Promise<GrpcServer> {
  const member: Member = {
    ...{ engine, name, quotaBytes },
    clusterId: idOf(`cluster ${name}`),
    memberId: idOf(`member ${name}`),
    clientUrls: advertiseUrls,
    peerUrls: [],
  }
  const kv = new KvService(member)
  const lease = new LeaseService(member)
  const maintenance = new MaintenanceService(member)
  const unary = (serve: (bytes: Buffer) => Promise<Uint8Array>): Method => ({
    unary: (bytes) =>
      serve(bytes).catch((error: unknown) => {
        throw faultOf(error)
      }),
  })
  const methods = new Map<string, Method>([
    [paths.range, unary((bytes) => kv.range(bytes))],
    [paths.put, unary((bytes) => kv.put(bytes))],
    [paths.deleteRange, unary((bytes) => kv.deleteRange(bytes))],
    [paths.txn, unary((bytes) => kv.txn(bytes))],
    [paths.compact, unary((bytes) => kv.compact(bytes))],
    [paths.watch, { stream: watchService(member, clock) }],
    [paths.leaseGrant, unary((bytes) => lease.grant(bytes))],
    [paths.leaseRevoke, unary((bytes) => lease.revoke(bytes))],
    [paths.leaseKeepAlive, { stream: (call) => lease.keepAlive(call) }],
    [paths.leaseTimeToLive, unary((bytes) => lease.timeToLive(bytes))],
    [paths.leaseLeases, unary(() => lease.leases())],
    [paths.status, unary(() => maintenance.status())],
    [paths.alarm, unary((bytes) => maintenance.alarm(bytes))],
    [paths.defragment, unary(() => maintenance.defragment())],
    [paths.hash, unary(() => maintenance.hash())],
    [paths.hashKv, unary((bytes) => maintenance.hashKv(bytes))],
    [paths.snapshot, { serverStream: () => maintenance.snapshot() }],
    [paths.memberList, unary(() => maintenance.memberList())],
  ])
  for (const method of authMethods)
    methods.set(
      `/etcdserverpb.Auth/${method}`,
      unary(() => Promise.reject(faults.authNotEnabled())),
    )
  return serveGrpc(methods, address)
}

const authMethods = [
  'Authenticate',
  'AuthDisable',
  'UserAdd',
  'UserGet',
  'UserList',
  'UserDelete',
  'UserChangePassword',
  'RoleAdd',
  'RoleGet',
  'RoleList',
]

/** The same name has the same identity, after a restart too. */
function idOf(text: string): string {
  return String(createHash('sha256').update(text).digest().readBigUInt64BE(0) || 1n)
}
