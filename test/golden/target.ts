/** What cases are replayed against: a server in this process, directly or over HTTPS. */
import { generateKeyPairSync } from 'node:crypto'
import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { silentLogger } from '../../src/base/logger.js'
import { seededRandom } from '../../src/base/random.js'
import { realClock } from '../../src/base/real-clock.js'
import type { ApiRequest, Headers } from '../../src/apiserver/handler.js'
import { kubeletConnector } from '../../src/apiserver/kubelet-connector/connector.js'
import { listen } from '../../src/apiserver/http/listen.js'
import { webhookCaller } from '../../src/apiserver/webhooks/webhook-caller.js'
import { ApiServer } from '../../src/apiserver/server.js'
import { createAuthority, createLeaf } from '../../src/pki/certificates.js'
import { openMemoryStore } from '../../src/storage/memory/memory.js'

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
}

export interface Answer {
  readonly code: number
  /** Of a header that comes several times, its last line. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface Watched {
  readonly code: number
  readonly lines: readonly string[]
  /** The answer when it is no stream. */
  readonly text: string
}

export interface Target {
  request(request: Request): Promise<Answer>
  /** Reads until so many events have come, or none for `idleMs`. */
  watch(request: Request, events: number, idleMs: number): Promise<Watched>
}

const token = 'admintoken'
const maxRequestBytes = 3 * 2 ** 20
const answerTimeoutMs = 20_000

/** A server as the cases were recorded on: alone, without controllers. */
export async function goldenServer(): Promise<ApiServer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const clock = realClock()
  const server = new ApiServer({
    ...{ store: openMemoryStore({ clock }), clock, random: seededRandom(1), logger: silentLogger, defer: (fn) => setImmediate(fn) },
    authentication: {
      clientCertificates: false,
      tokenFile: `${token},admin,admin-uid,"system:masters"\n`,
      bootstrapTokens: false,
      serviceAccounts: {
        issuers: ['https://kubernetes.default.svc.cluster.local'],
        keyPems: [publicKey.export({ type: 'spki', format: 'pem' }) as string],
        signingKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      },
      anonymous: true,
    },
    authorizationModes: ['Node', 'RBAC'],
    admission: { enable: ['NodeRestriction'], disable: [] },
    allocation: { serviceCidrs: ['10.96.0.0/12'] },
    limits: { maxRequestsInFlight: 400, maxMutatingRequestsInFlight: 200, maxRequestBytes, requestTimeoutMs: 60_000 },
    self: { ip: '192.0.2.1', port: 6443 },
    ...{ gitVersion: 'v1.36.0', platform: 'linux/amd64' },
    connect: (access) => kubeletConnector(access, { random: seededRandom(1), preferredAddressTypes: ['InternalIP'] }),
    webhooks: webhookCaller(),
  })
  await server.start()
  return server
}

const withToken = (headers: Request['headers']) => ({ ...headers, authorization: `Bearer ${token}` })

/** Straight into the server. */
export function inProcess(server: ApiServer): Target {
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        const gone = new AbortController()
        const late = setTimeout(() => {
          reject(new Error('no answer'))
          gone.abort()
        }, answerTimeoutMs)
        server.handle(apiRequest(request, gone.signal), {
          respond: (code, headers, chunks) => {
            clearTimeout(late)
            resolve({ code, headers: lastLines(headers), text: request.method === 'HEAD' ? '' : textOf(chunks) })
          },
          stream: (code, headers) => {
            const chunks: Uint8Array[] = []
            const end = () => {
              clearTimeout(late)
              resolve({ code, headers: lastLines(headers), text: textOf(chunks) })
            }
            return { write: (chunk) => chunks.push(chunk) > 0, drained: () => Promise.resolve(), end, onClose: () => undefined }
          },
        })
      }),
    watch: (request, events, idleMs) =>
      new Promise((resolve) => {
        const gone = new AbortController()
        server.handle(apiRequest(request, gone.signal), {
          respond: (code, _, chunks) => resolve({ code, lines: [], text: textOf(chunks) }),
          stream: (code) => {
            const closers: (() => void)[] = []
            const lines = new EventLines(events, idleMs, (seen) => {
              gone.abort()
              for (const close of closers) close()
              resolve({ code, lines: seen, text: '' })
            })
            return {
              write: (chunk) => lines.add(chunk),
              drained: () => Promise.resolve(),
              end: () => lines.finish(),
              onClose: (fn) => closers.push(fn),
            }
          },
        })
      }),
  }
}

