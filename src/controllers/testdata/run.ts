/**
 * Controllers at work on an API server in memory, for their tests. With a virtual clock nothing that takes time happens until
 * the test advances it; what takes none (watch events, reconciles, writes) runs by itself.
 */
import type { KubeObject, GroupVersionResource } from '../../api/object.js'
import type { Clock } from '../../base/clock.js'
import { silentLogger, type Logger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import type { Controller } from '../controller.js'
import { runControllers } from '../runner.js'

export interface TestControllers {
  readonly api: TestApiServer
  /** As a member of system:masters. */
  readonly client: Client
  readonly clock: Clock
  /** Tries `check` after each turn of the event loop until it passes; fails with its last error. No time passes on a virtual clock. */
  eventually<T>(check: () => T | Promise<T>): Promise<T>
  /** Resolves when nothing has been written for some turns of the event loop. */
  settled(): Promise<void>
  get<T extends KubeObject>(of: GroupVersionResource, namespace: string, name: string): Promise<T>
  list<T extends KubeObject>(of: GroupVersionResource, namespace?: string, labelSelector?: string): Promise<T[]>
  /** Ends the controllers and the server. */
  stop(): Promise<void>
}

export interface TestControllersOptions {
  readonly controllers: readonly Controller[]
  readonly clock?: Clock
  readonly logger?: Logger
  /** Fills the server before the controllers start. */
  prepare?(client: Client): Promise<void>
}

const turnsMax = 5_000
/** Turns without a write after which nothing more is expected to come by itself. */
const quietTurns = 40

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export async function runTestControllers(options: TestControllersOptions): Promise<TestControllers> {
  const clock = options.clock ?? realClock()
  const api = await testApiServer(clock)
  const { client } = api
  await options.prepare?.(client)
  const ending = new AbortController()
  const running = runControllers({
    ...{ client, clock, controllers: options.controllers, random: seededRandom(1), signal: ending.signal },
    logger: options.logger ?? silentLogger,
  })
  await running.synced
  const revision = async () => (await client.raw({ method: 'GET', path: '/api/v1/namespaces?limit=1' })).body.toString()
  return {
    ...{ api, client, clock },
    async eventually(check) {
      let last: unknown
      for (let tries = 0; tries < turnsMax; tries++) {
        try {
          return await check()
        } catch (error) {
          last = error
        }
        await turn()
      }
      throw last
    },
    async settled() {
      let before = await revision()
      for (let quiet = 0, turns = 0; quiet < quietTurns && turns < turnsMax; turns++) {
        await turn()
        const now = await revision()
        quiet = now === before ? quiet + 1 : 0
        before = now
      }
    },
    get: (of, namespace, name) => client.resource<never>(of).get(namespace, name),
    list: async (of, namespace, labelSelector) =>
      (await client.resource<never>(of).list({ ...(namespace ? { namespace } : {}), ...(labelSelector ? { labelSelector } : {}) })).items,
    async stop() {
      ending.abort(new Error('the test has ended'))
      await running.stopped
      await api.stop()
    },
  }
}
