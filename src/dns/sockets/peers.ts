/** Connections to other DNS servers. */
import { createSocket } from 'node:dgram'
import { connect as connectTcp, isIPv6 } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { framed, unframer } from './framing.js'
import type { Connection, Peer, PeerHandlers } from './network.js'

/** A connected socket: the kernel drops what comes from elsewhere, and says when nobody listens there. */
export function udpPeer({ host, port }: Peer, { message, closed }: PeerHandlers): Connection {
  const socket = createSocket(isIPv6(host.split('%')[0] ?? '') ? 'udp6' : 'udp4')
  let waiting: Buffer[] | undefined = []
  let ended = false
  const end = (error: Error) => {
    if (ended) return
    ended = true
    socket.close()
    closed(error)
  }
  // A refusal is told once, to the next call: the callback must hear of it too.
  const put = (bytes: Buffer) => void (ended || socket.send(bytes, (error) => void (error && end(error))))
  socket.on('error', end)
  socket.on('message', message)
  socket.connect(port, host, (error?: Error) => {
    if (ended) return
    if (error) return end(error)
    const queued = waiting ?? []
    waiting = undefined
    for (const bytes of queued) put(bytes)
  })
  return {
    send(bytes) {
      if (ended) return
      if (waiting) waiting.push(bytes)
      else put(bytes)
    },
    close() {
      if (ended) return
      ended = true
      socket.close()
    },
  }
}

export function streamPeer({ host, port, tls }: Peer, { message, closed }: PeerHandlers): Connection {
  const name = tls?.serverName
  const socket = tls
    ? connectTls({ host, port, ...(name ? { servername: name } : {}), ca: tls.ca, cert: tls.cert, key: tls.key, ALPNProtocols: ['dot'] })
    : connectTcp({ host, port })
  let ended = false
  const end = (error: Error) => {
    if (ended) return
    ended = true
    socket.destroy()
    closed(error)
  }
  socket.setNoDelay(true)
  socket.on('error', end)
  socket.on('close', () => end(new Error('the connection was closed by the upstream')))
  socket.on('data', unframer(message))
  return {
    send: (bytes) => void (ended || socket.write(framed(bytes))),
    close() {
      ended = true
      socket.destroy()
    },
  }
}
