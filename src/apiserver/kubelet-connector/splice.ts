/**
 * Two connections made one: the client's request to change the protocol is repeated to the other side, whose answer (yes or no)
 * and everything after it flow back unread. Ends when either end does.
 */
import type { Duplex } from 'node:stream'
import type { UpgradeConnection } from '../http/upgrade-connection.js'
import type { Dialer, Endpoint } from './dial.js'
import { unreachable } from './exchange.js'

/** Proof of who the caller is stays here: the other side sees the API server. */
const ownHeaders = new Set(['authorization', 'host', 'cookie', 'proxy-authorization'])

export async function splice(dialer: Dialer, endpoint: Endpoint, path: string, takeOver: () => UpgradeConnection): Promise<void> {
  const far = await dialer.connect(endpoint).catch((error: unknown) => {
    throw unreachable(dialer, endpoint, error)
  })
  const { socket: near, head, message } = takeOver()
  const lines = [`${message.method} ${path} HTTP/1.1`, `Host: ${dialer.authority(endpoint)}`]
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    const name = message.rawHeaders[i] as string
    const lower = name.toLowerCase()
    if (!ownHeaders.has(lower) && !lower.startsWith('impersonate-')) lines.push(`${name}: ${message.rawHeaders[i + 1]}`)
  }
  far.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length > 0) far.write(head)
  join(near, far)
  join(far, near)
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to)
  from.on('error', () => to.destroy())
  from.once('close', () => {
    // What has been read is still on its way: end, do not cut.
    if (!to.writableEnded) to.end()
  })
}
