/** etcd's KV service: Range, Put, DeleteRange, Txn, Compact. */
import type { Engine, Transaction } from '../engine/engine.js'
import { byteString, inRange, type KeyRange } from '../engine/key-bytes.js'
import type { Decoded, Encodable } from '../etcd/message.js'
import * as rpc from '../etcd/rpc.js'
import type { Entry, LeaseId } from '../store.js'
import { faultOf, faults } from './faults.js'
import { requestBytesMax } from './grpc-server.js'
import { headerOf, type Member } from './member.js'
import { keyValueOf, rangeOf } from './ranges.js'

type RangeRequest = Decoded<typeof rpc.rangeRequest>
type PutRequest = Decoded<typeof rpc.putRequest>
type DeleteRangeRequest = Decoded<typeof rpc.deleteRangeRequest>
type TxnRequest = Decoded<typeof rpc.txnRequest>
type RequestOp = Decoded<typeof rpc.requestOp>
type Compare = Decoded<typeof rpc.compare>
type ResponseOp = Encodable<typeof rpc.responseOp>

/** etcd's --max-txn-ops. */
const operationsMax = 128
const nestingMax = 8

export class KvService {
  readonly #member: Member
  readonly #engine: Engine

  constructor(member: Member) {
    this.#member = member
    this.#engine = member.engine
  }

