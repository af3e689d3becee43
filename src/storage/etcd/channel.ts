/**
 * gRPC to one endpoint over an HTTP/2 session of node: unary calls and streams of raw message bytes. It connects on first use and
 * again after a loss; it retries nothing. Every failure is an RpcError that says whether the request can have been carried out.
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { keepAlive } from '../../base/node/http2-keep-alive.js'
import { frameMessage, MessageReader } from './framing.js'
import { code } from './rpc.js'

export interface ChannelTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface ChannelOptions {
  /** http://host:port or https://host:port. */
  readonly url: string
  readonly tls?: ChannelTls
  readonly clock: Clock
}

/** The answer of the peer, or the channel's own verdict, in gRPC's terms. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  constructor(
    readonly code: number,
    message: string,
    /** False only when the request was never handed to the peer. */
    readonly sent: boolean,
  ) {
    super(message)
  }
}

export interface StreamHandlers {
  message(bytes: Buffer): void
  /** Called once; undefined: the peer ended the stream with status OK. */
  end(error: RpcError | undefined): void
}

export interface Stream {
  send(bytes: Uint8Array): void
  close(): void
}

const connectTimeoutMs = 2_000
const windowBytes = 16 * 2 ** 20
/** etcd closes connections that are pinged more often than every 5 s. */
const pings = { pingEveryMs: 6_000, pingTimeoutMs: 2_000 }

export class Channel {
  readonly url: string
  readonly #options: ChannelOptions
  #session: Promise<ClientHttp2Session> | undefined
  #closed = false

  constructor(options: ChannelOptions) {
    this.#options = options
    this.url = options.url
  }

  async unary(path: string, request: Uint8Array, timeoutMs: number): Promise<Buffer> {
    const session = await this.#connected()
    return new Promise((resolve, reject) => {
      let answer: Buffer | undefined
      let ended = false
      const finish = (error: RpcError | undefined) => {
        if (ended) return
        ended = true
        cancel()
        if (error) reject(error)
        else if (answer === undefined) reject(new RpcError(code.internal, 'the answer has no message', true))
        else resolve(answer)
      }
      const stream = openStream(session, path, {}, { message: (bytes) => (answer = bytes), end: finish })
      const cancel = this.#options.clock.timer(timeoutMs, () =>
        // When it was this process that was busy for so long, the answer is there already: let it be read first.
        setImmediate(() => {
          if (ended) return
          finish(new RpcError(code.deadlineExceeded, `no answer within ${timeoutMs} ms`, true))
          stream.close(constants.NGHTTP2_CANCEL)
        }),
      )
      stream.end(frameMessage(request))
    })
  }

  async stream(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): Promise<Stream> {
    const session = await this.#connected()
    const stream = openStream(session, path, metadata, handlers)
    return {
      send: (bytes) => void (stream.writable && stream.write(frameMessage(bytes))),
      close: () => stream.close(constants.NGHTTP2_CANCEL),
    }
  }

  /** Drops the connection and everything under way on it; the next call connects anew. */
  reset(): void {
    const session = this.#session
    this.#session = undefined
    session?.then(
      // Not from within its own callbacks: node's HTTP/2 does not survive that.
      (each) => setImmediate(() => each.destroy()),
      () => undefined,
    )
  }

  close(): void {
    this.#closed = true
    this.reset()
  }

  #connected(): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(new RpcError(code.cancelled, 'the channel was closed', false))
    if (this.#session) return this.#session
    const session = openSession(this.#options, () => {
      if (this.#session === session) this.#session = undefined
    })
    this.#session = session
    session.catch(() => {
      if (this.#session === session) this.#session = undefined
    })
    return session
  }
}

function openSession({ url, tls, clock }: ChannelOptions, onClose: () => void): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url, {
      ...(url.startsWith('https:') ? { ...tls, minVersion: 'TLSv1.2' as const } : {}),
      settings: { initialWindowSize: windowBytes, enablePush: false },
    })
    let cause = 'the connection was closed'
    let cancelPing: Cancel = () => undefined
    const cancelConnect = clock.timer(connectTimeoutMs, () => {
      cause = `no connection within ${connectTimeoutMs} ms`
      session.destroy()
    })
    session.once('connect', () => {
      cancelConnect()
      if (session.destroyed) return
      session.setLocalWindowSize(windowBytes)
      cancelPing = keepAlive(session, clock, pings)
      resolve(session)
    })
    session.on('error', (error) => {
      cause = error.message
    })
    // A peer that goes away finishes what it has accepted; new calls need a new connection.
    session.once('goaway', onClose)
    session.once('close', () => {
      cancelConnect()
      cancelPing()
      onClose()
      reject(new RpcError(code.unavailable, `${url}: ${cause}`, false))
    })
  })
}

function openStream(
  session: ClientHttp2Session,
  path: string,
  metadata: Readonly<Record<string, string>>,
  handlers: StreamHandlers,
): ClientHttp2Stream {
  let stream: ClientHttp2Stream
  try {
    stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'quorate',
      ...metadata,
    })
  } catch (error) {
    // The session has ended, or was told to end, since it was handed out.
    throw new RpcError(code.unavailable, messageOf(error), false)
  }
  const reader = new MessageReader()
  let status: IncomingHttpHeaders = {}
  let failure: Error | undefined
  stream.on('response', (headers) => {
    // An answer without messages may have its status here.
    if (headers['grpc-status'] !== undefined || headers[':status'] !== 200) status = headers
  })
  stream.on('trailers', (headers) => {
    status = headers
  })
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const bytes of reader.push(chunk)) handlers.message(bytes)
    } catch (error) {
      stream.destroy(error as Error)
    }
  })
  stream.on('error', (error) => {
    failure = error
  })
  stream.once('close', () => handlers.end(verdict(status, failure, stream)))
  return stream
}

function verdict(status: IncomingHttpHeaders, failure: Error | undefined, stream: ClientHttp2Stream): RpcError | undefined {
  const grpc = status['grpc-status']
  if (grpc === '0') return undefined
  if (typeof grpc === 'string') return new RpcError(Number(grpc), messageText(status['grpc-message']), true)
  if (status[':status'] !== undefined) return new RpcError(code.unavailable, `the peer answers HTTP ${status[':status']}: no gRPC`, true)
  const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
  return new RpcError(code.unavailable, failure?.message ?? 'the connection was lost', !refused)
}

/** grpc-message is percent-encoded. */
function messageText(text: string | string[] | undefined): string {
  try {
    return decodeURIComponent(String(text ?? ''))
  } catch {
    return String(text)
  }
}
