/**
 * The store contract on real etcd (3.4 to 3.6) over gRPC. Commits are transactions that compare mod_revision; reads are linearizable
 * unless asked otherwise. A write whose answer was lost is never sent again blindly: the key is read, and only a comparison with a
 * revision (which can hold once in a store's life) is tried again; what stays unclear is thrown as `unknownOutcome`.
 */
import type { Clock } from '../../base/clock.js'
import { QuorateError } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import {
  type Batch,
  type Change,
  type CommitResult,
  CompactedError,
  type Entry,
  FutureRevisionError,
  type LeaseId,
  type RangeOptions,
  type RangeResult,
  type ReadOptions,
  type Store,
  StoreUnavailableError,
} from '../store.js'
import { type ChannelTls, RpcError } from './channel.js'
import { type CallOptions, Endpoints } from './endpoints.js'
import { afterKey, keyBytes, rangeEnd } from './keys.js'
import type { Message } from './message.js'
import * as rpc from './rpc.js'
import { WatchLanes } from './watch-lanes.js'

export interface EtcdOptions {
  /** http:// or https:// URLs of members of one cluster; the first is preferred. */
  readonly endpoints: readonly string[]
  readonly tls?: ChannelTls
  readonly clock: Clock
  readonly logger: Logger
}

export function openEtcdStore(options: EtcdOptions): Store {
  if (options.endpoints.length === 0) throw new QuorateError('StoreUnknown', 'no etcd endpoint was given')
  return new EtcdStore(options)
}

/** A page of a range: small enough that its answer takes a fraction of a call's time. */
const pageEntriesFirst = 500
const pageEntriesMax = 10_000
const pageBytesWanted = 4 * 2 ** 20
/** etcd's own health check reads this key. */
const healthKey = keyBytes('health')
const writeTimeoutMs = 5_000

type Header = { readonly header?: { readonly revision: number } | undefined }

class EtcdStore implements Store {
  readonly #endpoints: Endpoints
  readonly #lanes: WatchLanes
  #closed = false
  /** The highest revision that an answer named. */
  #seen = 0