  async range(bytes: Buffer): Promise<Uint8Array> {
    const request = rpc.rangeRequest.decode(bytes)
    try {
      return rpc.rangeResponse.encode({ ...this.#read(request), header: headerOf(this.#member) })
    } catch (error) {
      throw faultOf(error)
    }
  }

  async put(bytes: Buffer): Promise<Uint8Array> {
    const request = rpc.putRequest.decode(bytes)
    await this.#checkRoom(bytes)
    const [response, revision] = await this.#write([{ put: request }])
    return rpc.putResponse.encode({ ...response?.put, header: headerOf(this.#member, revision) })
  }

  async deleteRange(bytes: Buffer): Promise<Uint8Array> {
    const request = rpc.deleteRangeRequest.decode(bytes)
    const [response, revision] = await this.#write([{ deleteRange: request }])
    return rpc.deleteRangeResponse.encode({ ...response?.deleteRange, header: headerOf(this.#member, revision) })
  }

  async txn(bytes: Buffer): Promise<Uint8Array> {
    const request = rpc.txnRequest.decode(bytes)
    checkTransaction(request, 0)
    if (changes(request)) await this.#checkRoom(bytes)
    try {
      return await this.#engine.atomically((transaction) => {
        const plan = this.#plan(request, transaction)
        this.#checkPuts(plan, transaction)
        const responses = this.#run(plan, transaction)
        const { revision } = transaction
        return rpc.txnResponse.encode({ header: headerOf(this.#member, revision), succeeded: plan.succeeded, responses })
      })
    } catch (error) {
      throw faultOf(error)
    }
  }

  async compact(bytes: Buffer): Promise<Uint8Array> {
    const { revision } = rpc.compactionRequest.decode(bytes)
    try {
      await this.#engine.compact(revision)
    } catch (error) {
      throw faultOf(error)
    }
    return rpc.compactionResponse.encode({ header: headerOf(this.#member) })
  }

  async #write(operations: Encodable<typeof rpc.requestOp>[]): Promise<[ResponseOp | undefined, number]> {
    const request = rpc.txnRequest.decode(rpc.txnRequest.encode({ success: operations }))
    checkTransaction(request, 0)
    try {
      return await this.#engine.atomically((transaction) => {
        const plan = this.#plan(request, transaction)
        this.#checkPuts(plan, transaction)
        const [response] = this.#run(plan, transaction)
        return [response, transaction.revision]
      })
    } catch (error) {
      throw faultOf(error)
    }
  }

  async #checkRoom(request: Buffer): Promise<void> {
    if (request.length > requestBytesMax) throw faults.requestTooLarge()
    const { quotaBytes } = this.#member
    if (quotaBytes > 0 && (await this.#engine.sizeBytes()) > quotaBytes) throw faults.noSpace()
  }

  /** A range of what is durable. */
  #read(request: RangeRequest): Encodable<typeof rpc.rangeResponse> {
    if (request.key.length === 0) throw faults.emptyKey()
    const range = rangeOf(request.key, request.rangeEnd)
    const at = request.revision > 0 ? request.revision : undefined
    // Only the plain order lets the engine stop at the limit.
    const plain = !isSifted(request)
    const found = this.#engine.readRange(range, {
      ...(at === undefined ? {} : { at }),
      ...(request.countOnly ? { limit: 0 } : plain && request.limit > 0 ? { limit: request.limit } : {}),
      keysOnly: request.keysOnly && request.sortTarget !== rpc.sortTarget.value,
      byteKeys: true,
    })
    if (request.countOnly) return { count: found.count }
    if (plain) return { kvs: found.entries.map(keyValueOf), more: found.more, count: found.count }
    return sift(request, found.entries)
  }

  /** Judges the comparisons, those of nested transactions too, before anything is done (as etcd does). */
  #plan(request: TxnRequest, transaction: Transaction): Plan {
    const succeeded = request.compare.every((each) => holds(each, transaction))
    const operations = succeeded ? request.success : request.failure
    return {
      succeeded,
      steps: operations.map((operation) =>
        operation.txn ? { nested: this.#plan(rpc.txnRequest.decode(operation.txn), transaction) } : { operation },
      ),
    }
  }

  /** Everything that can be refused is refused before the first write. */
  #checkPuts(plan: Plan, transaction: Transaction): void {
    for (const step of plan.steps) {
      if (step.nested) this.#checkPuts(step.nested, transaction)
      const put = step.operation?.put
      if (put && put.lease !== '0' && !this.#engine.leases.has(put.lease)) throw faults.leaseNotFound()
      if (put && (put.ignoreValue || put.ignoreLease) && !transaction.get(byteString(put.key))) throw faults.keyNotFound()
      const revision = step.operation?.range?.revision ?? 0
      if (revision > transaction.revision) throw faults.futureRevision()
      if (revision > 0 && revision < this.#engine.compactedRevision) throw faults.compacted()
    }
  }

  #run(plan: Plan, transaction: Transaction): ResponseOp[] {
    return plan.steps.map((step): ResponseOp => {
      if (step.nested) {
        const responses = this.#run(step.nested, transaction)
        const header = headerOf(this.#member, transaction.revision)
        return { txn: rpc.txnResponse.encode({ header, succeeded: step.nested.succeeded, responses }) }
      }
      const { range, put, deleteRange } = step.operation
      const header = headerOf(this.#member, transaction.revision)
      if (put) return { put: { ...runPut(put, transaction), header: headerOf(this.#member, transaction.revision) } }
      if (deleteRange)
        return { deleteRange: { ...runDelete(deleteRange, transaction), header: headerOf(this.#member, transaction.revision) } }
      if (!range) return {}
      if (range.revision > 0 && range.revision <= this.#engine.durableRevision) return { range: { ...this.#read(range), header } }
      return { range: { ...sift(range, transaction.range(rangeOf(range.key, range.rangeEnd))), header } }
    })
  }
}

interface Plan {
  readonly succeeded: boolean
  readonly steps: readonly (
    | { readonly nested: Plan; readonly operation?: undefined }
    | { readonly nested?: undefined; readonly operation: RequestOp }
  )[]
}

function runPut(put: PutRequest, transaction: Transaction): Encodable<typeof rpc.putResponse> {
  const key = byteString(put.key)
  const wanted = put.prevKv || put.ignoreValue || put.ignoreLease
  const before = wanted ? transaction.get(key) : undefined
  const lease: LeaseId | undefined = put.ignoreLease ? before?.lease : put.lease === '0' ? undefined : put.lease
  // A copy: the request's bytes are a piece of a larger buffer.
  const value = put.ignoreValue && before ? before.value : new Uint8Array(put.value)
  transaction.put(key, value, lease)
  return put.prevKv && before ? { prevKv: keyValueOf(before) } : {}
}

function runDelete({ key, rangeEnd, prevKv }: DeleteRangeRequest, transaction: Transaction): Encodable<typeof rpc.deleteRangeResponse> {
  const found = transaction.range(rangeOf(key, rangeEnd))
  for (const entry of found) transaction.delete(entry.key)
  return { deleted: found.length, prevKvs: prevKv ? found.map(keyValueOf) : [] }
}

/** True when the request wants more than entries in key order. */
function isSifted(request: RangeRequest): boolean {
  const byKey = request.sortTarget === rpc.sortTarget.key && request.sortOrder !== rpc.sortOrder.descend
  const bounds = request.minModRevision + request.maxModRevision + request.minCreateRevision + request.maxCreateRevision
  return !byKey || bounds > 0
}

/** Bounds, order, limit and form, in etcd's order: `count` is that of the range before any of them. */
function sift(request: RangeRequest, entries: readonly Entry[]): Encodable<typeof rpc.rangeResponse> {
  if (request.countOnly) return { count: entries.length }
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision, limit } = request
  let kept = entries.filter(
    ({ revision, createRevision }) =>
      revision >= minModRevision &&
      (maxModRevision === 0 || revision <= maxModRevision) &&
      createRevision >= minCreateRevision &&
      (maxCreateRevision === 0 || createRevision <= maxCreateRevision),
  )
  // Without an order, a target other than the key sorts upwards.
  const order =
    request.sortOrder === rpc.sortOrder.none && request.sortTarget !== rpc.sortTarget.key ? rpc.sortOrder.ascend : request.sortOrder
  if (order !== rpc.sortOrder.none) {
    const by = comparators[request.sortTarget] ?? byKey
    kept.sort(order === rpc.sortOrder.descend ? (a, b) => by(b, a) : by)
  }
  const more = limit > 0 && kept.length > limit
  if (more) kept = kept.slice(0, limit)
  const form = request.keysOnly ? (entry: Entry) => keyValueOf({ ...entry, value: new Uint8Array(0) }) : keyValueOf
  return { kvs: kept.map(form), more, count: entries.length }
}

const byKey = (a: Entry, b: Entry) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
const comparators: Readonly<Record<number, (a: Entry, b: Entry) => number>> = {
  [rpc.sortTarget.key]: byKey,
  [rpc.sortTarget.version]: (a, b) => a.version - b.version,
  [rpc.sortTarget.create]: (a, b) => a.createRevision - b.createRevision,
  [rpc.sortTarget.mod]: (a, b) => a.revision - b.revision,
  [rpc.sortTarget.value]: (a, b) => Buffer.compare(a.value, b.value),
}

/** A comparison of a range holds when it holds for every key in it; an absent single key counts as all zero. */
function holds(compare: Compare, transaction: Transaction): boolean {
  if (compare.rangeEnd.length > 0) {
    const found = transaction.range(rangeOf(compare.key, compare.rangeEnd))
    if (found.length > 0) return found.every((entry) => holdsFor(compare, entry))
    // A value cannot be that of no key.
    return compare.target !== rpc.compareTarget.value && holdsFor(compare, undefined)
  }
  const entry = transaction.get(byteString(compare.key))
  return !(entry === undefined && compare.target === rpc.compareTarget.value) && holdsFor(compare, entry)
}

function holdsFor(compare: Compare, entry: Entry | undefined): boolean {
  const sign = signOf(compare, entry)
  switch (compare.result) {
    case rpc.compareResult.equal:
      return sign === 0
    case rpc.compareResult.greater:
      return sign > 0
    case rpc.compareResult.less:
      return sign < 0
    default:
      return sign !== 0
  }
}

/** Below, at or above what the comparison names. */
function signOf(compare: Compare, entry: Entry | undefined): number {
  switch (compare.target) {
    case rpc.compareTarget.version:
      return (entry?.version ?? 0) - compare.version
    case rpc.compareTarget.create:
      return (entry?.createRevision ?? 0) - compare.createRevision
    case rpc.compareTarget.mod:
      return (entry?.revision ?? 0) - compare.modRevision
    case rpc.compareTarget.value:
      return Buffer.compare(entry?.value ?? new Uint8Array(0), compare.value)
    default: {
      const difference = BigInt(entry?.lease ?? '0') - BigInt(compare.lease)
      return difference < 0n ? -1 : difference > 0n ? 1 : 0
    }
  }
}

function changes({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].some((operation) => operation.put !== undefined || operation.txn !== undefined)
}

interface Touched {
  readonly puts: Set<string>
  readonly deletes: KeyRange[]
}

/** Refuses what etcd refuses before it looks at a key: too many operations, no key, a key that is written twice on one path. */
function checkTransaction(request: TxnRequest, depth: number): Touched[] {
  if (depth > nestingMax) throw faults.tooManyOperations()
  if (Math.max(request.compare.length, request.success.length, request.failure.length) > operationsMax) throw faults.tooManyOperations()
  for (const { key } of request.compare) if (key.length === 0) throw faults.emptyKey()
  return [checkPath(request.success, depth), checkPath(request.failure, depth)]
}

function checkPath(operations: readonly RequestOp[], depth: number): Touched {
  const own: Touched = { puts: new Set(), deletes: [] }
  const nested: Touched[] = []
  for (const { range, put, deleteRange, txn } of operations) {
    if (range && range.key.length === 0) throw faults.emptyKey()
    if (put) {
      checkPut(put)
      const key = byteString(put.key)
      if (own.puts.has(key)) throw faults.duplicateKey()
      own.puts.add(key)
    }
    if (deleteRange) {
      if (deleteRange.key.length === 0) throw faults.emptyKey()
      own.deletes.push(rangeOf(deleteRange.key, deleteRange.rangeEnd))
    }
    if (txn) nested.push(...checkTransaction(rpc.txnRequest.decode(txn), depth + 1))
  }
  for (const each of nested) {
    for (const key of each.puts) if (own.puts.has(key) || own.deletes.some((range) => inRange(range, key))) throw faults.duplicateKey()
  }
  for (const each of nested) {
    for (const key of each.puts) own.puts.add(key)
    own.deletes.push(...each.deletes)
  }
  for (const key of own.puts) if (own.deletes.some((range) => inRange(range, key))) throw faults.duplicateKey()
  return own
}

function checkPut({ key, value, lease, ignoreValue, ignoreLease }: PutRequest): void {
  if (key.length === 0) throw faults.emptyKey()
  if (ignoreValue && value.length > 0) throw faults.valueProvided()
  if (ignoreLease && lease !== '0') throw faults.leaseProvided()
}
