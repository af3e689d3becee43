/** One request and its answer on an HTTP/2 stream. */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import type { Clock } from '../../base/clock.js'
import { ConnectionError, type TransportRequest, type TransportResponse, type TransportStream } from '../client.js'
import type { Session } from './session.js'

/** The request has not reached a handler: it may be sent again whatever it is. */
export class NotSent extends ConnectionError {}

/** Longer than an API server lets a request take (60 s): the server says so itself, this is for one that says nothing. */
const answerTimeoutMs = 70_000

/** The answer with its whole body. */
export function readBody(stream: ClientHttp2Stream, session: Session, request: TransportRequest, clock: Clock): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let head: IncomingHttpHeaders | undefined
    const done = once(stream, request, clock, reject)
    stream.once('response', (headers) => {
      head = headers
    })
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.once('end', () => {
      if (!head || stream.rstCode !== constants.NGHTTP2_NO_ERROR) return
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      done(() => resolve({ status: Number(head?.[':status']), headers: plain(head ?? {}), body }))
    })
    onLoss(stream, session, (loss) => done(() => reject(loss())))
    if (request.body !== undefined) stream.end(request.body)
  })
}

/** The answer as soon as its head is there; the body is read as it comes, no faster than the caller takes it. */
export function readHead(stream: ClientHttp2Stream, session: Session, request: TransportRequest, clock: Clock): Promise<TransportStream> {
  return new Promise((resolve, reject) => {
    const done = once(stream, request, clock, reject)
    stream.once('response', (headers) =>
      done(() => resolve({ status: Number(headers[':status']), headers: plain(headers), body: bodyOf(stream, session, request.signal) })),
    )
    onLoss(stream, session, (loss) => done(() => reject(loss())))
    if (request.body !== undefined) stream.end(request.body)
  })
}

/** Settles once: by the returned function, by the abort of the request, or by its timeout. */
function once(
  stream: ClientHttp2Stream,
  { signal, timeoutMs = answerTimeoutMs }: TransportRequest,
  clock: Clock,
  reject: (error: Error) => void,
): (settle: () => void) => void {
  let settled = false
  const done = (settle: () => void) => {
    if (settled) return
    settled = true
    cancelTimer()
    signal?.removeEventListener('abort', onAbort)
    settle()
  }
  const onAbort = () =>
    done(() => {
      stream.close(constants.NGHTTP2_CANCEL)
      reject(signal?.reason as Error)
    })
  const cancelTimer = clock.timer(timeoutMs, () =>
    done(() => {
      stream.close(constants.NGHTTP2_CANCEL)
      reject(new ConnectionError(`no answer within ${timeoutMs} ms`))
    }),
  )
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return done
}

/** Every stream closes: what was lost is only worked out for those that had not been answered. */
function onLoss(stream: ClientHttp2Stream, session: Session, lost: (loss: () => ConnectionError) => void): void {
  stream.on('error', (error) => lost(() => lossOf(stream, session, error)))
  stream.once('close', () => lost(() => lossOf(stream, session)))
}

function lossOf(stream: ClientHttp2Stream, session: Session, error?: Error): ConnectionError {
  const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
  if (refused) return new NotSent('the server did not take the request up')
  return new ConnectionError(error?.message ?? session.cause())
}

async function* bodyOf(stream: ClientHttp2Stream, session: Session, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL)
  if (signal?.aborted) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  try {
    for await (const chunk of stream) yield chunk as Buffer
    // A stream that is cut ends like one that has been ended; only its code tells.
    if (!signal?.aborted && stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw lossOf(stream, session)
  } catch (error) {
    if (signal?.aborted) return
    throw error instanceof ConnectionError ? error : lossOf(stream, session, error as Error)
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue
    all[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return all
}
