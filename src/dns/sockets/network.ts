/** What the server needs of the machine's network, so that plugins can be tested without one. */
import type { Client } from '../wire/reader.js'

export interface Network {
  /** DNS over UDP and TCP on one port. `host` '': every address. Port 0 takes a free one. */
  listen(host: string, port: number, serve: Serve): Promise<Listening>
  /** A small HTTP server: for probes and metrics. */
  http(host: string, port: number, page: (path: string) => HttpPage | undefined): Promise<Listening>
  /** Asks an HTTP server of this machine; resolves with the status. */
  httpStatus(host: string, port: number, path: string, timeoutMs: number): Promise<number>
  udp(to: Peer, handlers: PeerHandlers): Connection
  /** Over TCP, or TLS where `to.tls` is given; messages are framed by their length. */
  stream(to: Peer, handlers: PeerHandlers): Connection
  /** This machine's addresses but for loopback. */
  localAddresses(): readonly string[]
}

/** Answers by `send`, at most once; never throws. */
export type Serve = (bytes: Buffer, client: Client, send: (reply: Buffer) => void) => void

export interface Listening {
  readonly port: number
  close(): Promise<void>
}

export interface HttpPage {
  readonly status: number
  readonly type?: string
  readonly body: string
}

export interface Peer {
  readonly host: string
  readonly port: number
  readonly tls?: { readonly serverName?: string; readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export interface PeerHandlers {
  message(bytes: Buffer): void
  /** The connection is of no use any more. */
  closed(error: Error): void
}

export interface Connection {
  send(bytes: Buffer): void
  close(): void
}
