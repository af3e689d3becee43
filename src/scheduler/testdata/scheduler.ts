/** A scheduler on an API server of this process, and short spellings of what it looks at. */
import type { Node, Pod, PodSpec } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { Metrics } from '../../base/metrics.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { defaultConfig, type SchedulerConfig } from '../config/config.js'
import { runScheduler } from '../scheduler.js'

export interface TestScheduler {
  readonly api: TestApiServer
  readonly client: Client
  readonly metrics: Metrics
  /** "REASON pod: message" of every event. */
  readonly events: string[]
  stop(): Promise<void>
}

export async function testScheduler(config: Partial<SchedulerConfig> = {}, before?: (client: Client) => Promise<void>): Promise<TestScheduler> {
  const api = await testApiServer()
  const ending = new AbortController()
  const metrics = new Metrics()
  const events: string[] = []
  await before?.(api.client)
  const { synced } = runScheduler({
    client: api.client,
    clock: realClock(),
    random: seededRandom(1),
    logger: silentLogger,
    events: { event: (about, _, reason, message) => events.push(`${reason} ${about.metadata.name}: ${message}`) },
    config: { ...defaultConfig, ...config },
    metrics,
    signal: ending.signal,
  })
  await synced
  return {
    api,
    client: api.client,
    metrics,
    events,
    async stop() {
      ending.abort()
      await api.stop()
    },
  }
}

export function node(name: string, more: { labels?: Record<string, string>; allocatable?: Record<string, string>; spec?: Node['spec'] } = {}): Node {
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110', ...more.allocatable }
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } },
    spec: { ...more.spec },
    status: { allocatable, capacity: allocatable, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

export function pod(name: string, spec: Partial<PodSpec> & { requests?: Record<string, string> } = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  const { requests, ...rest } = spec
  return {
    metadata: { name, namespace: 'default', uid: name, ...metadata },
    spec: { containers: [{ name: 'main', image: 'registry.test/app:1', ...(requests ? { resources: { requests } } : {}) }], ...rest },
  }
}

/** Made through the API: nodes get their taints after the admission that taints every new one. */
export async function createNode(client: Client, of: Node): Promise<void> {
  const nodes = client.resource<Node>(resources.nodes)
  await nodes.create(of)
  await nodes.patch('', of.metadata.name ?? '', { type: 'merge', body: { spec: { taints: of.spec?.taints ?? null } } })
}

export async function createPod(client: Client, { metadata: { uid: _, ...metadata }, ...of }: Pod): Promise<void> {
  await client.resource<Pod>(resources.pods).create({ metadata, ...of })
}
