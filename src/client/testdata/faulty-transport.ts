/** A transport whose streams can be cut and whose answers can be replaced: what a network and a restarted server do. */
import { ConnectionError, type Transport, type TransportRequest, type TransportResponse, type TransportStream } from '../client.js'

const encoder = new TextEncoder()

export class FaultyTransport implements Transport {
  readonly #inner: Transport
  readonly #cuts = new Set<() => void>()
  /** Every path asked for. */
  readonly paths: string[] = []
  /** While true nothing gets through. */
  down = false
  /** Answers a request in the server's place; undefined lets it through. */
  intercept: (request: TransportRequest) => TransportResponse | undefined = () => undefined

  constructor(inner: Transport) {
    this.#inner = inner
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    this.#check(request)
    return this.intercept(request) ?? this.#inner.request(request)
  }

  async stream(request: TransportRequest): Promise<TransportStream> {
    this.#check(request)
    const instead = this.intercept(request)
    if (instead) return { ...instead, body: once(instead.body) }
    const cut = new AbortController()
    const signal = request.signal ? AbortSignal.any([request.signal, cut.signal]) : cut.signal
    const stream = await this.#inner.stream({ ...request, signal })
    const onCut = () => cut.abort()
    this.#cuts.add(onCut)
    return { ...stream, body: untilCut(stream.body, cut.signal, () => this.#cuts.delete(onCut)) }
  }

  /** Breaks every open stream. */
  cut(): void {
    for (const cut of this.#cuts) cut()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #check(request: TransportRequest): void {
    this.paths.push(request.path)
    if (this.down) throw new ConnectionError('connect ECONNREFUSED')
  }
}

/** A JSON answer for `intercept`. */
export function answer(status: number, body: unknown): TransportResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: encoder.encode(`${JSON.stringify(body)}\n`) }
}

async function* untilCut(body: AsyncIterable<Uint8Array>, cut: AbortSignal, done: () => void): AsyncIterable<Uint8Array> {
  try {
    yield* body
    if (cut.aborted) throw new ConnectionError('read ECONNRESET')
  } finally {
    done()
  }
}

async function* once(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  yield chunk
}
