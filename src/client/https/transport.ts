/**
 * The wire to an API server: HTTP/2 over TLS, one session for all requests and watches, opened when it is first needed and again
 * after it was lost. What is under way on a session that is lost ends with a ConnectionError. A request is sent a second time, on
 * a fresh session, only when that cannot do harm: a GET, or one that the server is known not to have taken up.
 */
import { constants } from 'node:http2'
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { ConnectionError, type Transport, type TransportRequest, type TransportResponse, type TransportStream } from '../client.js'
import { NotSent, readBody, readHead } from './exchange.js'
import { openSession, type Session, type TlsOptions } from './session.js'

export type { TlsOptions } from './session.js'

export interface HttpsTransportOptions {
  /** https://HOST:PORT, perhaps with a path in front of the API's. */
  readonly url: string
  readonly tls?: TlsOptions
  /** The host to dial instead of the URL's. */
  readonly dialHost?: string
  /** Asked for each request. */
  token?(): string | undefined
  /** Sent with each request (impersonation). */
  readonly headers?: Readonly<Record<string, string>>
  readonly clock: Clock
}

export function httpsTransport(options: HttpsTransportOptions): Transport {
  return new HttpsTransport(options)
}

class HttpsTransport implements Transport {
  readonly #options: HttpsTransportOptions
  readonly #url: URL
  readonly #prefix: string
  #session: Promise<Session> | undefined
  #closed = false

  constructor(options: HttpsTransportOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    if (this.#url.protocol !== 'https:') throw new TypeError(`${options.url}: only https servers are supported`)
    this.#prefix = this.#url.pathname.replace(/\/$/, '')
  }

  request(request: TransportRequest): Promise<TransportResponse> {
    return this.#exchange(request, (session) => readBody(this.#open(session, request), session, request, this.#options.clock))
  }

  stream(request: TransportRequest): Promise<TransportStream> {
    return this.#exchange(request, (session) => readHead(this.#open(session, request), session, request, this.#options.clock))
  }

  async close(): Promise<void> {
    this.#closed = true
    const session = this.#session
    this.#session = undefined
    await session?.then(
      // Not from within its own callbacks: node's HTTP/2 does not survive that.
      ({ http2 }) => void setImmediate(() => http2.destroy()),
      () => undefined,
    )
  }

  async #exchange<R>(request: TransportRequest, send: (session: Session) => Promise<R>): Promise<R> {
    const session = await this.#connected(request.signal)
    try {
      return await send(session)
    } catch (error) {
      const harmless = error instanceof NotSent || (error instanceof ConnectionError && request.method === 'GET')
      if (!harmless || this.#closed || request.signal?.aborted) throw error
      this.#drop(session)
    }
    return send(await this.#connected(request.signal))
  }

  #open(session: Session, request: TransportRequest) {
    const token = this.#options.token?.()
    const { method, path, headers, body } = request
    try {
      return session.http2.request(
        {
          [constants.HTTP2_HEADER_METHOD]: method,
          [constants.HTTP2_HEADER_PATH]: this.#prefix + path,
          [constants.HTTP2_HEADER_AUTHORITY]: this.#url.host,
          ...this.#options.headers,
          ...headers,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        { endStream: body === undefined },
      )
    } catch (error) {
      // The session has ended, or was told to end, since it was handed out.
      throw new NotSent(messageOf(error))
    }
  }

  async #connected(signal: AbortSignal | undefined): Promise<Session> {
    for (;;) {
      signal?.throwIfAborted()
      if (this.#closed) throw new ConnectionError('the client has been closed')
      this.#session ??= this.#connect()
      const session = await this.#session
      if (!session.http2.destroyed && !session.http2.closed) return session
      this.#drop(session)
    }
  }

  #connect(): Promise<Session> {
    const { tls = {}, dialHost, clock } = this.#options
    const hostname = this.#url.hostname.replace(/^\[|\]$/g, '')
    const forget = () => {
      if (this.#session === opening) this.#session = undefined
    }
    const where = { hostname, dialHost: dialHost ?? hostname, port: Number(this.#url.port || 443) }
    const opening = openSession({ ...where, tls, clock }, forget).catch((error: Error) => {
      forget()
      throw new ConnectionError(`${this.#url.origin}: ${error.message}`)
    })
    return opening
  }

  /** No new request goes to this session; what is under way on it goes on. */
  #drop(session: Session): void {
    const current = this.#session
    void current?.then(
      (each) => {
        if (each === session && this.#session === current) this.#session = undefined
      },
      () => undefined,
    )
  }
}
