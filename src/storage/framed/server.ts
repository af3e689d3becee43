/** Serves a store's contract over frames, on a Unix socket, a Windows pipe or TLS with client certificates. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { messageOf } from '../../base/errors.js'
import type { Engine } from '../engine/engine.js'
import type { Subscription } from '../engine/watch-hub.js'
import { type Change, CompactedError, FutureRevisionError, StoreUnavailableError } from '../store.js'
import { batchHead, encodeFrame, entryHead, type Frame, FrameReader } from './frame.js'

export type FramedAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } }

export interface FramedServer {
  readonly port: number | undefined
  close(): Promise<void>
}

/** Batches that go into one frame of a watch. */
const batchesPerFrame = 256

export function serveFramed(engine: Engine, address: FramedAddress): Promise<FramedServer> {
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    new Connection(engine, socket)
  }
  const server: Server =
    'path' in address
      ? createPlainServer(onSocket)
      : createTlsServer({ ...address.tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' }, onSocket)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const done = () => {
      if ('path' in address && !isPipe(address.path)) chmodSync(address.path, 0o600)
      const bound = server.address()
      resolve({
        port: typeof bound === 'object' && bound ? bound.port : undefined,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            for (const socket of sockets) socket.destroy()
          }),
      })
    }
    if ('path' in address) {
      if (!isPipe(address.path)) {
        mkdirSync(dirname(address.path), { recursive: true, mode: 0o700 })
        // What a process that was killed has left; the data directory's lock has made sure that it is nobody's.
        rmSync(address.path, { force: true })
      }
      server.listen(address.path, done)
    } else server.listen(address.port, address.host, done)
  })
}

const isPipe = (path: string) => path.startsWith('\\\\')

/** A request's header. `i` names it in the answer. */
export interface RequestHead {
  readonly i: number
  readonly m: 'get' | 'range' | 'commit' | 'revision' | 'progress' | 'compact' | 'grant' | 'revoke' | 'size' | 'watch' | 'end'
  readonly k?: string
  readonly at?: number
  readonly after?: string
  readonly limit?: number
  /** expect */
  readonly x?: number | 'absent' | 'any'
  /** Set when the payload is the new value. */
  readonly v?: 1
  readonly lease?: string
  readonly n?: number
}

class Connection {
  readonly #engine: Engine
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #watches = new Map<number, Watch>()
  #outgoing: Buffer[] = []
  #flushing = false

  constructor(engine: Engine, socket: Socket) {
    this.#engine = engine
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of this.#reader.push(chunk)) this.#serve(frame)
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
    socket.on('drain', () => {
      for (const watch of this.#watches.values()) watch.pump()
    })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      for (const watch of this.#watches.values()) watch.close()
    })
  }

