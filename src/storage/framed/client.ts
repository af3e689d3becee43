/**
 * The store contract over frames. One connection, many requests at once; when it breaks, what was under way is told that its
 * outcome is unknown, watches end, and the next request connects anew.
 */
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../base/clock.js'
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
import { type BatchHead, encodeFrame, type EntryHead, type Frame, FrameReader, Values } from './frame.js'
import type { ErrorBody, FramedAddress, RequestHead } from './server.js'

export interface FramedClientOptions {
  readonly address: FramedAddress
  readonly clock: Clock
  /** After so long without an answer the request fails and the connection is given up. Default 5 s. */
  readonly requestTimeoutMs?: number
}

interface Answer {
  readonly i: number
  readonly e?: ErrorBody
  readonly r?: unknown
  readonly rev?: number
  readonly more?: boolean
  readonly count?: number
  readonly ok?: 0 | 1
  readonly c?: number
  readonly ver?: number
  readonly w?: BatchHead[]
}

interface Pending {
  readonly write: boolean
  resolve(answer: Answer, payload: Buffer): void
  reject(error: Error): void
}

export function connectFramed(options: FramedClientOptions): Store {
  return new FramedClient(options)
}

class FramedClient implements Store {
  readonly #options: FramedClientOptions
  readonly #timeoutMs: number
  #connection: Promise<Wire> | undefined
  #closed = false

  constructor(options: FramedClientOptions) {
    this.#options = options
    this.#timeoutMs = options.requestTimeoutMs ?? 5_000
  }

  async get(key: string, { at }: ReadOptions = {}): Promise<Entry | undefined> {
    const { answer, payload } = await this.#request({ m: 'get', k: key, at })
    return answer.r ? new Values(payload).entry(answer.r as EntryHead) : undefined
  }

  async range(prefix: string, { at, after, limit }: RangeOptions = {}): Promise<RangeResult> {
    const { answer, payload } = await this.#request({ m: 'range', k: prefix, at, after, limit })
    const values = new Values(payload)
    return {
      entries: (answer.r as EntryHead[]).map((head) => values.entry(head)),
      revision: answer.rev ?? 0,
      more: answer.more ?? false,
      count: answer.count ?? 0,
    }
  }

  async commit({ key, expect, value, lease }: Change): Promise<CommitResult> {
    const { answer, payload } = await this.#request(
      { m: 'commit', k: key, x: expect, ...(value ? { v: 1 } : {}), ...(lease ? { lease } : {}) },
      value,
      true,
    )
    const revision = answer.rev ?? 0
    if (answer.ok === 1) return { ok: true, revision, createRevision: answer.c ?? 0, version: answer.ver ?? 0 }
    return { ok: false, current: answer.r ? new Values(payload).entry(answer.r as EntryHead) : undefined, revision }
  }

  async *watch(prefix: string, { from, signal }: { from: number; signal: AbortSignal }): AsyncIterable<Batch> {
    if (signal.aborted) return
    const wire = await this.#wire()
    const queue: Batch[] = []
    let failure: Error | undefined
    let wake: (() => void) | undefined
    const notify = () => wake?.()
    const id = wire.open(
      { m: 'watch', k: prefix, n: from },
      {
        write: false,
        resolve: ({ w = [] }, payload) => {
          const values = new Values(payload)
          for (const [revision, heads] of w) queue.push({ revision, events: heads.map((head) => values.event(head)) })
          notify()
        },
        reject: (error) => {
          failure = error
          notify()
        },
      },
    )
    signal.addEventListener('abort', notify, { once: true })
    try {
      while (!signal.aborted) {
        for (const batch of queue.splice(0)) yield batch
        if (queue.length > 0) continue
        if (failure) throw failure
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queue.length > 0 || failure || signal.aborted) resolve()
        })
      }
    } finally {
      signal.removeEventListener('abort', notify)
      wire.end(id)
    }
  }

  async revision(): Promise<number> {
    return (await this.#request({ m: 'revision' })).answer.r as number
  }

  async requestProgress(): Promise<void> {
    await this.#request({ m: 'progress' })
  }

  async compact(revision: number): Promise<void> {
    await this.#request({ m: 'compact', n: revision })
  }

  async grantLease(ttlSeconds: number): Promise<LeaseId> {
    return (await this.#request({ m: 'grant', n: ttlSeconds })).answer.r as LeaseId
  }

  async revokeLease(id: LeaseId): Promise<void> {
    await this.#request({ m: 'revoke', lease: id }, undefined, true)
  }

  async ping(): Promise<void> {
    await this.revision()
  }

  async sizeBytes(): Promise<number> {
    return (await this.#request({ m: 'size' })).answer.r as number
  }

  async close(): Promise<void> {
    this.#closed = true
    const wire = await this.#connection?.catch(() => undefined)
    wire?.destroy()
  }

  async #request(head: Omit<RequestHead, 'i'>, value?: Uint8Array, write = false): Promise<{ answer: Answer; payload: Buffer }> {
    const wire = await this.#wire()
    return new Promise((resolve, reject) => {
      const id = wire.open(
        head,
        {
          write,
          resolve: (answer, payload) => {
            cancel()
            wire.forget(id)
            resolve({ answer, payload })
          },
          reject: (error) => {
            cancel()
            reject(error)
          },
        },
        value,
      )
      const cancel = this.#options.clock.timer(this.#timeoutMs, () => {
        wire.destroy(new Error(`no answer within ${this.#timeoutMs} ms`))
      })
    })
  }

  #wire(): Promise<Wire> {
    if (this.#closed) return Promise.reject(new StoreUnavailableError('the store was closed'))
    if (!this.#connection) {
      const connection = openWire(this.#options.address, () => {
        if (this.#connection === connection) this.#connection = undefined
      })
      this.#connection = connection
      connection.catch(() => {
        if (this.#connection === connection) this.#connection = undefined
      })
    }
    return this.#connection
  }
}

