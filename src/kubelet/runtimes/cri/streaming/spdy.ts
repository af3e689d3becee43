/**
 * A client of SPDY/3.1 as container runtimes serve exec, attach and port-forward: streams over one connection that was upgraded from HTTP.
 * Only what those servers need: headers are sent (compressed with a context of the connection, without the preset dictionary, which the
 * format allows) and not read; windows are not kept, as the servers keep none.
 */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { constants, createDeflate, type Deflate } from 'node:zlib'
import { messageOf } from '../../../../base/errors.js'

const kind = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goaway: 7, headers: 8 } as const
const fin = 1
const headBytes = 8
/** Servers read frames of up to 16 MiB; smaller ones let streams take turns. */
const dataBytesMax = 32 * 1024

export interface SpdyHandlers {
  data(chunk: Uint8Array): void
  /** The peer writes no more on it, or the connection is gone. Called once. */
  end(): void
}

export interface SpdyStream {
  write(chunk: Uint8Array): void
  /** Nothing more is written from this side. */
  end(): void
}

export class SpdyConnection {
  readonly #socket: Duplex
  readonly #deflate: Deflate = createDeflate({ flush: constants.Z_SYNC_FLUSH })
  readonly #streams = new Map<number, SpdyHandlers>()
  readonly #closed: Promise<void>
  #pending: Buffer = Buffer.alloc(0)
  #nextId = 1
  /** Header blocks are compressed one after the other; frames keep their order behind them. */
  #order: Promise<void> = Promise.resolve()

  constructor(socket: Duplex, head: Uint8Array) {
    this.#socket = socket
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#endAll())
    socket.once('end', () => socket.destroy())
    if (head.length > 0) this.#receive(Buffer.from(head))
  }

  get closed(): Promise<void> {
    return this.#closed
  }

  open(headers: Readonly<Record<string, string>>, handlers: SpdyHandlers): SpdyStream {
    const id = this.#nextId
    this.#nextId += 2
    this.#streams.set(id, handlers)
    this.#later(async () => {
      const block = await this.#compress(headerBlock(headers))
      const body = Buffer.alloc(10)
      body.writeUInt32BE(id, 0)
      this.#control(kind.synStream, 0, Buffer.concat([body, block]))
    })
    let ended = false
    return {
      write: (chunk) => {
        if (ended) return
        for (let at = 0; at < chunk.length; at += dataBytesMax) {
          const part = chunk.subarray(at, at + dataBytesMax)
          this.#later(() => this.#data(id, 0, part))
        }
      },
      end: () => {
        if (ended) return
        ended = true
        this.#later(() => this.#data(id, fin, new Uint8Array()))
      },
    }
  }

  close(): void {
    this.#later(() => {
      this.#socket.end()
    })
    this.#later(() => {
      this.#socket.destroy()
    })
  }

  #later(work: () => void | Promise<void>): void {
    this.#order = this.#order.then(work).catch(() => {
      this.#socket.destroy()
    })
  }

  #compress(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      const parts: Buffer[] = []
      const take = (part: Buffer) => parts.push(part)
      this.#deflate.on('data', take)
      this.#deflate.write(bytes, () => {
        this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
          this.#deflate.off('data', take)
          resolve(Buffer.concat(parts))
        })
      })
    })
  }

  #control(type: number, flags: number, body: Uint8Array): void {
    const head = Buffer.alloc(headBytes)
    head.writeUInt16BE(0x8003, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE((flags << 24) | body.length, 4)
    this.#send(Buffer.concat([head, body]))
  }

  #data(id: number, flags: number, chunk: Uint8Array): void {
    const head = Buffer.alloc(headBytes)
    head.writeUInt32BE(id, 0)
    head.writeUInt32BE(((flags << 24) | chunk.length) >>> 0, 4)
    this.#send(Buffer.concat([head, chunk]))
  }

  #send(frame: Buffer): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(frame)
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk
    while (bytes.length >= headBytes) {
      const end = headBytes + (bytes.readUInt32BE(4) & 0xffffff)
      if (bytes.length < end) break
      this.#frame(bytes.readUInt32BE(0), bytes[4] as number, bytes.subarray(headBytes, end))
      bytes = bytes.subarray(end)
    }
    this.#pending = Buffer.from(bytes)
  }

  #frame(first: number, flags: number, body: Buffer): void {
    if (first < 0x80000000) {
      if (body.length > 0) this.#streams.get(first)?.data(body)
      if (flags & fin) this.#end(first)
      return
    }
    const type = first & 0xffff
    // A ping of the peer's own numbering is answered as it came.
    if (type === kind.ping && body.length === 4 && body.readUInt32BE(0) % 2 === 0) this.#control(kind.ping, 0, body)
    else if (type === kind.rstStream && body.length >= 4) this.#end(body.readUInt32BE(0))
    else if ((type === kind.synReply || type === kind.headers) && flags & fin && body.length >= 4) this.#end(body.readUInt32BE(0))
  }

  #end(id: number): void {
    const handlers = this.#streams.get(id)
    this.#streams.delete(id)
    handlers?.end()
  }

  #endAll(): void {
    for (const id of [...this.#streams.keys()]) this.#end(id)
    this.#deflate.destroy()
  }
}

function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = []
  const number = (value: number) => {
    const four = Buffer.alloc(4)
    four.writeUInt32BE(value)
    parts.push(four)
  }
  const text = (value: string) => {
    const bytes = Buffer.from(value)
    number(bytes.length)
    parts.push(bytes)
  }
  number(Object.keys(headers).length)
  for (const [name, value] of Object.entries(headers)) {
    text(name.toLowerCase())
    text(value)
  }
  return Buffer.concat(parts)
}

const connectTimeoutMs = 30_000

export async function dialSpdy(url: string, protocols: readonly string[]): Promise<SpdyConnection> {
  const { socket, head } = await upgradeToSpdy(url, protocols)
  return new SpdyConnection(socket, head)
}

/** Asks for the upgrade of a streaming address. `protocols`: of the streams, best first. */
export function upgradeToSpdy(url: string, protocols: readonly string[]): Promise<{ socket: Duplex; head: Buffer }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': [...protocols], 'content-length': '0' },
      timeout: connectTimeoutMs,
    })
    asked.once('upgrade', (_response, socket, head) => {
      socket.setTimeout(0)
      resolve({ socket, head })
    })
    asked.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(0, 1024)
      })
      response.once('close', () => reject(new Error(text.trim() || `unable to upgrade connection: HTTP ${response.statusCode}`)))
    })
    asked.once('timeout', () => asked.destroy(new Error('i/o timeout')))
    asked.once('error', (error) => reject(new Error(`error dialing backend: ${messageOf(error)}`)))
    asked.end()
  })
}