  #serve({ header, payload }: Frame): void {
    const head = header as RequestHead
    if (head.m === 'watch') return this.#watch(head)
    if (head.m === 'end') {
      this.#watches.get(head.n ?? 0)?.close()
      this.#watches.delete(head.n ?? 0)
      return
    }
    // The value must outlive the buffer that it came in.
    this.#answer(head, head.v ? new Uint8Array(payload) : undefined).then(
      ([body, values]) => this.#send({ i: head.i, ...body }, values),
      (error: unknown) => this.#send({ i: head.i, e: errorBody(error) }),
    )
  }

  async #answer(head: RequestHead, value: Uint8Array | undefined): Promise<[object, Uint8Array[]?]> {
    const engine = this.#engine
    const { k = '', at, after, limit, n = 0 } = head
    switch (head.m) {
      case 'get': {
        const entry = await engine.get(k, { at })
        return entry ? [{ r: entryHead(entry) }, [entry.value]] : [{}]
      }
      case 'range': {
        const { entries, revision, more, count } = await engine.range(k, { at, after, limit })
        return [{ r: entries.map(entryHead), rev: revision, more, count }, entries.map((entry) => entry.value)]
      }
      case 'commit':
        return this.#commit({ key: k, expect: head.x ?? 'any', ...(value ? { value } : {}), ...(head.lease ? { lease: head.lease } : {}) })
      case 'revision':
        return [{ r: await engine.revision() }]
      case 'progress':
        await engine.requestProgress()
        return [{}]
      case 'compact':
        await engine.compact(n)
        return [{}]
      case 'grant':
        return [{ r: await engine.grantLease(n) }]
      case 'revoke':
        await engine.revokeLease(head.lease ?? '')
        return [{}]
      case 'size':
        return [{ r: await engine.sizeBytes() }]
      default:
        throw new Error(`unknown request ${JSON.stringify(head.m)}`)
    }
  }

  async #commit(change: Change): Promise<[object, Uint8Array[]?]> {
    const result = await this.#engine.commit(change)
    if (result.ok) return [{ ok: 1, rev: result.revision, c: result.createRevision, ver: result.version }]
    const { current, revision } = result
    return current ? [{ ok: 0, rev: revision, r: entryHead(current) }, [current.value]] : [{ ok: 0, rev: revision }]
  }

  #watch({ i, k = '', n = 0 }: RequestHead): void {
    try {
      const subscription = this.#engine.subscribe(k, n)
      const watch = new Watch(subscription, (batches) => {
        const values: Uint8Array[] = []
        const w = batches.map((batch) => batchHead(batch, values))
        return this.#send({ i, w }, values)
      })
      this.#watches.set(i, watch)
      watch.onError = (error) => {
        this.#watches.delete(i)
        this.#send({ i, e: errorBody(error) })
      }
      watch.pump()
    } catch (error) {
      this.#send({ i, e: errorBody(error) })
    }
  }

  /** Frames of one turn go out together. False when the peer reads too slowly. */
  #send(header: object, values?: readonly Uint8Array[]): boolean {
    if (this.#socket.destroyed) return false
    this.#outgoing.push(encodeFrame(header, values))
    if (!this.#flushing) {
      this.#flushing = true
      queueMicrotask(() => {
        this.#flushing = false
        const frames = this.#outgoing
        this.#outgoing = []
        if (!this.#socket.destroyed) this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames))
      })
    }
    return !this.#socket.writableNeedDrain
  }
}

/**
 * Passes a subscription on as fast as the socket takes it, a turn later than the answers to the writes that it tells of: who
 * wrote an object knows what it is when its event comes, and need not read it again.
 */
class Watch {
  readonly #subscription: Subscription
  readonly #write: (batches: ReturnType<Subscription['take']>) => boolean
  onError: (error: unknown) => void = () => undefined
  #closed = false
  #waking = false

  constructor(subscription: Subscription, write: (batches: ReturnType<Subscription['take']>) => boolean) {
    this.#subscription = subscription
    this.#write = write
    subscription.onReadable = () => {
      if (this.#waking) return
      this.#waking = true
      setImmediate(() => {
        this.#waking = false
        this.pump()
      })
    }
  }

  pump(): void {
    try {
      while (!this.#closed && this.#subscription.readable) {
        const batches = this.#subscription.take()
        let taken = true
        for (let at = 0; at < batches.length; at += batchesPerFrame) taken = this.#write(batches.slice(at, at + batchesPerFrame))
        if (!taken) return
      }
    } catch (error) {
      this.close()
      this.onError(error)
    }
  }

  close(): void {
    this.#closed = true
    this.#subscription.onReadable = undefined
    this.#subscription.close()
  }
}

export interface ErrorBody {
  readonly n: 'compacted' | 'future' | 'unavailable' | 'other'
  readonly t: string
  readonly r?: number
}

function errorBody(error: unknown): ErrorBody {
  if (error instanceof CompactedError) return { n: 'compacted', t: error.message, r: error.compactedRevision }
  if (error instanceof FutureRevisionError) return { n: 'future', t: error.message, r: error.currentRevision }
  if (error instanceof StoreUnavailableError) return { n: 'unavailable', t: error.message }
  return { n: 'other', t: messageOf(error) }
}
