/** etcd's Maintenance and Cluster services, as far as they have a meaning for one member on LMDB. */
import { createHash } from 'node:crypto'
import * as rpc from '../etcd/rpc.js'
import type { Entry } from '../store.js'
import { faultOf, faults } from './faults.js'
import { apiVersion, headerOf, type Member, raftTerm } from './member.js'
import { keyOf } from './ranges.js'

/** NOSPACE, as AlarmMember names it. */
const noSpaceAlarm = 1
const actionGet = 0

export class MaintenanceService {
  readonly #member: Member

  constructor(member: Member) {
    this.#member = member
  }

  async status(): Promise<Uint8Array> {
    const { engine, memberId } = this.#member
    const dbSize = await engine.sizeBytes()
    const index = engine.durableRevision
    return rpc.statusResponse.encode({
      header: headerOf(this.#member),
      ...{ version: apiVersion, dbSize, dbSizeInUse: dbSize, leader: memberId },
      ...{ raftIndex: index, raftAppliedIndex: index, raftTerm },
    })
  }

  /** Alarms are facts here, not switches: NOSPACE stands while the quota is exceeded and goes by itself. */
  async alarm(bytes: Buffer): Promise<Uint8Array> {
    const { action } = rpc.alarmRequest.decode(bytes)
    const { engine, memberId, quotaBytes } = this.#member
    const full = quotaBytes > 0 && (await engine.sizeBytes()) > quotaBytes
    const alarms = full && action === actionGet ? [{ memberId, alarm: noSpaceAlarm }] : []
    return rpc.alarmResponse.encode({ header: headerOf(this.#member), alarms })
  }

  /** LMDB uses its free pages again by itself: there is nothing to do. */
  async defragment(): Promise<Uint8Array> {
    return rpc.headerResponse.encode({ header: headerOf(this.#member) })
  }

  async hash(): Promise<Uint8Array> {
    const { engine } = this.#member
    return rpc.hashResponse.encode({
      header: headerOf(this.#member),
      hash: hashOf(engine.readRange({ start: '' }, { byteKeys: true }).entries),
    })
  }

  async hashKv(bytes: Buffer): Promise<Uint8Array> {
    const { revision } = rpc.hashKvRequest.decode(bytes)
    const { engine } = this.#member
    try {
      const { entries } = engine.readRange({ start: '' }, { byteKeys: true, ...(revision > 0 ? { at: revision } : {}) })
      const compactRevision = engine.compactedRevision
      return rpc.hashKvResponse.encode({ header: headerOf(this.#member), hash: hashOf(entries), compactRevision })
    } catch (error) {
      throw faultOf(error)
    }
  }

  /** The database file, then its SHA-256: what etcdctl expects. To restore, it becomes data.mdb of an empty data directory. */
  async *snapshot(): AsyncGenerator<Uint8Array> {
    const snapshot = await this.#member.engine.snapshot()
    if (!snapshot) throw faults.unsupported('a snapshot of a store in memory')
    const sum = createHash('sha256')
    const header = headerOf(this.#member)
    let remainingBytes = snapshot.sizeBytes
    for await (const blob of snapshot.chunks) {
      sum.update(blob)
      remainingBytes -= blob.length
      yield rpc.snapshotResponse.encode({ header, blob, remainingBytes })
    }
    yield rpc.snapshotResponse.encode({ header, blob: sum.digest() })
  }

  async memberList(): Promise<Uint8Array> {
    const { memberId, name, clientUrls, peerUrls } = this.#member
    const members = [
      { id: memberId, name, peerUrls: peerUrls.map((url) => Buffer.from(url)), clientUrls: clientUrls.map((url) => Buffer.from(url)) },
    ]
    return rpc.memberListResponse.encode({ header: headerOf(this.#member), members })
  }
}

/** Equal for equal contents; not etcd's own figure, whose input is its file format. */
function hashOf(entries: readonly Entry[]): number {
  const sum = createHash('sha256')
  for (const { key, value, revision, createRevision, version, lease } of entries)
    sum
      .update(keyOf(key))
      .update(`\0${revision} ${createRevision} ${version} ${lease ?? 0} ${value.length}\0`)
      .update(value)
  return sum.digest().readUInt32BE(0)
}
