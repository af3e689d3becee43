/**
 * A TCP load balancer in front of the API servers. TLS passes through it unopened. A new connection goes to the healthy backend
 * with the fewest connections; a backend that refuses one is passed over for the next at once, and one that fails its health checks
 * while another passes them loses its connections too, so that no client waits on a machine that hangs. With no backend healthy every
 * one is tried and none loses its connections: a check that is wrong must not take the cluster down.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import type { Logger } from '../base/logger.js'

export interface Backend {
  /** As logs and metrics name it. */
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface BalancerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly backends: readonly Backend[]
  /** Whether a backend can serve; a rejection is a no. */
  readonly isHealthy: (backend: Backend, signal: AbortSignal) => Promise<boolean>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: Partial<BalancerLimits>
}

export interface BalancerLimits {
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
  readonly checkEveryMs: number
  /** A backend that has fallen is checked sooner at first: after this time, doubling up to the usual one. */
  readonly recheckMs: number
  /** How long a client waits for a backend that takes its connection. A cluster that starts is ready in less. */
  readonly patienceMs: number
  readonly checkTimeoutMs: number
  /** So many failed checks in a row make a backend unhealthy; one that succeeds makes it healthy. */
  readonly checksToFall: number
}

export interface Balancer {
  readonly port: number
  /** Name → whether new connections go there. */
  health(): Readonly<Record<string, boolean>>
  close(): Promise<void>
}

const defaults: BalancerLimits = {
  connectionsMax: 10_000,
  connectTimeoutMs: 1_000,
  checkEveryMs: 1_000,
  recheckMs: 100,
  patienceMs: 3_000,
  checkTimeoutMs: 2_000,
  checksToFall: 2,
}

class Target {
  readonly backend: Backend
  readonly connections = new Set<Socket>()
  healthy = true
  failedChecks = 0
  /** When the first of the failed checks ended, and when a check succeeded last. */
  failingSinceMs = 0
  wellAtMs = Number.NEGATIVE_INFINITY

  constructor(backend: Backend) {
    this.backend = backend
  }
}

const retryMs = 50

export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const limits = { ...defaults, ...options.limits }
  const targets = options.backends.map((backend) => new Target(backend))
  const ending = new AbortController()
  const clients = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    if (clients.size >= limits.connectionsMax) {
      client.destroy()
      return
    }
    clients.add(client)
    client.once('close', () => clients.delete(client))
    client.on('error', () => client.destroy())
    void serve(client, { targets, limits, options })
  })
  await listening(server, options)
  for (const target of targets) void watchHealth(target, { targets, limits, options, signal: ending.signal })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    health: () => Object.fromEntries(targets.map(({ backend, healthy }) => [backend.name, healthy])),
    async close() {
      ending.abort(new Error('stopped'))
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const client of clients) client.destroy()
      await closed
    },
  }
}

interface Serving {
  readonly targets: readonly Target[]
  readonly limits: BalancerLimits
  readonly options: BalancerOptions
}

/** Joins a client to the first backend that takes the connection. */
async function serve(client: Socket, { targets, limits, options }: Serving): Promise<void> {
  const { clock, logger } = options
  const deadline = clock.monotonic() + limits.patienceMs
  for (;;) {
    for (const target of inOrder(targets)) {
      if (client.destroyed) return
      const upstream = await open(target.backend, limits.connectTimeoutMs, clock)
      if (upstream) {
        join(client, upstream, target)
        return
      }
      if (target.healthy) fall(target, 'it refuses connections', logger)
    }
    if (clock.monotonic() >= deadline) break
    await clock.sleep(retryMs)
  }
  logger.warn('No API server takes connections')
  client.destroy()
}

/** Healthy ones first, the least busy of them foremost. */
function inOrder(targets: readonly Target[]): Target[] {
  return targets.toSorted((a, b) => Number(b.healthy) - Number(a.healthy) || a.connections.size - b.connections.size)
}

function open({ host, port }: Backend, timeoutMs: number, clock: Clock): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    const cancel = clock.timer(timeoutMs, () => finish(undefined))
    const finish = (opened: Socket | undefined) => {
      cancel()
      if (!opened) socket.destroy()
      resolve(opened)
    }
    socket.once('connect', () => finish(socket))
    // Stays for the socket's whole life: an error without a listener would end the process.
    socket.on('error', () => finish(undefined))
  })
}

function join(client: Socket, upstream: Socket, target: Target): void {
  if (client.destroyed) {
    upstream.destroy()
    return
  }
  target.connections.add(upstream)
  upstream.once('close', () => {
    target.connections.delete(upstream)
    client.destroy()
  })
  client.once('close', () => upstream.destroy())
  client.pipe(upstream)
  upstream.pipe(client)
}

interface Watching {
  readonly targets: readonly Target[]
  readonly limits: BalancerLimits
  readonly options: BalancerOptions
  readonly signal: AbortSignal
}

async function watchHealth(target: Target, { targets, limits, options, signal }: Watching): Promise<void> {
  const { clock, logger } = options
  while (!signal.aborted) {
    const isHealthy = await checked(target.backend, limits.checkTimeoutMs, options)
    if (signal.aborted) return
    if (isHealthy) {
      target.failedChecks = 0
      target.wellAtMs = clock.monotonic()
      if (!target.healthy) logger.info('API server is healthy again', { server: target.backend.name })
      target.healthy = true
    } else {
      if (++target.failedChecks === 1) target.failingSinceMs = clock.monotonic()
      if (target.failedChecks >= limits.checksToFall) {
        if (target.healthy) fall(target, 'it fails its health checks', logger)
        // When all fail together the fault lies behind them (the store's quorum is lost): their clients are to get its answer.
        if (targets.some((other) => other.wellAtMs > target.failingSinceMs))
          for (const connection of target.connections) connection.destroy()
      }
    }
    const againMs = limits.recheckMs * 2 ** Math.min(Math.max(0, target.failedChecks - 1), 10)
    await clock.sleep(target.healthy ? limits.checkEveryMs : Math.min(limits.checkEveryMs, againMs), signal).catch(() => undefined)
  }
}

function fall(target: Target, why: string, logger: Logger): void {
  target.healthy = false
  logger.warn('API server is out of service', { server: target.backend.name, why })
}

async function checked(backend: Backend, timeoutMs: number, { isHealthy, clock }: BalancerOptions): Promise<boolean> {
  const timeout = new AbortController()
  const cancel = clock.timer(timeoutMs, () => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)))
  try {
    return await isHealthy(backend, timeout.signal)
  } catch {
    return false
  } finally {
    cancel()
  }
}

function listening(server: Server, { host, port }: BalancerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
