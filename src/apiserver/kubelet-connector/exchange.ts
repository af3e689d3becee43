/** One HTTP request to a kubelet or a proxied server; the answer flows to the caller as it comes. */
import type { IncomingMessage } from 'node:http'
import { StatusError, serviceUnavailable } from '../../api/status.js'
import { messageOf } from '../../base/errors.js'
import type { Headers } from '../handler.js'
import type { RestRequest } from '../rest/context.js'
import type { Dialer, Endpoint } from './dial.js'

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** A refusal becomes a Status (logs); a proxy hands it through as it is. */
  readonly refusalsAsStatus: boolean
}

const refusalBytesMax = 64 * 1024

export async function exchange(dialer: Dialer, endpoint: Endpoint, wanted: Exchange, rest: RestRequest): Promise<void> {
  const hasBody = wanted.method !== 'GET' && wanted.method !== 'HEAD'
  const body = hasBody ? await rest.request.body() : undefined
  const answer = await send(dialer, endpoint, wanted, body, rest.request.signal)
  const status = answer.statusCode ?? 502
  if (wanted.refusalsAsStatus && status >= 300) throw await refusal(answer, status)
  await stream(answer, status, rest)
}

function send(
  dialer: Dialer,
  endpoint: Endpoint,
  { method, path, headers }: Exchange,
  body: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length: Record<string, string> = body ? { 'content-length': String(body.length) } : {}
    const request = dialer.request(endpoint, { method, path, headers: { ...headers, ...length } })
    request.once('response', resolve)
    request.once('error', (error) => reject(unreachable(dialer, endpoint, error)))
    signal.addEventListener('abort', () => request.destroy(), { once: true })
    request.end(body)
  })
}

export function unreachable(dialer: Dialer, endpoint: Endpoint, error: unknown): StatusError {
  return serviceUnavailable(
    `error trying to reach ${endpoint.kubelet ? 'kubelet' : 'service'} at ${dialer.authority(endpoint)}: ${messageOf(error)}`,
  )
}

async function refusal(answer: IncomingMessage, code: number): Promise<StatusError> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    if ((size += chunk.length) > refusalBytesMax) break
  }
  const text = Buffer.concat(chunks).toString('utf8').trim()
  const reasons: Readonly<Record<number, string>> = { 400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound' }
  const message = code === 401 || code === 403 ? `the kubelet refused the API server: ${text}` : text || `the kubelet answered ${code}`
  const reason = reasons[code] ?? 'InternalError'
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code })
}

async function stream(answer: IncomingMessage, status: number, { request, responder }: RestRequest): Promise<void> {
  const sink = responder.stream(status, passedOn(answer))
  sink.onClose(() => answer.destroy())
  if (request.method === 'HEAD') return sink.end()
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) if (!sink.write(chunk)) await sink.drained()
  } catch {
    // One of the two ends has gone: what has been sent stands.
  }
  sink.end()
}

const hopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer', 'content-length'])

function passedOn(answer: IncomingMessage): Headers {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined && !hopHeaders.has(name)) headers[name] = value
  return headers
}
