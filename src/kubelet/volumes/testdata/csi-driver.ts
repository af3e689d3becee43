import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { join } from 'node:path'
import { ProtoReader, ProtoWriter, wire } from '../../../base/protowire.js'

/** A CSI driver of tests: gRPC on a Unix socket, directories for volumes. It keeps what it was asked. */
export class FakeCsiDriver {
  readonly calls: { readonly method: string; readonly fields: ReadonlyMap<number, readonly string[]> }[] = []
  /** Makes the next call of a method fail. */
  failure: { readonly method: string; readonly code: number; readonly message: string } | undefined
  registered: boolean | undefined
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #name: string
  readonly #socket: string

  constructor(name: string, socket: string) {
    this.#name = name
    this.#socket = socket
    this.#server = createServer()
    this.#server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const path = headers[':path'] ?? ''
        const method = path.slice(path.lastIndexOf('/') + 1)
        const fields = fieldsOf(Buffer.concat(chunks).subarray(5))
        this.calls.push({ method, fields })
        const failure = this.failure?.method === method ? this.failure : undefined
        if (failure) this.failure = undefined
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'grpc-status': String(failure?.code ?? 0), ...(failure ? { 'grpc-message': failure.message } : {}) }),
        )
        if (failure) return stream.end()
        const body = this.#answer(method, fields)
        const head = Buffer.alloc(5)
        head.writeUInt32BE(body.length, 1)
        stream.end(Buffer.concat([head, body]))
      })
    })
    this.#server.on('session', (session) => this.#sessions.add(session))
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.#socket, resolve))
  }

  close(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  methods(): string[] {
    return this.calls.map(({ method }) => method)
  }

  #answer(method: string, fields: ReadonlyMap<number, readonly string[]>): Uint8Array {
    const writer = new ProtoWriter()
    const text = (field: number, value: string) => {
      writer.tag(field, wire.bytes)
      writer.string(value)
    }
    if (method === 'GetInfo') {
      text(1, 'CSIPlugin')
      text(2, this.#name)
      text(3, this.#socket)
      text(4, '1.0.0')
    } else if (method === 'NotifyRegistrationStatus') this.registered = fields.get(2) === undefined
    else if (method === 'NodeGetInfo') {
      text(1, 'node-id-7')
      writer.tag(3, wire.bytes)
      writer.message(() => {
        writer.tag(1, wire.bytes)
        writer.message(() => {
          text(1, 'topology.test/zone')
          text(2, 'z1')
        })
      })
    } else if (method === 'NodeGetCapabilities') {
      writer.tag(1, wire.bytes)
      writer.message(() => {
        writer.tag(1, wire.bytes)
        writer.message(() => {
          writer.tag(1, wire.varint)
          writer.varint(1)
        })
      })
    } else if (method === 'NodePublishVolume') mkdirSync(join(fields.get(4)?.[0] ?? ''), { recursive: true })
    else if (method === 'NodeUnpublishVolume') rmSync(fields.get(2)?.[0] ?? '', { recursive: true, force: true })
    return writer.finish()
  }
}

/** Fields that hold bytes, as text. */
function fieldsOf(bytes: Uint8Array): Map<number, string[]> {
  const fields = new Map<number, string[]>()
  const reader = new ProtoReader(bytes)
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (type === wire.bytes) fields.set(field, [...(fields.get(field) ?? []), reader.string()])
    else reader.skip(type)
  }
  return fields
}