function openWire(address: FramedAddress, onClose: () => void): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      'path' in address
        ? connectPlain(address.path)
        : connectTls({ ...address.tls, host: address.host, port: address.port, minVersion: 'TLSv1.2' })
    const refused = (error: Error) => reject(new StoreUnavailableError(`the store cannot be reached: ${error.message}`, { cause: error }))
    socket.once('error', refused)
    socket.once('path' in address ? 'connect' : 'secureConnect', () => {
      socket.off('error', refused)
      resolve(new Wire(socket, onClose))
    })
  })
}

/** One connection with its open requests. */
class Wire {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #pending = new Map<number, Pending>()
  #outgoing: Buffer[] = []
  #flushing = false
  #nextId = 1
  readonly #onClose: () => void
  #failure: Error | undefined

  constructor(socket: Socket, onClose: () => void) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of this.#reader.push(chunk)) this.#receive(frame)
      } catch (error) {
        this.destroy(error as Error)
      }
    })
    socket.on('error', (error) => this.destroy(error))
    this.#onClose = onClose
    socket.once('close', () => this.destroy())
  }

  open(head: Omit<RequestHead, 'i'>, pending: Pending, value?: Uint8Array): number {
    const i = this.#nextId++
    if (this.#failure) {
      queueMicrotask(() => pending.reject(new StoreUnavailableError('the connection to the store was lost')))
      return i
    }
    this.#pending.set(i, pending)
    this.#outgoing.push(encodeFrame({ i, ...head }, value ? [value] : []))
    if (!this.#flushing) {
      this.#flushing = true
      // Once what is ready now has run: a system call for each frame would cost more than the frame.
      setImmediate(() => {
        this.#flushing = false
        const frames = this.#outgoing
        this.#outgoing = []
        if (!this.#socket.destroyed) this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames))
      })
    }
    return i
  }

  forget(id: number): void {
    this.#pending.delete(id)
  }

  /** Ends a watch. */
  end(id: number): void {
    if (!this.#pending.delete(id) || this.#failure) return
    this.#socket.write(encodeFrame({ i: 0, m: 'end', n: id }))
  }

  destroy(cause: Error = new Error('the connection was closed')): void {
    if (this.#failure) return
    this.#failure = cause
    // Whoever asks next connects anew.
    this.#onClose()
    this.#socket.destroy()
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const each of pending)
      each.reject(
        new StoreUnavailableError(`the connection to the store was lost: ${cause.message}`, { unknownOutcome: each.write, cause }),
      )
  }

  #receive({ header, payload }: Frame): void {
    const answer = header as Answer
    const pending = this.#pending.get(answer.i)
    if (!pending) return
    if (answer.e) {
      this.#pending.delete(answer.i)
      pending.reject(errorOf(answer.e))
    } else pending.resolve(answer, payload)
  }
}

function errorOf({ n, t, r = 0 }: ErrorBody): Error {
  if (n === 'compacted') return new CompactedError(r)
  if (n === 'future') return new FutureRevisionError(r)
  return n === 'unavailable' ? new StoreUnavailableError(t) : new Error(t)
}
