/** A caller of an API server over HTTP/2, as lean as it can be: the benchmark's own work must not hide the server's. */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

export class Caller {
  readonly #sessions: ClientHttp2Session[]
  readonly #token: string
  #next = 0

  constructor(url: string, token: string, sessions = 4) {
    this.#token = token
    this.#sessions = Array.from({ length: sessions }, () => {
      // The server of a benchmark signs its own certificate.
      const session = connect(url, { rejectUnauthorized: false, settings: { initialWindowSize: 4 * 2 ** 20 } })
      // A stream that fails tells its caller; the session's own error says the same.
      session.on('error', () => undefined)
      session.once('connect', () => session.setLocalWindowSize(16 * 2 ** 20))
      return session
    })
  }

  request(method: string, path: string, body?: string, contentType = 'application/json'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = this.#open(method, path, body === undefined ? {} : { 'content-type': contentType }, body === undefined)
      const chunks: Buffer[] = []
      let status = 0
      stream.on('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
        status = headers[':status'] ?? 0
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.once('end', () => resolve({ status, body: Buffer.concat(chunks) }))
      stream.once('error', reject)
      if (body !== undefined) stream.end(body)
    })
  }

  /** Opens a watch; `onLines` hears how many events each chunk ended. Resolves once it is established. */
  watch(path: string, onLines: (count: number) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const stream = this.#open('GET', path, {}, true)
      stream.once('response', () => resolve(() => stream.close()))
      stream.once('error', reject)
      stream.on('data', (chunk: Buffer) => {
        let lines = 0
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
        onLines(lines)
      })
    })
  }

  close(): void {
    for (const session of this.#sessions) session.destroy()
  }

  #open(method: string, path: string, headers: Record<string, string>, endStream: boolean) {
    const session = this.#sessions[this.#next++ % this.#sessions.length] as ClientHttp2Session
    return session.request({ ':method': method, ':path': path, authorization: `Bearer ${this.#token}`, ...headers }, { endStream })
  }
}
