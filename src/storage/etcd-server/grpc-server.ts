/**
 * A gRPC server over node's HTTP/2: methods of raw message bytes by their path. Bounded: a message is at most `messageBytesMax`, a
 * stream that is not read is not written to. Compression is refused, as any server may.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createSecureServer, createServer, type Http2Server, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import { dirname } from 'node:path'
import { messageOf } from '../../base/errors.js'
import { frameMessage, MessageError, MessageReader } from '../etcd/framing.js'
import { code } from '../etcd/rpc.js'
import { RpcFault } from './faults.js'

/** The server's end of one call. */
export interface Call {
  /** False when the peer reads too slowly: wait for `onDrain`. */
  send(bytes: Uint8Array): boolean
  end(fault?: RpcFault): void
  onDrain: () => void
}

export interface CallHandlers {
  message(bytes: Buffer): void
  /** The peer has sent its last message. */
  finished?(): void
  /** The call is over, whatever ended it. */
  closed(): void
}

export type Method =
  | { readonly unary: (request: Buffer) => Promise<Uint8Array> }
  /** One request, many answers. */
  | { readonly serverStream: (request: Buffer) => AsyncIterable<Uint8Array> }
  | { readonly stream: (call: Call) => CallHandlers }

export type Methods = ReadonlyMap<string, Method>

export type ListenAddress =
  | { readonly path: string }
  | {
      readonly host: string
      readonly port: number
      /** `ca`: client certificates are asked for and must be of this authority. */
      readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
    }

export interface GrpcServer {
  readonly port: number | undefined
  close(): Promise<void>
}

const windowBytes = 4 * 2 ** 20
/** etcd's --max-request-bytes, and what it allows around the request itself. */
export const requestBytesMax = 1.5 * 2 ** 20
const overheadBytes = 512 * 1024

export function serveGrpc(methods: Methods, address: ListenAddress): Promise<GrpcServer> {
  const settings = { initialWindowSize: windowBytes, maxConcurrentStreams: 2 ** 31 - 1 }
  const tls = 'path' in address ? undefined : address.tls
  const server: Http2Server = tls
    ? createSecureServer({ ...tls, settings, minVersion: 'TLSv1.2', requestCert: Boolean(tls.ca), rejectUnauthorized: Boolean(tls.ca) })
    : createServer({ settings })
  const sessions = new Set<Http2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    // Node ends the session by itself; without a listener it would end the process.
    session.on('error', () => undefined)
  })
  server.on('stream', (stream, headers) => {
    stream.session?.setLocalWindowSize(windowBytes * 2)
    const path = String(headers[':path'])
    if (headers[':method'] !== 'POST' || !String(headers['content-type']).startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    stream.on('error', () => undefined)
    const method = methods.get(path)
    if (method) serve(stream, method)
    else
      refuse(
        stream,
        new RpcFault(
          code.unimplemented,
          `unknown method ${path.slice(path.lastIndexOf('/') + 1)} for service ${path.slice(1, path.lastIndexOf('/'))}`,
        ),
      )
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const done = () => {
      if ('path' in address) chmodSync(address.path, 0o600)
      const bound = server.address()
      resolve({
        port: typeof bound === 'object' && bound ? bound.port : undefined,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            for (const session of sessions) session.destroy()
          }),
      })
    }
    if ('path' in address) {
      mkdirSync(dirname(address.path), { recursive: true, mode: 0o700 })
      // What a killed process left; the lock of the data directory has made sure that it is nobody's.
      rmSync(address.path, { force: true })
      server.listen(address.path, done)
    } else server.listen(address.port, address.host, done)
  })
}

function serve(stream: ServerHttp2Stream, method: Method): void {
  const call = new StreamCall(stream)
  const handlers = 'stream' in method ? method.stream(call) : single(method, call)
  const reader = new MessageReader(requestBytesMax + overheadBytes)
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const bytes of reader.push(chunk)) handlers.message(bytes)
    } catch (error) {
      call.end(
        error instanceof MessageError
          ? new RpcFault(code.resourceExhausted, `grpc: ${error.message}`)
          : error instanceof RpcFault
            ? error
            : new RpcFault(code.internal, messageOf(error)),
      )
    }
  })
  stream.once('end', () => handlers.finished?.())
  stream.once('close', () => handlers.closed())
}

/** Handlers of a call with one request. */
function single(method: Exclude<Method, { stream: unknown }>, call: StreamCall): CallHandlers {
  let request: Buffer | undefined
  const answer = async (bytes: Buffer) => {
    if ('unary' in method) call.send(await method.unary(bytes))
    else for await (const each of method.serverStream(bytes)) if (!call.send(each)) await call.drained()
  }
  return {
    message(bytes) {
      if (request) throw new RpcFault(code.internal, 'more than one request message')
      request = bytes
      answer(bytes).then(
        () => call.end(),
        (error: unknown) => call.end(error instanceof RpcFault ? error : new RpcFault(code.unknown, messageOf(error))),
      )
    },
    finished() {
      if (!request) call.end(new RpcFault(code.internal, 'no request message'))
    },
    closed() {},
  }
}

class StreamCall implements Call {
  readonly #stream: ServerHttp2Stream
  #ended = false
  onDrain: () => void = () => undefined

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream
    stream.on('drain', () => this.onDrain())
  }

  send(bytes: Uint8Array): boolean {
    if (this.#ended || this.#stream.destroyed) return true
    this.#respond()
    return this.#stream.write(frameMessage(bytes))
  }

  end(fault?: RpcFault): void {
    if (this.#ended || this.#stream.destroyed) return
    this.#ended = true
    if (fault && !this.#stream.headersSent) return refuse(this.#stream, fault)
    this.#respond()
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(statusOf(fault)))
    this.#stream.end()
  }

  /** Resolves when writing makes sense again, also because the call is over. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed || !this.#stream.writableNeedDrain) return resolve()
      this.#stream.once('drain', resolve)
      this.#stream.once('close', resolve)
    })
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  }
}

/** An answer that is a status alone. */
function refuse(stream: ServerHttp2Stream, fault: RpcFault): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...statusOf(fault) }, { endStream: true })
}

function statusOf(fault: RpcFault | undefined): Record<string, string> {
  if (!fault) return { 'grpc-status': '0' }
  return { 'grpc-status': String(fault.code), 'grpc-message': encodeURIComponent(fault.message).replaceAll('%20', ' ') }
}
