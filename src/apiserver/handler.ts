import type { Credentials, UserInfo } from './authn/authenticator.js'
import type { UpgradeConnection } from './http/upgrade-connection.js'

/** One request, however it came: over HTTPS, or from a client in the same process. */
export interface ApiRequest {
  readonly method: string
  /** Decoded path without the query: "/api/v1/pods". */
  readonly path: string
  readonly query: URLSearchParams
  readonly credentials: Credentials
  /** Every value of a header by lower-case name. */
  headerValues(name: string): readonly string[]
  /** The whole body. Rejects with StatusError RequestEntityTooLarge beyond the server's limit. */
  body(): Promise<Uint8Array>
  /** Set by callers inside the process: authentication is skipped. */
  readonly user?: UserInfo
  readonly remoteAddress?: string
  /** Aborted when the caller has gone away. */
  readonly signal: AbortSignal
}

/** Where the answer goes. Exactly one of the functions is called, once. */
export interface Responder {
  respond(status: number, headers: Headers, chunks: readonly Uint8Array[]): void
  stream(status: number, headers: Headers): ByteSink
  /** Takes the connection over. Only there when the request asks to change the protocol. */
  readonly takeOver?: () => UpgradeConnection
}

export type Headers = Readonly<Record<string, string | readonly string[]>>

/** A response that goes on: a watch, a followed log. */
export interface ByteSink {
  /** False when the reader is slower than the writer: wait for `drained` before much more. */
  write(chunk: Uint8Array): boolean
  drained(): Promise<void>
  end(): void
  /** Called once when the reader has gone. */
  onClose(fn: () => void): void
}

export const jsonHeaders: Headers = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }
