/**
 * gRPC in clear text, mostly to a server of this machine on a Unix socket (a container runtime, a plugin): unary calls of raw message bytes, each with a
 * deadline and a bound on its answer. It connects on first use and again after a loss; it retries nothing.
 */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import type { Clock } from '../clock.js'

export interface GrpcClientOptions {
  /** A Unix socket, or an address. */
  readonly socketPath?: string
  readonly address?: { readonly host: string; readonly port: number }
  readonly clock: Clock
  /** Upstream's bound on what a runtime may answer: 16 MiB. */
  readonly answerBytesMax?: number
}

/** What the server answered, or this client's own verdict, in gRPC's terms. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: number

  constructor(code: number, description: string) {
    super(`rpc error: code = ${grpcCodeNames[code] ?? `Code(${code})`} desc = ${description}`)
    this.code = code
  }
}

export const grpcCode = { deadlineExceeded: 4, notFound: 5, unimplemented: 12, internal: 13, unavailable: 14 } as const

const grpcCodeNames = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied'],
  ...['ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss'],
  'Unauthenticated',
]

const headBytes = 5
const windowBytes = 4 * 2 ** 20

export class GrpcClient {
  readonly #options: GrpcClientOptions
  #session: ClientHttp2Session | undefined
  #closed = false

  constructor(options: GrpcClientOptions) {
    this.#options = options
  }

  async call(path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { clock, answerBytesMax = 16 * 2 ** 20 } = this.#options
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let size = 0
      let status: IncomingHttpHeaders = {}
      let failure: GrpcError | undefined
      const stream = this.#connected().request({
        ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'quorate' },
        'grpc-timeout': `${Math.min(timeoutMs, 99_999_999)}m`,
      })
      const give = (error: GrpcError) => {
        failure ??= error
        stream.close(constants.NGHTTP2_CANCEL)
      }
      const cancel = clock.timer(timeoutMs, () => give(new GrpcError(grpcCode.deadlineExceeded, 'context deadline exceeded')))
      stream.on('response', (headers) => {
        if (headers['grpc-status'] !== undefined || headers[':status'] !== 200) status = headers
      })
      stream.on('trailers', (headers) => {
        status = headers
      })
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > answerBytesMax + headBytes)
          give(new GrpcError(8, `grpc: received message larger than max (${size} vs. ${answerBytesMax})`))
        else chunks.push(chunk)
      })
      stream.on('error', (error) => {
        failure ??= new GrpcError(grpcCode.unavailable, `connection error: desc = "${error.message}"`)
      })
      stream.once('close', () => {
        cancel()
        const error = failure ?? verdict(status)
        if (error) return reject(error)
        const bytes = Buffer.concat(chunks)
        if (bytes.length < headBytes || bytes[0] !== 0) return reject(new GrpcError(grpcCode.internal, 'the answer has no plain message'))
        resolve(bytes.subarray(headBytes, headBytes + bytes.readUInt32BE(1)))
      })
      const head = Buffer.alloc(headBytes)
      head.writeUInt32BE(request.length, 1)
      stream.end(Buffer.concat([head, request]))
    })
  }

  close(): void {
    this.#closed = true
    this.#session?.destroy()
    this.#session = undefined
  }

  #connected(): ClientHttp2Session {
    if (this.#closed) throw new GrpcError(1, 'the client was closed')
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session
    const session = connect('http://localhost', {
      createConnection: () => {
        const { socketPath = '', address } = this.#options
        return address ? connectSocket(address) : connectSocket(socketPath)
      },
      settings: { initialWindowSize: windowBytes, enablePush: false },
    })
    const forget = () => {
      if (this.#session === session) this.#session = undefined
    }
    session.on('error', forget)
    session.once('goaway', forget)
    session.once('close', forget)
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(windowBytes)
    })
    // What waits for an answer keeps the process; an idle connection does not.
    session.unref()
    this.#session = session
    return session
  }
}

function verdict(status: IncomingHttpHeaders): GrpcError | undefined {
  const grpc = status['grpc-status']
  if (grpc === '0') return undefined
  if (typeof grpc === 'string') return new GrpcError(Number(grpc), messageText(String(status['grpc-message'] ?? '')))
  return new GrpcError(grpcCode.unavailable, 'the connection was lost')
}

/** grpc-message is percent-encoded. */
function messageText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
