/**
 * exec, attach and port-forward over WebSocket: each message begins with the number of its channel (remotecommand's
 * v5.channel.k8s.io and v4.channel.k8s.io). SPDY is spoken by neither side of this: port-forward hands it on.
 */
import type { WebSocket } from 'ws'
import type { ByteStream, ExitStatus } from '../runtime.js'
import type { ServerReply, ServerRequest } from './request.js'

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const
/** Bytes a peer may have waiting before writers are held back is ws's own matter; a message is bounded here. */
const messageBytesMax = 1_048_576

/** Accepts the change of protocol. Undefined when the request asks for none, or for one that is not spoken; it is answered then. */
export async function acceptWebSocket(reply: ServerReply): Promise<WebSocket | undefined> {
  if (!reply.takeOver) {
    reply.respond(400, { 'content-type': 'text/plain; charset=utf-8' }, [Buffer.from('Upgrade request required\n')])
    return undefined
  }
  const { WebSocketServer } = await import('ws')
  const { socket, head, message } = reply.takeOver()
  const offered = String(message.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/)
  if (message.headers.upgrade?.toLowerCase() !== 'websocket' || !offered.some((one) => protocols.includes(one))) {
    const why = `unable to upgrade: this kubelet speaks WebSocket with ${protocols.join(' or ')}\n`
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(why)}\r\nConnection: close\r\n\r\n${why}`,
    )
    return undefined
  }
  const server = new WebSocketServer({
    ...{ noServer: true, maxPayload: messageBytesMax, perMessageDeflate: false },
    handleProtocols: (asked) => protocols.find((protocol) => asked.has(protocol)) ?? false,
  })
  return new Promise((resolve) => server.handleUpgrade(message, socket, Buffer.from(head), resolve))
}

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

/** Whether the client brings SPDY streams of its own: in a WebSocket, as kubectl does, or instead of HTTP. */
export function bringsSpdy(request: ServerRequest): boolean {
  const upgrade = request.headerValues('upgrade').join(',').toLowerCase()
  if (upgrade === 'spdy/3.1') return true
  return upgrade === 'websocket' && request.headerValues('sec-websocket-protocol').join(',').includes(tunnelProtocol)
}

/** Joins the client's SPDY connection, which is not looked into, with what takes its streams. */
export async function serveSpdyTunnel(reply: ServerReply, join: (connection: ByteStream) => Promise<void>): Promise<void> {
  if (!reply.takeOver)
    return reply.respond(400, { 'content-type': 'text/plain; charset=utf-8' }, [Buffer.from('Upgrade request required\n')])
  const { socket, head, message } = reply.takeOver()
  const incoming = new Incoming<Uint8Array>()
  if (message.headers.upgrade?.toLowerCase() === 'websocket') {
    const { WebSocketServer } = await import('ws')
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: messageBytesMax,
      perMessageDeflate: false,
      handleProtocols: () => tunnelProtocol,
    })
    const client = await new Promise<WebSocket>((resolve) => server.handleUpgrade(message, socket, Buffer.from(head), resolve))
    client.on('message', (data: Buffer) => incoming.push(data))
    client.on('error', () => client.terminate())
    client.once('close', () => incoming.end())
    const write = (chunk: Uint8Array) => {
      if (client.readyState === client.OPEN) client.send(chunk)
    }
    await join({ incoming, write, end: () => client.close(1000) }).catch(() => client.close(1011))
    return
  }
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n',
  )
  if (head.length > 0) incoming.push(head)
  socket.on('data', (chunk: Buffer) => incoming.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.once('close', () => incoming.end())
  await join({ incoming, write: (chunk) => void socket.write(chunk), end: () => void socket.end() }).catch(() => socket.destroy())
}

/** A queue that is read as it is filled: what comes in on one channel. */
class Incoming<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  #wake: () => void = () => undefined
  #ended = false

  push(item: T): void {
    this.#items.push(item)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as T
      if (this.#ended) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

export interface CommandStreams {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly resizes: AsyncIterable<{ readonly width: number; readonly height: number }>
  stdout(chunk: Uint8Array): void
  stderr(chunk: Uint8Array): void
  readonly signal: AbortSignal
}

/** Runs a command on the streams of a connection, tells how it ended, and closes. */
export async function serveCommand(socket: WebSocket, run: (streams: CommandStreams) => Promise<ExitStatus>): Promise<void> {
  const stdin = new Incoming<Uint8Array>()
  const resizes = new Incoming<{ width: number; height: number }>()
  const gone = new AbortController()
  socket.on('message', (data: Buffer) => {
    const payload = data.subarray(1)
    if (data[0] === channel.stdin) stdin.push(payload)
    else if (data[0] === channel.resize) resizes.push(sizeOf(payload))
    else if (data[0] === channel.close && payload[0] === channel.stdin) stdin.end()
  })
  const end = () => {
    gone.abort()
    stdin.end()
    resizes.end()
  }
  socket.once('close', end)
  socket.once('error', end)
  const send = (to: number, chunk: Uint8Array) => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([to]), chunk]))
  }
  const streams: CommandStreams = {
    ...{ stdin, resizes, signal: gone.signal },
    stdout: (chunk) => send(channel.stdout, chunk),
    stderr: (chunk) => send(channel.stderr, chunk),
  }
  const status = await run(streams).then(statusOf, failureOf)
  send(channel.error, Buffer.from(JSON.stringify(status)))
  socket.close(1000)
}

function sizeOf(payload: Buffer): { width: number; height: number } {
  try {
    const { Width = 0, Height = 0 } = JSON.parse(payload.toString()) as { Width?: number; Height?: number }
    return { width: Width, height: Height }
  } catch {
    return { width: 0, height: 0 }
  }
}

/** The Status by which clients learn the exit code (remotecommand v4). */
function statusOf({ exitCode }: ExitStatus): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }
}

function failureOf(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error)
  return { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
}

/** One forwarded port a pair of channels: data and errors. Each begins with the port's number. */
export function servePorts(
  socket: WebSocket,
  ports: readonly number[],
  forward: (port: number, incoming: AsyncIterable<Uint8Array>, write: (chunk: Uint8Array) => void) => Promise<void>,
): void {
  const incoming = ports.map(() => new Incoming<Uint8Array>())
  const send = (to: number, chunk: Uint8Array) => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([to]), chunk]))
  }
  socket.on('message', (data: Buffer) => {
    const at = data[0] ?? 0
    if (at % 2 === 0) incoming[at / 2]?.push(data.subarray(1))
  })
  socket.once('close', () => {
    for (const one of incoming) one.end()
  })
  socket.on('error', () => undefined)
  for (const [index, port] of ports.entries()) {
    const number = Buffer.from([port & 0xff, port >> 8])
    send(2 * index, number)
    send(2 * index + 1, number)
    forward(port, incoming[index] as Incoming<Uint8Array>, (chunk) => send(2 * index, chunk)).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      send(2 * index + 1, Buffer.from(message))
      if (ports.length === 1) socket.close(1000)
    })
  }
}
