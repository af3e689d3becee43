/**
 * The health check of an API server: HTTPS GET /readyz over a connection that is kept, as seen with the cluster's CA alone. It runs every
 * second for as long as the cluster does, so it is written to cost little: one request text, and of the answer only the status is read.
 */
import { connect, type TLSSocket } from 'node:tls'
import type { Backend } from './balancer.js'

/** Throws nothing by itself; the promise rejects when the server cannot be reached within the signal. */
export function readyzCheck(ca: string | Buffer, { keepAlive = true } = {}): (backend: Backend, signal: AbortSignal) => Promise<boolean> {
  const kept = new Map<string, TLSSocket>()
  return async ({ host, port }, signal) => {
    const address = `${host}:${port}`
    const before = kept.get(address)
    kept.delete(address)
    const socket =
      before && !before.destroyed ? before : await opened(connect({ host, port, ca, servername: '', ALPNProtocols: ['http/1.1'] }), signal)
    try {
      const ready = await ask(socket, address, signal)
      if (keepAlive) kept.set(address, socket)
      else socket.destroy()
      return ready
    } catch (error) {
      socket.destroy()
      throw error
    }
  }
}

function opened(socket: TLSSocket, signal: AbortSignal): Promise<TLSSocket> {
  socket.setNoDelay(true)
  // An error without a listener would end the process.
  socket.on('error', () => undefined)
  return untilEvent(socket, signal, 'secureConnect', () => socket)
}

const lengthPattern = /\r\ncontent-length: *(\d+)\r\n/i

async function ask(socket: TLSSocket, address: string, signal: AbortSignal): Promise<boolean> {
  socket.write(`GET /readyz HTTP/1.1\r\nHost: ${address}\r\nUser-Agent: quorate-lb\r\n\r\n`)
  let text = ''
  return untilEvent(socket, signal, 'data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const headEnd = text.indexOf('\r\n\r\n')
    if (headEnd < 0) return undefined
    const length = lengthPattern.exec(text.slice(0, headEnd + 2))?.[1]
    // Without a length the end of the answer is not known: the connection is not used again.
    if (length === undefined) socket.destroy()
    else if (text.length < headEnd + 4 + Number(length)) return undefined
    return text.startsWith('HTTP/1.1 200 ')
  })
}

/** Resolves with what `take` makes of an event, once that is something; rejects with the end of the socket or of the signal. */
function untilEvent<A extends unknown[], T>(
  socket: TLSSocket,
  signal: AbortSignal,
  event: string,
  take: (...values: A) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onEvent = (...values: A) => {
      const taken = take(...values)
      if (taken !== undefined) finish(() => resolve(taken))
    }
    const onError = (error: Error) => finish(() => reject(error))
    const onClose = () => finish(() => reject(new Error('the connection was closed')))
    const onAbort = () => finish(() => reject(new Error('no answer in time')))
    const finish = (end: () => void) => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      end()
    }
    socket.on(event, onEvent).on('error', onError).on('close', onClose)
    signal.addEventListener('abort', onAbort)
  })
}
