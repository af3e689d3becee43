import { constants, type ServerHttp2Stream } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { ByteSink, Headers, Responder } from '../handler.js'
import type { UpgradeConnection } from './upgrade-connection.js'

/** Answers on an HTTP/2 stream. Writing to one that the client has left is no error. */
export function streamResponder(stream: ServerHttp2Stream): Responder {
  const isGone = () => stream.destroyed || stream.closed || stream.headersSent
  return {
    respond(status, headers, chunks) {
      if (isGone()) return
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      stream.respond({ ':status': status, ...headers, 'content-length': length })
      if (chunks.length === 1) stream.end(chunks[0])
      else writeAll(stream, chunks)
    },
    stream(status, headers) {
      if (!isGone()) stream.respond({ ':status': status, ...headers })
      return {
        write: (chunk) => stream.destroyed || stream.writableEnded || stream.write(chunk),
        drained: () => drained(stream),
        end: () => {
          if (!stream.destroyed) stream.end()
        },
        onClose: (fn) => {
          if (stream.destroyed || stream.rstCode !== constants.NGHTTP2_NO_ERROR) fn()
          else stream.once('close', fn)
        },
      }
    },
  }
}

/** Answers to an HTTP/1.1 request. */
export function httpOneResponder(message: IncomingMessage, response: ServerResponse): Responder {
  return {
    respond(status, headers, chunks) {
      if (response.headersSent || response.destroyed) return
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      // A body that was not read would be taken for the next request.
      const unread = message.method !== 'GET' && !message.complete
      response.writeHead(status, { ...plain(headers), 'content-length': length, ...(unread ? { connection: 'close' } : {}) })
      if (message.method === 'HEAD') response.end()
      else writeAll(response, chunks)
    },
    stream(status, headers): ByteSink {
      if (!response.headersSent) response.writeHead(status, plain(headers))
      response.flushHeaders()
      return {
        write: (chunk) => response.destroyed || response.writableEnded || response.write(chunk),
        drained: () => drained(response),
        end: () => {
          if (!response.destroyed) response.end()
        },
        onClose: (fn) => {
          if (response.destroyed) fn()
          else response.once('close', fn)
        },
      }
    },
  }
}

/** Answers to an HTTP/1.1 request that asks for another protocol: whoever serves it may take the connection, or answer as ever. */
export function upgradeResponder(message: IncomingMessage, response: ServerResponse, socket: Duplex, head: Buffer): Responder {
  const answer = () => {
    if (response.socket) return httpOneResponder(message, response)
    response.shouldKeepAlive = false
    response.assignSocket(socket as Socket)
    response.once('finish', () => socket.end())
    return httpOneResponder(message, response)
  }
  return {
    respond: (status, headers, chunks) => answer().respond(status, headers, chunks),
    stream: (status, headers) => answer().stream(status, headers),
    takeOver: (): UpgradeConnection => ({ socket, head, message }),
  }
}

function plain(headers: Headers): Record<string, string | string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]))
}

interface Sink {
  write(chunk: Uint8Array): boolean
  end(): unknown
  once(event: 'drain' | 'close', fn: () => void): unknown
  readonly destroyed: boolean
}

/** Writes piece by piece as the reader takes them, so that a long list does not lie in memory twice. */
function writeAll(sink: Sink, chunks: readonly Uint8Array[]): void {
  let at = 0
  const next = () => {
    while (at < chunks.length && !sink.destroyed) {
      if (!sink.write(chunks[at++] as Uint8Array) && at < chunks.length) {
        sink.once('drain', next)
        return
      }
    }
    if (!sink.destroyed) sink.end()
  }
  next()
}

/** Rejects when the reader goes instead. */
function drained(sink: Sink): Promise<void> {
  return new Promise((resolve, reject) => {
    if (sink.destroyed) return reject(new Error('the reader has gone'))
    sink.once('drain', resolve)
    sink.once('close', () => reject(new Error('the reader has gone')))
  })
}
