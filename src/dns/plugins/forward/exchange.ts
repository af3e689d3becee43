/**
 * Queries to one server under way: over UDP many on a socket, told apart by random ids, the sockets (and with them the source
 * ports) changed often, so that an answer is hard to forge; over TCP and TLS one on a connection, which is kept for the next.
 */
import type { Cancel, Clock } from '../../../base/clock.js'
import type { Random } from '../../../base/random.js'
import { messageOf } from '../../../base/errors.js'
import type { Connection, Network } from '../../sockets/network.js'
import { flags } from '../../wire/constants.js'
import { keyOfName, WireError } from '../../wire/name.js'
import { type Message, type Query, readMessage } from '../../wire/reader.js'
import type { MessageWriter } from '../../wire/writer.js'
import type { UpstreamAddress } from './options.js'

export interface ExchangeOptions {
  readonly address: UpstreamAddress
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly writer: MessageWriter
  readonly readTimeoutMs: number
  readonly expireMs: number
  readonly maxIdle: number
}

export type Asked = Pick<Query, 'name' | 'key' | 'type' | 'class' | 'flags' | 'edns'>

interface Pending {
  readonly query: Asked
  readonly cancel: Cancel
  settle(result: Message | Error): void
}

interface UdpSocket {
  readonly connection: Connection
  readonly pending: Map<number, Pending>
  readonly openedAtMs: number
  used: number
  /** Another one has taken its place; it is closed after its last answer. */
  retired: boolean
}

interface Stream {
  readonly connection: Connection
  /** One at most. */
  readonly pending: Map<number, Pending>
}

const queriesPerSocketMax = 256
const idsPerSocketMax = 4096

/** A connection that was open already closed before the answer: it says nothing of the server. */
class StaleConnection extends Error {}

