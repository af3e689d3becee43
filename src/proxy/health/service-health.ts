/**
 * The health checks that load balancers make of Services with externalTrafficPolicy Local: a port of the node for each, which tells
 * whether an endpoint is on it.
 */
import { createServer, type Server } from 'node:http'
import type { Logger } from '../../base/logger.js'
import { splitKey } from '../../api/object.js'

export interface ServiceHealthOptions {
  /** Where it listens; several when node ports are not for every address. */
  addresses(): readonly string[]
  isProxyHealthy(): boolean
  /** A port that cannot be had: an event for the Service. */
  failed(key: string, message: string): void
  readonly nodeName: string
  readonly logger: Logger
}

interface Check {
  readonly port: number
  readonly servers: readonly Server[]
  endpoints: number
}

export class ServiceHealth {
  readonly #options: ServiceHealthOptions
  readonly #checks = new Map<string, Check>()
  /** Those whose port somebody else had. */
  readonly #failed = new Map<string, { readonly port: number; readonly endpoints: number }>()

  constructor(options: ServiceHealthOptions) {
    this.#options = options
  }

  /** `port` 0: the Service has no health check (any more). */
  async sync(key: string, port: number, endpoints: number): Promise<void> {
    const check = this.#checks.get(key)
    if (check && check.port === port) {
      check.endpoints = endpoints
      return
    }
    if (check) await this.#close(key, check)
    this.#failed.delete(key)
    if (port > 0) await this.#open(key, port, endpoints)
  }

  /** Tries the ports again that could not be had. */
  async retry(): Promise<void> {
    for (const [key, { port, endpoints }] of [...this.#failed]) await this.sync(key, port, endpoints)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#checks].map(([key, check]) => this.#close(key, check)))
  }

  async #open(key: string, port: number, endpoints: number): Promise<void> {
    const servers: Server[] = []
    try {
      for (const host of this.#options.addresses()) servers.push(await this.#listen(key, host, port))
      this.#checks.set(key, { port, servers, endpoints })
    } catch (error) {
      for (const server of servers) await closed(server)
      this.#failed.set(key, { port, endpoints })
      const message = `node ${this.#options.nodeName} failed to start healthcheck "${key}" on port ${port}: ${(error as Error).message}`
      this.#options.logger.error('Failed to start healthcheck', { service: key, port, error: (error as Error).message })
      this.#options.failed(key, message)
    }
  }

  #listen(key: string, host: string, port: number): Promise<Server> {
    const server = createServer((_request, response) => {
      const { status, text } = this.#answer(key)
      response.writeHead(status, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        // For load balancers that share traffic by how many endpoints a node has (KEP-3836).
        'x-load-balancing-endpoint-weight': String(this.#checks.get(key)?.endpoints ?? 0),
      })
      response.end(text)
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => resolve(server))
    })
  }

  #answer(key: string): { status: 200 | 503; text: string } {
    const { namespace, name } = splitKey(key)
    const localEndpoints = this.#checks.get(key)?.endpoints ?? 0
    const serviceProxyHealthy = this.#options.isProxyHealthy()
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy }
    return { status: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, text: JSON.stringify(body, undefined, '\t') }
  }

  async #close(key: string, { servers }: Check): Promise<void> {
    this.#checks.delete(key)
    await Promise.all(servers.map(closed))
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
