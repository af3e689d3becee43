/** What a kube-proxy serves in plain HTTP: its health to everybody, its metrics, mode and configuration to its own machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { Metrics } from '../../base/metrics.js'
import type { HealthAnswer, ProxyHealth } from '../../proxy/health/proxy-health.js'
import type { ProxyMetrics } from '../../proxy/proxy-metrics.js'
import type { HostedDeps } from './component.js'
import { hostPort, type KubeProxyConfig } from './kube-proxy-config.js'

export interface Page {
  readonly status: number
  readonly type: string
  readonly text: string
}

export type Pages = (path: string) => Page | undefined

const plain = 'text/plain; charset=utf-8'
/** How long until a port that was taken is tried again. */
const bindRetryMs = 5_000

export function healthPages(health: ProxyHealth, metrics: ProxyMetrics): Pages {
  const page = ({ status, text }: HealthAnswer): Page => ({ status, type: 'application/json', text })
  return (path) => {
    if (path !== '/healthz' && path !== '/livez') return undefined
    const answer = path === '/healthz' ? health.healthz() : health.livez()
    metrics[path === '/healthz' ? 'healthz' : 'livez'].inc([String(answer.status)])
    return page(answer)
  }
}

export function metricPages(metrics: Metrics, { document }: KubeProxyConfig): Pages {
  return (path) => {
    if (path === '/metrics') return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: metrics.text() }
    if (path === '/proxyMode') return { status: 200, type: plain, text: 'nftables' }
    if (path === '/healthz') return { status: 200, type: plain, text: 'ok' }
    if (path === '/configz') return { status: 200, type: 'application/json', text: JSON.stringify({ 'kubeproxy.config.k8s.io': document }) }
    return undefined
  }
}

export interface ServePlainOptions {
  readonly address: string
  readonly handle: Pages
  /** Whether a port that cannot be had ends the component; else it is tried again and again. */
  readonly hardFail: boolean
  readonly deps: HostedDeps
  /** Aborting it ends the server. */
  readonly signal: AbortSignal
}

export async function servePlain(options: ServePlainOptions): Promise<void> {
  const { address, hardFail, deps, signal } = options
  try {
    await listen(options)
  } catch (error) {
    const message = `kube-proxy cannot listen on ${address}: ${messageOf(error)}`
    if (hardFail)
      throw new QuorateError('ListenFailed', message, { cause: error, remedy: 'End what listens there, or choose another port.' })
    deps.logger.error(message)
    void deps.clock.sleep(bindRetryMs, signal).then(
      () => servePlain(options),
      () => undefined,
    )
  }
}

function listen({ address, handle, signal }: ServePlainOptions): Promise<void> {
  const [host, port] = hostPort(address)
  const server: Server = createServer((request, response) => answer(handle, request, response))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      resolve()
      signal.addEventListener('abort', () => {
        server.close()
        server.closeAllConnections()
      })
    })
  })
}

function answer(handle: Pages, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?')[0] ?? ''
  const { status, type, text } = handle(path) ?? { status: 404, type: plain, text: '404 page not found\n' }
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' })
  response.end(text)
}