export class Exchange {
  readonly #options: ExchangeOptions
  readonly #sockets = new Set<UdpSocket>()
  #socket: UdpSocket | undefined
  readonly #idle: { readonly stream: Stream; readonly cancel: Cancel }[] = []
  readonly #streams = new Set<Stream>()
  #closed = false

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Rejects when there is no answer in time, or none that is one. */
  async ask(query: Asked, tcp: boolean): Promise<Message> {
    if (!tcp && !this.#options.address.tls) return this.#overUdp(query)
    try {
      return await this.#overStream(query, true)
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error
      return this.#overStream(query, false)
    }
  }

  close(): void {
    this.#closed = true
    for (const { cancel } of this.#idle) cancel()
    for (const { connection, pending } of [...this.#sockets, ...this.#streams]) {
      connection.close()
      for (const each of [...pending.values()]) each.settle(new Error('the server is stopping'))
    }
  }

  #overUdp(query: Asked): Promise<Message> {
    const socket = this.#udpSocket()
    const { pending, connection } = socket
    const id = this.#freeId(pending)
    return new Promise((resolve, reject) => {
      const done = () => {
        if (!pending.delete(id)) return false
        entry.cancel()
        if (socket.retired && pending.size === 0) this.#dropUdp(socket)
        return true
      }
      const entry = this.#pending(query, done, resolve, reject, 'udp')
      pending.set(id, entry)
      socket.used++
      connection.send(this.#options.writer.query(id, query))
    })
  }

  #pending(
    query: Asked,
    done: () => boolean,
    resolve: (message: Message) => void,
    reject: (error: Error) => void,
    transport: string,
  ): Pending {
    const { clock, readTimeoutMs, address } = this.#options
    const settle = (result: Message | Error) => {
      if (!done()) return
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    const cancel = clock.timer(readTimeoutMs, () => settle(new Error(`read ${transport} ${address.text}: i/o timeout`)))
    return { query, cancel, settle }
  }

  #udpSocket(): UdpSocket {
    const { clock, network, address, expireMs } = this.#options
    const current = this.#socket
    const nowMs = clock.monotonic()
    if (current && current.used < queriesPerSocketMax && nowMs - current.openedAtMs < expireMs) return current
    if (current) {
      current.retired = true
      if (current.pending.size === 0) this.#dropUdp(current)
    }
    const pending = new Map<number, Pending>()
    const connection = network.udp(address.peer, {
      message: (bytes) => receive(bytes, pending),
      closed: (error) => {
        this.#dropUdp(socket)
        for (const each of [...pending.values()]) each.settle(new Error(`read udp ${address.text}: ${messageOf(error)}`))
      },
    })
    const socket: UdpSocket = { connection, pending, openedAtMs: nowMs, used: 0, retired: false }
    this.#sockets.add(socket)
    this.#socket = socket
    return socket
  }

  #dropUdp(socket: UdpSocket): void {
    if (!this.#sockets.delete(socket)) return
    if (this.#socket === socket) this.#socket = undefined
    socket.connection.close()
  }

  #freeId(pending: ReadonlyMap<number, Pending>): number {
    if (pending.size >= idsPerSocketMax) throw new Error('too many queries under way')
    for (;;) {
      const id = Math.floor(this.#options.random.next() * 65_536)
      if (!pending.has(id)) return id
    }
  }

  #overStream(query: Asked, reuse: boolean): Promise<Message> {
    const { address, random, writer } = this.#options
    const idle = reuse ? this.#idle.pop() : undefined
    idle?.cancel()
    const stream = idle?.stream ?? this.#openStream()
    return new Promise((resolve, reject) => {
      const id = Math.floor(random.next() * 65_536)
      const done = () => {
        if (!stream.pending.delete(id)) return false
        entry.cancel()
        return true
      }
      const answered = (message: Message) => {
        this.#keep(stream)
        resolve(message)
      }
      const failed = (error: Error) => {
        this.#dropStream(stream)
        reject(idle && !error.message.endsWith('i/o timeout') ? new StaleConnection(error.message) : error)
      }
      const entry = this.#pending(query, done, answered, failed, address.tls ? 'tcp-tls' : 'tcp')
      stream.pending.set(id, entry)
      stream.connection.send(writer.query(id, query))
    })
  }

  #openStream(): Stream {
    const { network, address } = this.#options
    const pending = new Map<number, Pending>()
    const connection = network.stream(address.peer, {
      message: (bytes) => receive(bytes, pending),
      closed: (error) => {
        this.#dropStream(stream)
        for (const each of [...pending.values()])
          each.settle(new Error(`${address.tls ? 'tcp-tls' : 'tcp'} ${address.text}: ${messageOf(error)}`))
      },
    })
    const stream = { connection, pending }
    this.#streams.add(stream)
    return stream
  }

  #keep(stream: Stream): void {
    const { clock, expireMs, maxIdle } = this.#options
    if (this.#closed || this.#idle.length >= maxIdle) return this.#dropStream(stream)
    this.#idle.push({ stream, cancel: clock.timer(expireMs, () => this.#dropStream(stream)) })
  }

  #dropStream(stream: Stream): void {
    const at = this.#idle.findIndex((each) => each.stream === stream)
    if (at >= 0) this.#idle.splice(at, 1)[0]?.cancel()
    if (this.#streams.delete(stream)) stream.connection.close()
  }
}

/** An answer that is not to the question asked is somebody else's: the right one may still come. */
function receive(bytes: Buffer, pending: ReadonlyMap<number, Pending>): void {
  if (bytes.length < 12) return
  const entry = pending.get(bytes.readUInt16BE(0))
  if (!entry || (bytes.readUInt16BE(2) & flags.QR) === 0) return
  try {
    const message = readMessage(bytes)
    const { question } = message
    const { query } = entry
    // A refusal may come without the question.
    if (
      question
        ? keyOfName(question.name) !== query.key || question.type !== query.type || question.class !== query.class
        : message.rcode === 0
    )
      return
    entry.settle(message)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    entry.settle(new Error(`a malformed answer: ${error.message}`))
  }
}
