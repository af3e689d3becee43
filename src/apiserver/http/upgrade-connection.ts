import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** A connection that whoever serves the request has taken over: nothing has been written on it. */
export interface UpgradeConnection {
  readonly socket: Duplex
  /** What the client has sent behind its request. */
  readonly head: Uint8Array
  readonly message: IncomingMessage
}