  constructor(options: EtcdOptions) {
    this.#endpoints = new Endpoints(options)
    this.#lanes = new WatchLanes({
      endpoints: this.#endpoints,
      clock: options.clock,
      logger: options.logger,
      seen: () => this.#seen,
      touch: async (key) => {
        const request = rpc.putRequest.encode({ key: keyBytes(key), value: keyBytes('quorate') })
        await this.#call(rpc.methods.put, request, rpc.putResponse, { repeatable: true })
      },
      probe: () => this.ping(),
    })
  }

  async get(key: string, { at, serializable }: ReadOptions = {}): Promise<Entry | undefined> {
    const { kvs } = await this.#range({ key: keyBytes(key), revision: at, serializable })
    return kvs[0] && entryOf(kvs[0])
  }

  async range(prefix: string, { at, after, limit = Number.POSITIVE_INFINITY, serializable }: RangeOptions = {}): Promise<RangeResult> {
    const end = rangeEnd(prefix)
    let key = after !== undefined && after >= prefix ? afterKey(after) : prefix === '' ? Buffer.from([0]) : keyBytes(prefix)
    const entries: Entry[] = []
    let revision = at
    let count: number | undefined
    let pageEntries = pageEntriesFirst
    for (;;) {
      const page = await this.#range({
        key,
        rangeEnd: end,
        revision,
        limit: Math.min(limit - entries.length, pageEntries),
        serializable,
      })
      revision ??= page.header?.revision ?? 0
      count ??= page.count
      let bytes = 0
      for (const kv of page.kvs) {
        bytes += kv.value.length
        entries.push(entryOf(kv))
      }
      const last = page.kvs[page.kvs.length - 1]
      if (!page.more || !last || entries.length >= limit) return { entries, revision, more: count > entries.length, count }
      key = Buffer.concat([last.key, Buffer.from([0])])
      pageEntries = Math.max(10, Math.min(pageEntriesMax, Math.floor((pageBytesWanted * page.kvs.length) / Math.max(bytes, 1))))
    }
  }

  async commit(change: Change): Promise<CommitResult> {
    const request = transactionOf(change)
    for (;;) {
      try {
        const answer = await this.#call(rpc.methods.txn, request, rpc.txnResponse, { repeatable: false, timeoutMs: writeTimeoutMs })
        return commitResult(change, answer)
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || !error.unknownOutcome) throw error
        const settled = await this.#settle(change, error)
        if (settled) return settled
      }
    }
  }

  watch(prefix: string, options: { from: number; signal: AbortSignal }): AsyncIterable<Batch> {
    return this.#lanes.watch(prefix, options.from, options.signal)
  }

  async revision(): Promise<number> {
    const { header } = await this.#range({ key: healthKey, countOnly: true })
    return header?.revision ?? 0
  }

  async requestProgress(): Promise<void> {
    this.#lanes.requestProgress()
  }

  async compact(revision: number): Promise<void> {
    await this.#call(
      rpc.methods.compact,
      rpc.compactionRequest.encode({ revision }),
      rpc.compactionResponse,
      { repeatable: true },
      revision,
    )
  }

  async grantLease(ttlSeconds: number): Promise<LeaseId> {
    // A grant that was lost ends by itself: asking again costs nothing.
    const request = rpc.leaseGrantRequest.encode({ ttl: Math.max(1, Math.ceil(ttlSeconds)) })
    return (await this.#call(rpc.methods.leaseGrant, request, rpc.leaseGrantResponse, { repeatable: true })).id
  }

  async revokeLease(id: LeaseId): Promise<void> {
    await this.#call(rpc.methods.leaseRevoke, rpc.leaseRevokeRequest.encode({ id }), rpc.leaseRevokeResponse, { repeatable: true })
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.#range({ key: healthKey, countOnly: true }, signal)
  }

  async sizeBytes(): Promise<number> {
    return (await this.#call(rpc.methods.status, rpc.statusRequest.encode({}), rpc.statusResponse, { repeatable: true })).dbSize
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#lanes.close()
    this.#endpoints.close()
  }

  async #range(request: Parameters<typeof rpc.rangeRequest.encode>[0], signal?: AbortSignal) {
    const options = { repeatable: true, ...(signal ? { signal } : {}) }
    return this.#call(rpc.methods.range, rpc.rangeRequest.encode(request), rpc.rangeResponse, options, request.revision)
  }

  async #call<F>(path: string, request: Uint8Array, response: Message<F>, options: CallOptions, at = 0) {
    if (this.#closed) throw new StoreUnavailableError('the store was closed')
    let bytes: Buffer
    try {
      bytes = await this.#endpoints.call(path, request, options)
    } catch (error) {
      throw error instanceof RpcError ? this.#errorOf(error, options, at) : error
    }
    const answer = response.decode(bytes)
    this.#seen = Math.max(this.#seen, (answer as Header).header?.revision ?? 0)
    return answer
  }

  /**
   * After a write whose answer was lost: its result when that can be told; undefined when it has not happened and may be sent again;
   * throws when it stays unclear. Only a comparison with a revision can be judged: no key has the same revision twice, so a late
   * arrival of the first request is refused once the second has been carried out.
   */
  async #settle(change: Change, error: StoreUnavailableError): Promise<CommitResult | undefined> {
    const { key, expect, value } = change
    if (typeof expect !== 'number') throw error
    const current = await this.get(key).catch(() => {
      throw error
    })
    if (current?.revision === expect) return undefined
    if (current === undefined || (value !== undefined && Buffer.compare(current.value, value) === 0)) throw error
    const before = await this.get(key, { at: expect }).catch(() => undefined)
    // One change since, and it is not this one.
    const isRivals = before && current.createRevision === before.createRevision && current.version === before.version + 1
    if (!isRivals) throw error
    return { ok: false, current, revision: this.#seen }
  }

  #errorOf(error: RpcError, { repeatable }: CallOptions, at: number): Error {
    const { message } = error
    if (error.code === rpc.code.outOfRange && message.includes('compacted')) return new CompactedError(at)
    if (error.code === rpc.code.outOfRange && message.includes('future revision')) return new FutureRevisionError(this.#seen)
    if (error.code === rpc.code.invalidArgument && message.includes('too large')) {
      return new QuorateError('RequestTooLarge', `the store refuses the object: ${message}`, {
        remedy: "Store less in one object, or raise etcd's --max-request-bytes.",
        cause: error,
      })
    }
    const refused = /no leader|too many requests|database space exceeded/.test(message)
    const isStores = [rpc.code.unavailable, rpc.code.deadlineExceeded, rpc.code.resourceExhausted, rpc.code.internal, rpc.code.cancelled]
    if (isStores.some((each) => each === error.code))
      return new StoreUnavailableError(`etcd does not answer: ${message}`, {
        unknownOutcome: !repeatable && error.sent && !refused,
        cause: error,
      })
    return new QuorateError('StoreRefused', message, { cause: error })
  }
}

function transactionOf({ key: text, expect, value, lease }: Change): Uint8Array {
  const key = keyBytes(text)
  const compare =
    expect === 'any' && value !== undefined
      ? []
      : expect === 'any'
        ? [{ result: rpc.compareResult.greater, target: rpc.compareTarget.version, key, version: 0 }]
        : [{ result: rpc.compareResult.equal, target: rpc.compareTarget.mod, key, modRevision: expect === 'absent' ? 0 : expect }]
  const success =
    value === undefined
      ? [{ deleteRange: { key } }]
      : expect === 'absent'
        ? [{ put: { key, value, ...(lease ? { lease } : {}) } }]
        : // The new version is only known by reading it in the same transaction.
          [{ put: { key, value, ...(lease ? { lease } : {}) } }, { range: { key, keysOnly: true } }]
  return rpc.txnRequest.encode({ compare, success, failure: [{ range: { key } }] })
}

function commitResult(change: Change, { header, succeeded, responses }: ReturnType<typeof rpc.txnResponse.decode>): CommitResult {
  const revision = header?.revision ?? 0
  if (!succeeded) {
    const kv = responses[0]?.range?.kvs[0]
    return { ok: false, current: kv && entryOf(kv), revision }
  }
  if (change.value === undefined) return { ok: true, revision, createRevision: 0, version: 0 }
  if (change.expect === 'absent') return { ok: true, revision, createRevision: revision, version: 1 }
  const kv = responses[1]?.range?.kvs[0]
  return { ok: true, revision, createRevision: kv?.createRevision ?? 0, version: kv?.version ?? 0 }
}

function entryOf({ key, value, modRevision, createRevision, version, lease }: rpc.KeyValue): Entry {
  // A copy: the value is a piece of an answer that holds many.
  const entry = { key: Buffer.from(key).toString(), value: new Uint8Array(value), revision: modRevision, createRevision, version }
  return lease === '0' ? entry : { ...entry, lease }
}