function apiRequest({ method, path, headers, body }: Request, signal: AbortSignal): ApiRequest {
  const question = path.indexOf('?')
  const all: Readonly<Record<string, string | readonly string[]>> = withToken(headers)
  const values = (name: string) => [all[name] ?? []].flat()
  return {
    method,
    path: decodeURIComponent(question < 0 ? path : path.slice(0, question)),
    query: new URLSearchParams(question < 0 ? '' : path.slice(question + 1)),
    credentials: { header: (name) => values(name)[0], headerNames: () => Object.keys(all) },
    headerValues: values,
    body: () => Promise.resolve(new TextEncoder().encode(body ?? '')),
    signal,
  }
}

const textOf = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks).toString('utf8')

function lastLines(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : (value.at(-1) ?? '')]),
  )
}

/** Over HTTP/1.1 with TLS, on a port of its own. */
export async function overHttps(server: ApiServer): Promise<Target & { close(): Promise<void> }> {
  const nowMs = Date.now()
  const authority = await createAuthority('golden', { nowMs })
  const leaf = await createLeaf(authority, { commonName: 'kube-apiserver', usages: ['server'], ipAddresses: ['127.0.0.1'], nowMs })
  const handle: Parameters<typeof listen>[0]['handle'] = (request, responder) => server.handle(request, responder)
  const { port, close } = await listen({ host: '127.0.0.1', port: 0, ...leaf, maxRequestBytes, handle })
  const agent = new Agent({ keepAlive: true, ca: authority.cert })
  const send = ({ method, path, headers, body }: Request, onAnswer: (message: IncomingMessage) => void, reject: (error: Error) => void) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const options = {
      host: '127.0.0.1',
      port,
      agent,
      method,
      path,
      headers: { ...withToken(headers), ...length } as Record<string, string>,
    }
    return httpsRequest(options, onAnswer).once('error', reject).end(body)
  }
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        const sent = send(
          request,
          (message) => {
            const chunks: Uint8Array[] = []
            message.on('data', (chunk: Uint8Array) => chunks.push(chunk))
            message.once('end', () => resolve({ code: message.statusCode ?? 0, headers: receivedHeaders(message), text: textOf(chunks) }))
          },
          reject,
        )
        sent.setTimeout(answerTimeoutMs, () => sent.destroy(new Error('no answer')))
      }),
    watch: (request, events, idleMs) =>
      new Promise((resolve, reject) => {
        const sent = send(
          request,
          (message) => {
            const code = message.statusCode ?? 0
            const lines = new EventLines(events, idleMs, (seen, rest) => {
              resolve({ code, lines: code === 200 ? seen : [], text: code === 200 ? '' : [...seen, rest].join('\n') })
              sent.destroy()
            })
            message.on('data', (chunk: Uint8Array) => lines.add(chunk))
            message.once('end', () => lines.finish())
          },
          reject,
        )
      }),
    async close() {
      agent.destroy()
      await close(0)
    },
  }
}

function receivedHeaders({ rawHeaders }: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers[(rawHeaders[i] ?? '').toLowerCase()] = rawHeaders[i + 1] ?? ''
  return headers
}

/** The lines of a stream, until there are enough or no more come. */
class EventLines {
  readonly #wanted: number
  readonly #idleMs: number
  readonly #done: (lines: readonly string[], rest: string) => void
  readonly #lines: string[] = []
  readonly #decoder = new TextDecoder()
  #rest = ''
  #timer: NodeJS.Timeout
  #finished = false

  constructor(wanted: number, idleMs: number, done: (lines: readonly string[], rest: string) => void) {
    this.#wanted = wanted
    this.#idleMs = idleMs
    this.#done = done
    this.#timer = setTimeout(() => this.finish(), idleMs)
    if (wanted === 0) setImmediate(() => this.finish())
  }

  add(chunk: Uint8Array): boolean {
    if (this.#finished) return true
    const pieces = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = pieces.pop() ?? ''
    this.#lines.push(...pieces)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.finish(), this.#idleMs)
    if (this.#lines.length >= this.#wanted) this.finish()
    return true
  }

  finish(): void {
    if (this.#finished) return
    this.#finished = true
    clearTimeout(this.#timer)
    this.#done(this.#lines.slice(0, this.#wanted), this.#rest)
  }
}
