import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** One request to a kubelet, authenticated and authorized by whoever listens. */
export interface ServerRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Values of a header by its lower-case name. */
  headerValues(name: string): readonly string[]
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
}

export interface ServerSink {
  /** False when the reader is slower than the writer: wait for `drained` before much more. */
  write(chunk: Uint8Array): boolean
  drained(): Promise<void>
  end(): void
  onClose(fn: () => void): void
}

/** Where the answer goes. One of the functions is called, once. */
export interface ServerReply {
  respond(status: number, headers: Readonly<Record<string, string>>, chunks: readonly Uint8Array[]): void
  stream(status: number, headers: Readonly<Record<string, string>>): ServerSink
  /** Takes the connection over; only there when the request asks to change the protocol. */
  readonly takeOver?: () => { readonly socket: Duplex; readonly head: Uint8Array; readonly message: IncomingMessage }
}

const textHeaders = { 'content-type': 'text/plain; charset=utf-8' }
const jsonHeaders = { 'content-type': 'application/json' }

export function replyText(reply: ServerReply, status: number, text: string): void {
  reply.respond(status, textHeaders, [Buffer.from(text)])
}

export function replyJson(reply: ServerReply, value: unknown): void {
  reply.respond(200, jsonHeaders, [Buffer.from(JSON.stringify(value))])
}
