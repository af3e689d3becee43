/** Streams of a command or of a container's own process (remotecommand v4 over SPDY), and forwarded connections. */
import type { ByteStream, ExitStatus, Streams } from '../../../runtime.js'
import { dialSpdy, type SpdyConnection, upgradeToSpdy } from './spdy.js'

export interface CommandShape {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

export async function streamCommand(url: string, shape: CommandShape, streams: Streams): Promise<ExitStatus> {
  const connection = await dialSpdy(url, ['v4.channel.k8s.io'])
  const abort = () => connection.close()
  if (streams.signal?.aborted) abort()
  streams.signal?.addEventListener('abort', abort, { once: true })
  try {
    return await converse(connection, shape, streams)
  } finally {
    streams.signal?.removeEventListener('abort', abort)
    connection.close()
  }
}

async function converse(connection: SpdyConnection, shape: CommandShape, streams: Streams): Promise<ExitStatus> {
  const verdict: Uint8Array[] = []
  const read = (streamtype: string, take: (chunk: Uint8Array) => void) =>
    new Promise<void>((resolve) => {
      // Nothing is sent on a stream that is only read, but the server waits for the end of none.
      connection.open({ streamtype }, { data: take, end: resolve })
    })
  // The server takes them in the order of their opening; it begins when all that were asked for are there.
  const over = [read('error', (chunk) => verdict.push(Buffer.from(chunk)))]
  if (shape.stdin) void pump(streams.stdin, connection.open({ streamtype: 'stdin' }, { data: () => undefined, end: () => undefined }))
  if (shape.stdout) over.push(read('stdout', (chunk) => streams.stdout(chunk)))
  if (shape.stderr && !shape.tty) over.push(read('stderr', (chunk) => streams.stderr(chunk)))
  if (shape.tty) {
    const resize = connection.open({ streamtype: 'resize' }, { data: () => undefined, end: () => undefined })
    void pumpSizes(streams.resizes, resize)
  }
  await Promise.all(over)
  return statusOf(Buffer.concat(verdict).toString('utf8'))
}

interface Sink {
  write(chunk: Uint8Array): void
  end(): void
}

async function pump(from: AsyncIterable<Uint8Array> | undefined, to: Sink): Promise<void> {
  for await (const chunk of from ?? []) to.write(chunk)
  to.end()
}

async function pumpSizes(from: Streams['resizes'], to: Sink): Promise<void> {
  for await (const { width, height } of from ?? []) to.write(Buffer.from(JSON.stringify({ Width: width, Height: height })))
}

/** The error stream of v4: a Status, whose causes have the exit code. */
function statusOf(text: string): ExitStatus {
  if (text === '') return { exitCode: 0 }
  let status: { status?: string; reason?: string; message?: string; details?: { causes?: { reason?: string; message?: string }[] } }
  try {
    status = JSON.parse(text)
  } catch {
    throw new Error(text)
  }
  if (status.status === 'Success') return { exitCode: 0 }
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return { exitCode: Number(code) }
  throw new Error(status.message ?? text)
}

/** Joins a client that speaks SPDY itself with the runtime. Resolves when either side has ended. */
export async function joinConnection(url: string, { incoming, write, end }: ByteStream): Promise<void> {
  const { socket, head } = await upgradeToSpdy(url, ['portforward.k8s.io'])
  if (head.length > 0) write(head)
  socket.on('data', write)
  const closed = new Promise<void>((resolve) => {
    socket.once('close', resolve)
    socket.once('error', () => socket.destroy())
    socket.once('end', () => socket.destroy())
  })
  const pumped = pump(incoming, { write: (chunk) => void socket.write(chunk), end: () => socket.destroy() })
  await Promise.race([closed, pumped])
  socket.destroy()
  end()
}

export async function streamPort(url: string, port: number, { incoming, write, end }: ByteStream): Promise<void> {
  const connection = await dialSpdy(url, ['portforward.k8s.io'])
  const wrong: Uint8Array[] = []
  try {
    const headers = { port: String(port), requestid: '0' }
    const failed = new Promise<void>((resolve) => {
      const error = connection.open({ ...headers, streamtype: 'error' }, { data: (chunk) => wrong.push(Buffer.from(chunk)), end: resolve })
      error.end()
    })
    const ended = new Promise<void>((resolve) => {
      const data = connection.open({ ...headers, streamtype: 'data' }, { data: write, end: resolve })
      void pump(incoming, data)
    })
    await Promise.all([failed, ended])
  } finally {
    connection.close()
    end()
  }
  if (wrong.length > 0) throw new Error(Buffer.concat(wrong).toString('utf8'))
}
