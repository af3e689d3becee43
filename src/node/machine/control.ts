/**
 * The control socket of a node process: a line of JSON asks, a line answers. Only the owner of the cluster's directory reaches it.
 */
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { messageOf, QuorateError } from '../../base/errors.js'

export interface ControlRequest {
  readonly op: string
  readonly [argument: string]: unknown
}

export interface ControlServer {
  close(): Promise<void>
}

/** Bounds what a peer that sends no line end makes this side keep. */
const lineMax = 1_048_576

export type ControlHandler = (request: ControlRequest) => unknown

export async function serveControl(address: string, handle: ControlHandler): Promise<ControlServer> {
  // The socket of a process that was killed; who starts a node has made sure that none is there.
  if (!address.startsWith('\\\\')) rmSync(address, { force: true })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    // A peer that breaks off in the middle of a line has ended its request.
    serveLines(socket, handle).catch(() => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function serveLines(socket: Socket, handle: ControlHandler): Promise<void> {
  for await (const line of lines(socket)) {
    let answer: unknown
    try {
      answer = { ok: true, result: await handle(JSON.parse(line) as ControlRequest) }
    } catch (error) {
      answer = {
        ok: false,
        error: { code: error instanceof QuorateError ? error.code : 'Internal', message: messageOf(error) },
      }
    }
    socket.write(`${JSON.stringify(answer)}\n`)
  }
}

/** Throws QuorateError: Unreachable when nobody listens, else what the other side refused with. */
export async function askControl<T>(address: string, request: ControlRequest, timeoutMs: number): Promise<T> {
  const socket = connect(address)
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)))
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    for await (const line of lines(socket)) {
      const answer = JSON.parse(line) as { ok: true; result: T } | { ok: false; error: { code: string; message: string } }
      if (answer.ok) return answer.result
      throw new QuorateError(answer.error.code, answer.error.message)
    }
    throw new Error('the connection was closed')
  } catch (error) {
    if (error instanceof QuorateError) throw error
    throw new QuorateError('Unreachable', `the process does not answer: ${messageOf(error)}`, { cause: error })
  } finally {
    socket.destroy()
  }
}

async function* lines(socket: Socket): AsyncGenerator<string> {
  let rest = ''
  socket.setEncoding('utf8')
  for await (const chunk of socket as AsyncIterable<string>) {
    rest += chunk
    const parts = rest.split('\n')
    rest = parts.pop() as string
    yield* parts
    if (rest.length > lineMax) throw new Error('the line is too long')
  }
}
