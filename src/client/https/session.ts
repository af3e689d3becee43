/**
 * An HTTP/2 session to one address that is pinged, so that a peer that is gone is noticed within a few seconds however open its
 * socket looks. It never reconnects: who wants another one opens it.
 */
import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { Cancel, Clock } from '../../base/clock.js'
import { keepAlive } from '../../base/node/http2-keep-alive.js'
import { ConnectionError } from '../client.js'

export interface TlsOptions {
  /** PEM bundle; the machine's own authorities without it. */
  readonly ca?: string
  /** PEM client certificate (chain) and key. */
  readonly cert?: string
  readonly key?: string
  /** The name that the server's certificate must have, where it is not the host of the URL. */
  readonly serverName?: string
  readonly insecureSkipVerify?: boolean
}

export interface SessionOptions {
  /** Of the URL: what the certificate is for. */
  readonly hostname: string
  readonly dialHost: string
  readonly port: number
  readonly tls: TlsOptions
  readonly clock: Clock
}

const connectTimeoutMs = 5_000
const pings = { pingEveryMs: 2_000, pingTimeoutMs: 3_000 }
/** Of a stream, and of all together: a list of thousands of objects must not wait for permission every 64 KiB. */
const streamWindowBytes = 2 ** 20
const sessionWindowBytes = 16 * 2 ** 20

export interface Session {
  readonly http2: ClientHttp2Session
  /** Why it ended, once it has. */
  cause(): string
}

/** Resolves when connected; rejects with a ConnectionError. `onEnd` is called once no new request may be sent on it. */
export function openSession({ hostname, dialHost, port, tls, clock }: SessionOptions, onEnd: () => void): Promise<Session> {
  const name = tls.serverName ?? hostname
  const secure: SecureClientSessionOptions = {
    minVersion: 'TLSv1.2',
    servername: isIP(name) ? '' : name,
    // The address that is dialled may be another one than the certificate's.
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
    ...(tls.insecureSkipVerify ? { rejectUnauthorized: false } : {}),
    settings: { initialWindowSize: streamWindowBytes, enablePush: false },
  }
  return new Promise((resolve, reject) => {
    const session = connect(`https://${isIP(dialHost) === 6 ? `[${dialHost}]` : dialHost}:${port}`, secure)
    let cause = 'the connection was closed'
    let cancelPing: Cancel = () => undefined
    const cancelConnect = clock.timer(connectTimeoutMs, () => {
      cause = `no connection within ${connectTimeoutMs} ms`
      session.destroy()
    })
    session.once('connect', () => {
      cancelConnect()
      if (session.destroyed) return
      session.setLocalWindowSize(sessionWindowBytes)
      cancelPing = keepAlive(session, clock, pings)
      resolve({ http2: session, cause: () => cause })
    })
    session.on('error', (error) => {
      cause = error.message
    })
    // A server that goes away finishes what it has accepted; new requests need a new session.
    session.once('goaway', onEnd)
    session.once('close', () => {
      cancelConnect()
      cancelPing()
      onEnd()
      reject(new ConnectionError(cause))
    })
  })
}
