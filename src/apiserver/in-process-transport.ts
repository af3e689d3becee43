/** A client's transport straight into the server: the same path as a request over HTTPS, without the wire. */
import { tooLarge } from '../api/status.js'
import { ConnectionError, type Transport, type TransportRequest, type TransportResponse, type TransportStream } from '../client/client.js'
import type { Credentials, UserInfo } from './authn/authenticator.js'
import { concat } from './cacher/events.js'
import type { ApiRequest, ByteSink, Headers, Responder } from './handler.js'

export interface Handle {
  (request: ApiRequest, responder: Responder): void
}

/** Who calls: a user that needs no proof, or what would be shown on a connection. */
export type Caller = { readonly user: UserInfo } | Pick<Credentials, 'certificate' | 'frontProxyCertificate'>

export function inProcessTransport(handle: Handle, caller: Caller, options: { maxRequestBytes: number }): Transport {
  let closed = false
  const send = (request: TransportRequest, responder: Responder) => {
    if (closed) throw new ConnectionError('the server has been stopped')
    handle(apiRequest(request, caller, options.maxRequestBytes), responder)
  }
  return {
    request: (request) =>
      new Promise<TransportResponse>((resolve, reject) => {
        const respond = (status: number, headers: Headers, chunks: readonly Uint8Array[]) =>
          resolve({ status, headers: flat(headers), body: concat(chunks) })
        const stream = () => {
          reject(new Error('assertion failed: a stream in answer to a plain request'))
          return closedSink
        }
        try {
          send(request, { respond, stream })
        } catch (error) {
          reject(error as Error)
        }
      }),
    stream: (request) =>
      new Promise<TransportStream>((resolve, reject) => {
        const respond = (status: number, headers: Headers, chunks: readonly Uint8Array[]) =>
          resolve({ status, headers: flat(headers), body: once(concat(chunks)) })
        const stream = (status: number, headers: Headers): ByteSink => {
          const pipe = new Pipe(request.signal)
          resolve({ status, headers: flat(headers), body: pipe })
          return pipe
        }
        try {
          send(request, { respond, stream })
        } catch (error) {
          reject(error as Error)
        }
      }),
    async close() {
      closed = true
    },
  }
}

/** For callers that do not go away. */
const never = new AbortController().signal

function apiRequest(request: TransportRequest, caller: Caller, maxRequestBytes: number): ApiRequest {
  const question = request.path.indexOf('?')
  const path = decodeURIComponent(question < 0 ? request.path : request.path.slice(0, question))
  const headers = request.headers ?? {}
  const body = request.body ?? new Uint8Array(0)
  return {
    method: request.method,
    path,
    query: new URLSearchParams(question < 0 ? '' : request.path.slice(question + 1)),
    credentials: {
      header: (name) => headers[name],
      headerNames: () => Object.keys(headers),
      ...('user' in caller ? {} : caller),
    },
    headerValues: (name) => (headers[name] === undefined ? [] : [headers[name]]),
    async body() {
      if (body.length > maxRequestBytes) throw tooLarge(`Request entity too large: limit is ${maxRequestBytes}`)
      return body
    },
    ...('user' in caller ? { user: caller.user } : {}),
    signal: request.signal ?? never,
  }
}

function flat(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : value.join(', ')]))
}

async function* once(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  yield chunk
}

const closedSink: ByteSink = { write: () => true, drained: () => Promise.resolve(), end: () => undefined, onClose: (fn) => fn() }

/** What may wait for a reader in the same process before the writer is asked to pause. */
const pipeBytesMax = 4 * 2 ** 20

/** The writing end is the server's sink, the reading end the client's stream. */
class Pipe implements ByteSink, AsyncIterable<Uint8Array> {
  readonly #closers = new Set<() => void>()
  #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #gone = false
  #wakeReader: (() => void) | undefined
  #wakeWriters: (() => void)[] = []

  constructor(signal: AbortSignal | undefined) {
    if (signal?.aborted) this.#close()
    else signal?.addEventListener('abort', () => this.#close(), { once: true })
  }

  write(chunk: Uint8Array): boolean {
    if (this.#gone || this.#ended) return true
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#wakeReader?.()
    return this.#bytes < pipeBytesMax
  }

  drained(): Promise<void> {
    if (this.#bytes < pipeBytesMax || this.#gone) return Promise.resolve()
    return new Promise((resolve) => this.#wakeWriters.push(resolve))
  }

  end(): void {
    this.#ended = true
    this.#wakeReader?.()
    this.#runClosers()
  }

  onClose(fn: () => void): void {
    if (this.#gone || this.#ended) fn()
    else this.#closers.add(fn)
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      while (!this.#gone) {
        const chunks = this.#chunks
        this.#chunks = []
        this.#bytes = 0
        for (const wake of this.#wakeWriters.splice(0)) wake()
        yield* chunks
        if (this.#chunks.length > 0) continue
        if (this.#ended) return
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve
          if (this.#chunks.length > 0 || this.#ended || this.#gone) resolve()
        })
        this.#wakeReader = undefined
      }
    } finally {
      this.#close()
    }
  }

  #close(): void {
    if (this.#gone) return
    this.#gone = true
    this.#chunks = []
    this.#wakeReader?.()
    for (const wake of this.#wakeWriters.splice(0)) wake()
    this.#runClosers()
  }

  #runClosers(): void {
    for (const closer of [...this.#closers]) closer()
    this.#closers.clear()
  }
}
