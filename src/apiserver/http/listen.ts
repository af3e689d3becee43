/**
 * The API server on the network: HTTPS with HTTP/2 and HTTP/1.1 on one port. HTTP/2 goes by node's stream interface, which
 * costs half of what its request objects do; HTTP/1.1 by request objects.
 *
 * Client certificates are asked for, never demanded: a request without one has a token or is anonymous. A certificate that the
 * CA did not sign does not end the connection: with a good token beside it the request is served, else it is Unauthorized.
 */
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type SecureServerOptions,
} from 'node:http2'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { DEFAULT_CIPHERS, type TLSSocket } from 'node:tls'
import type { Credentials } from '../authn/authenticator.js'
import type { ApiRequest, Responder } from '../handler.js'
import { readBody } from './body.js'
import type { ClientCertificates } from './certificate.js'
import { httpOneResponder, streamResponder, upgradeResponder } from './responders.js'

export interface ListenOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly cert: string | Buffer
  readonly key: string | Buffer
  /** What client certificates are checked against; without it none is asked for. */
  readonly clientCertificates?: ClientCertificates
  /** Ask for client certificates although what to check them against comes later (`setClientCertificates`). */
  readonly askForCertificates?: boolean
  readonly maxRequestBytes: number
  /** --http2-max-streams-per-connection */
  readonly maxStreams?: number
  handle(request: ApiRequest, responder: Responder): void
}

export interface Listening {
  readonly port: number
  /** Says goodbye to clients and waits for running requests, at most so long. With 0 connections are cut at once. */
  close(graceMs: number): Promise<void>
  /** New certificates for new connections. */
  setCertificate(cert: string | Buffer, key: string | Buffer): void
  /** What client certificates are checked against, for new connections. */
  setClientCertificates(clientCertificates: ClientCertificates): void
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Large windows: a list of thousands of objects or a busy watch must not wait for the peer's permission every 64 KiB. */
const windowBytes = 8 * 2 ** 20
const keepAliveMs = 30_000

/** Node's own ciphers, but AES of 128 bits first, as Go's servers have it: a busy watch spends a quarter of its time on encryption. */
const ciphers = `TLS_AES_128_GCM_SHA256:${DEFAULT_CIPHERS}`

export function listen(given: ListenOptions): Promise<Listening> {
  const options: Mutable<ListenOptions> = { ...given }
  const clientCa = options.clientCertificates?.bundle
  const tls: SecureServerOptions = {
    cert: options.cert,
    key: options.key,
    minVersion: 'TLSv1.2',
    ciphers,
    ...(clientCa ? { ca: clientCa } : {}),
    ...(clientCa || options.askForCertificates ? { requestCert: true, rejectUnauthorized: false } : {}),
    allowHTTP1: true,
    settings: { initialWindowSize: windowBytes, maxConcurrentStreams: options.maxStreams ?? 250, enableConnectProtocol: false },
    maxSessionMemory: 64,
  }
  const server = createSecureServer(tls)
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Duplex>()
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(windowBytes)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
  })
  server.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  server.on('tlsClientError', () => undefined)
  server.on('request', (request, response) => {
    onRequest(options, request as unknown as IncomingMessage, response as unknown as ServerResponse)
  })
  // Whoever listens for requests is also told of every HTTP/2 stream as one, through two more objects a stream: nobody needs those.
  server.removeAllListeners('stream')
  server.on('stream', (stream, headers) => onStream(options, stream, headers))
  server.on('upgrade', (raw: IncomingMessage, socket: Duplex, head: Buffer) => {
    onUpgrade(options, raw, socket, head)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject)
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => close(server, sessions, sockets, graceMs),
        setCertificate: (cert, key) => server.setSecureContext(Object.assign(tls, { cert, key })),
        setClientCertificates(clientCertificates) {
          options.clientCertificates = clientCertificates
          server.setSecureContext(Object.assign(tls, { ca: clientCertificates.bundle }))
        },
      })
    })
  })
}

