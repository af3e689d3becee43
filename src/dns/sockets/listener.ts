/** DNS over UDP and TCP on one address. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { QuorateError } from '../../base/errors.js'
import { framed, unframer } from './framing.js'
import type { Listening, Serve } from './network.js'

/** A connection on which nothing is asked for so long is closed (RFC 7766, 6.2.3). */
const idleMs = 10_000
/** Queries of one connection that are being answered at once; more wait in the socket. */
const pipelineMax = 64
const connectionsMax = 2_000
/** Answers that the other side does not take: no more is read until it does. */
const unsentBytesMax = 256 * 1024
const receiveBufferBytes = 2 ** 21

export async function listenDns(host: string, port: number, serve: Serve): Promise<Listening> {
  // A free port is free for both only when it has been taken for both.
  for (let attempt = 0; ; attempt++) {
    const udp = await bindUdp(host, port)
    const bound = udp.address().port
    try {
      const tcp = await listenTcp(host, bound, serve)
      receive(udp, serve)
      return { port: bound, close: () => close(udp, tcp) }
    } catch (error) {
      await new Promise<void>((resolve) => void udp.close(() => resolve()))
      if (port !== 0 || attempt >= 20) throw error
    }
  }
}

async function bindUdp(host: string, port: number): Promise<UdpSocket> {
  // One socket for both families where the machine has both.
  const families = host === '' ? (['udp6', 'udp4'] as const) : ([isIPv6(host) ? 'udp6' : 'udp4'] as const)
  for (const [at, type] of families.entries()) {
    const lookup = (address: string, _: unknown, callback: (error: null, address: string, family: number) => void) =>
      callback(null, address, type === 'udp6' ? 6 : 4)
    // Addresses only: without this each answer would wait for a turn of the loop to look up what is no name.
    const socket = createSocket({ type, lookup: lookup as never })
    try {
      const listening = once(socket, 'listening')
      socket.bind(port, host === '' ? (type === 'udp6' ? '::' : '0.0.0.0') : host)
      await listening
      try {
        socket.setRecvBufferSize(receiveBufferBytes)
      } catch {
        // The machine's own size will do.
      }
      return socket
    } catch (error) {
      socket.close()
      const { code } = error as NodeJS.ErrnoException
      if (at + 1 < families.length && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) continue
      throw listenError('udp', host, port, error)
    }
  }
  throw new Error('assertion failed: a family was tried')
}

function receive(socket: UdpSocket, serve: Serve): void {
  // Errors of single packets (a client's port that is gone) are not the server's.
  socket.on('error', () => undefined)
  socket.on('message', (bytes, { address, port }) => {
    const client = { transport: 'udp' as const, address: plain(address), port }
    serve(bytes, client, (reply) => {
      try {
        socket.send(reply, 0, reply.length, port, address, ignore)
      } catch {
        // Closed since.
      }
    })
  })
}

const ignore = () => undefined

/** An IPv4 address that came over a socket for both families. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

async function listenTcp(host: string, port: number, serve: Serve): Promise<{ server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveConnection(socket, serve)
  })
  server.maxConnections = connectionsMax
  const listening = once(server, 'listening')
  server.listen({ port, ...(host === '' ? {} : { host }) })
  await listening.catch((error: unknown) => {
    throw listenError('tcp', host, port, error)
  })
  server.on('error', ignore)
  return { server, sockets }
}

function serveConnection(socket: Socket, serve: Serve): void {
  const client = { transport: 'tcp' as const, address: plain(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
  let open = 0
  socket.setNoDelay(true)
  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  const flow = () => {
    if (open >= pipelineMax || socket.writableLength > unsentBytesMax) socket.pause()
    else if (socket.isPaused()) socket.resume()
  }
  socket.on('drain', flow)
  socket.on(
    'data',
    unframer((bytes) => {
      open++
      flow()
      let answered = false
      // A copy: the answer may come after the chunk that the query is part of has been given back.
      serve(bytes, client, (reply) => {
        if (answered) return
        answered = true
        open--
        if (socket.writable) socket.write(framed(reply))
        flow()
      })
    }),
  )
}

async function close(udp: UdpSocket, { server, sockets }: { server: Server; sockets: Set<Socket> }): Promise<void> {
  const closed = Promise.all([
    new Promise<void>((resolve) => void udp.close(() => resolve())),
    new Promise<void>((resolve) => void server.close(() => resolve())),
  ])
  for (const socket of sockets) socket.destroy()
  await closed
}

function listenError(protocol: string, host: string, port: number, error: unknown): QuorateError {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === 'EADDRINUSE' ? 'bind: address already in use' : code === 'EACCES' ? 'bind: permission denied' : message
  return new QuorateError('ListenFailed', `listen ${protocol} ${host.includes(':') ? `[${host}]` : host}:${port}: ${why}`, { cause: error })
}
