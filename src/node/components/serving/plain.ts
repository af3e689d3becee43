/** Health and metrics without TLS, for components that nobody but their node asks (as kube-proxy's 10256 and 10249). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { QuorateError } from '../../../base/errors.js'
import type { Metrics } from '../../../base/metrics.js'
import type { Health } from '../../../apiserver/health.js'

export interface PlainOptions {
  readonly component: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The flag that the address came from. */
  readonly flag: string
  readonly health: Health
  readonly metrics: Metrics
}

export async function servePlain(options: PlainOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { component, host, port, flag, health, metrics } = options
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const respond = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' })
      response.end(text)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return respond(405, 'method not allowed\n')
    if (pathname === '/metrics') return respond(200, metrics.text(), 'text/plain; version=0.0.4; charset=utf-8')
    void health.answer(pathname, searchParams).then((answer) => respond(answer?.status ?? 404, answer?.text ?? '404 page not found\n'))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new QuorateError('ListenFailed', `${component} cannot listen on ${host}:${port}: ${error.message}`, {
          cause: error,
          remedy: `End what listens there, or choose another address with --${flag}.`,
        }),
      ),
    )
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