function onStream(options: ListenOptions, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const caller = new Presence()
  stream.on('error', () => undefined)
  stream.once('close', () => caller.leave())
  const target = headers[':path'] ?? '/'
  const socket = stream.session?.socket as TLSSocket | undefined
  const request = requestOf(options, {
    method: String(headers[':method'] ?? 'GET'),
    target: String(target),
    headers,
    socket,
    caller,
    body: () => readBody(stream, options.maxRequestBytes),
  })
  options.handle(request, streamResponder(stream))
}

function onRequest(options: ListenOptions, message: IncomingMessage, response: ServerResponse): void {
  const caller = new Presence()
  response.once('close', () => caller.leave())
  options.handle(requestOfMessage(options, message, caller), httpOneResponder(message, response))
}

/** A request to change the protocol (exec, attach, port-forward): whoever serves it may take the connection over. */
function onUpgrade(options: ListenOptions, message: IncomingMessage, socket: Duplex, head: Buffer): void {
  const caller = new Presence()
  socket.once('close', () => caller.leave())
  const response = new ServerResponse(message)
  options.handle(requestOfMessage(options, message, caller), upgradeResponder(message, response, socket, head))
}

function requestOfMessage(options: ListenOptions, message: IncomingMessage, caller = new Presence()): ApiRequest {
  return requestOf(options, {
    method: message.method ?? 'GET',
    target: message.url ?? '/',
    headers: message.headers,
    socket: message.socket as TLSSocket,
    caller,
    body: () => readBody(message, options.maxRequestBytes),
  })
}

interface Parts {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly socket: TLSSocket | undefined
  readonly caller: Presence
  readonly body: () => Promise<Uint8Array>
}

/** Whether the caller is still there. Most requests never ask, and a signal costs more than the rest of a read. */
class Presence {
  #controller: AbortController | undefined
  #gone = false

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#gone) this.#controller.abort()
    return this.#controller.signal
  }

  leave(): void {
    this.#gone = true
    this.#controller?.abort()
  }
}

function requestOf(options: ListenOptions, parts: Parts): ApiRequest {
  return new HttpRequest(options, parts)
}

/** Made for every request: what only some handlers look at is worked out when they do. */
class HttpRequest implements ApiRequest, Credentials {
  readonly method: string
  readonly path: string
  readonly remoteAddress?: string
  readonly certificate?: NonNullable<Credentials['certificate']>
  readonly frontProxyCertificate?: NonNullable<Credentials['frontProxyCertificate']>
  readonly untrustedCertificate?: true
  readonly #parts: Parts
  readonly #queryText: string
  #query: URLSearchParams | undefined

  constructor(options: ListenOptions, parts: Parts) {
    const { method, target, socket } = parts
    this.#parts = parts
    this.method = method
    const question = target.indexOf('?')
    const rawPath = question < 0 ? target : target.slice(0, question)
    this.path = rawPath.includes('%') ? safeDecode(rawPath) : rawPath
    this.#queryText = question < 0 ? '' : target.slice(question + 1)
    if (!socket) return
    if (socket.remoteAddress) this.remoteAddress = socket.remoteAddress
    const identity = options.clientCertificates?.ofSocket(socket)
    if (identity?.certificate) this.certificate = identity.certificate
    if (identity?.frontProxyCertificate) this.frontProxyCertificate = identity.frontProxyCertificate
    if (identity?.untrustedCertificate) this.untrustedCertificate = true
  }

  get credentials(): Credentials {
    return this
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#queryText)
    return this.#query
  }

  get signal(): AbortSignal {
    return this.#parts.caller.signal
  }

  header(name: string): string | undefined {
    const value = this.#parts.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  headerNames(): Iterable<string> {
    return Object.keys(this.#parts.headers)
  }

  headerValues(name: string): readonly string[] {
    const value = this.#parts.headers[name]
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value]
    return name.startsWith('impersonate-') ? values.flatMap((each) => each.split(/,\s*/)) : values
  }

  body(): Promise<Uint8Array> {
    return this.#parts.body()
  }
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

async function close(
  server: Http2SecureServer,
  sessions: ReadonlySet<ServerHttp2Session>,
  sockets: ReadonlySet<Duplex>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  if (graceMs > 0) {
    for (const session of sessions) session.close()
    const limit = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref())
    await Promise.race([closed, limit])
  }
  for (const session of sessions) session.destroy()
  for (const socket of sockets) socket.destroy()
  await closed
}
