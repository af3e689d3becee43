/** An API server in this process over a store in memory, for tests of what is built on a client. */
import { silentLogger } from '../../base/logger.js'
import type { Clock } from '../../base/clock.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { ApiServer, type ApiServerOptions } from '../../apiserver/server.js'
import { openMemoryStore } from '../../storage/memory/memory.js'
import type { Client, Transport } from '../client.js'
import { restClient } from '../rest-client.js'

export interface TestApiServer {
  readonly server: ApiServer
  /** As a member of system:masters. */
  readonly transport: Transport
  readonly client: Client
  stop(): Promise<void>
}

export async function testApiServer(clock: Clock = realClock(), more: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const server = new ApiServer({
    store: openMemoryStore({ clock }),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    defer: (fn) => setImmediate(fn),
    authentication: { clientCertificates: true, bootstrapTokens: false, anonymous: true },
    authorizationModes: ['Node', 'RBAC'],
    allocation: { serviceCidrs: ['10.96.0.0/12'] },
    limits: { maxRequestsInFlight: 400, maxMutatingRequestsInFlight: 200, maxRequestBytes: 3 * 2 ** 20, requestTimeoutMs: 10_000 },
    self: { ip: '192.0.2.1', port: 6443 },
    gitVersion: 'v1.36.0+quorate.test',
    platform: 'linux/amd64',
    ...more,
  })
  const transport = server.transport({ name: 'admin', groups: ['system:masters'] })
  await server.start()
  return { server, transport, client: restClient(transport), stop: () => server.stop() }
}
