/**
 * Pods per second through the whole scheduler: an API server over a store in memory and the scheduler in one process (one core),
 * from the creation of the pods to their last binding; and what one scheduling cycle costs, without any API.
 */
import type { Node, Pod, PodSpec } from '../src/api/types/core-v1.js'
import { silentLogger } from '../src/base/logger.js'
import { seededRandom } from '../src/base/random.js'
import { eventRecorder } from '../src/client/event-recorder/recorder.js'
import { resources } from '../src/client/resources.js'
import { testApiServer } from '../src/client/testdata/api-server.js'
import { Cache } from '../src/scheduler/cache/cache.js'
import { PodInfo } from '../src/scheduler/cache/pod-info.js'
import { defaultConfig } from '../src/scheduler/config/config.js'
import { profilesOf } from '../src/scheduler/config/profiles.js'
import { Cycle } from '../src/scheduler/framework/cycle.js'
import type { Snapshot } from '../src/scheduler/framework/plugin.js'
import type { Profile } from '../src/scheduler/framework/profile.js'
import { Nominator } from '../src/scheduler/queue/nominator.js'
import { runScheduler } from '../src/scheduler/scheduler.js'
import { noInformer } from '../src/scheduler/testdata/no-informer.js'
import { clock, figure } from './processes.js'

const node = (i: number): Node => ({
  metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, 'topology.kubernetes.io/zone': `zone-${i % 3}` } },
  status: {
    allocatable: { cpu: '32', memory: '128Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    capacity: { cpu: '32', memory: '128Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
})

const shapes: Readonly<Record<string, Partial<PodSpec>>> = {
  plain: {},
  spread: {
    topologySpreadConstraints: [
      {
        topologyKey: 'topology.kubernetes.io/zone',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ],
  },
  'anti-affinity': {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } } },
        ],
      },
    },
  },
}

const pod = (i: number, shape: string): Pod => ({
  metadata: { name: `pod-${i}`, namespace: 'default', labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'main', image: 'registry.test/app:1', resources: { requests: { cpu: '100m', memory: '128Mi' } } }],
    ...shapes[shape],
  },
})

function cycleCost(nodeCount: number, shape: string): void {
  const cache = new Cache(() => undefined)
  for (let i = 0; i < nodeCount; i++) cache.setNode(node(i))
  const snapshot: Snapshot = { nodes: cache.nodes, index: cache.index, namespaceLabels: () => undefined, cache }
  const deps = { client: undefined as never, clock, logger: silentLogger, namespaceLabels: () => undefined, informer: noInformer }
  const profile = profilesOf(defaultConfig, deps).get('default-scheduler') as Profile
  const cycle = new Cycle(snapshot, new Nominator(), seededRandom(1))
  const infos = Array.from({ length: 6_000 }, (_, i) => new PodInfo(pod(i, shape)))
  const run = (from: number, to: number) => {
    for (const info of infos.slice(from, to)) {
      const result = cycle.run(info, profile)
      if (result.kind !== 'fits') throw new Error('no node fits')
      cache.assume(info, cache.nodes.names[result.slot] as string)
    }
  }
  run(0, 1_000)
  const before = process.cpuUsage()
  run(1_000, 6_000)
  const { user, system } = process.cpuUsage(before)
  const micros = (user + system) / 5_000
  figure(`scheduling cycle, ${nodeCount} nodes, ${shape} pods`, micros, 'µs')
}

async function throughput(nodeCount: number, podCount: number, shape: string): Promise<void> {
  const api = await testApiServer()
  const { client } = api
  const ending = new AbortController()
  const deps = { client, clock, random: seededRandom(1), logger: silentLogger, signal: ending.signal }
  await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
  const nodes = client.resource<Node>(resources.nodes)
  await inParallel(nodeCount, async (i) => {
    await nodes.create(node(i))
    await nodes.patch('', `node-${i}`, { type: 'merge', body: { spec: { taints: null } } })
  })
  const pods = client.resource<Pod>(resources.pods)
  await inParallel(podCount, async (i) => void (await pods.create(pod(i, shape))))
  const events = eventRecorder({ ...deps, component: 'default-scheduler' })
  let bound = 0
  const done = new Promise<void>((resolve, reject) => {
    void (async () => {
      const { resourceVersion } = await pods.list({ limit: 1 })
      for await (const batch of pods.watchBatches({ resourceVersion, signal: ending.signal })) {
        for (const { type, object } of batch) if (type === 'MODIFIED' && object.spec?.nodeName) bound++
        if (bound >= podCount) return resolve()
      }
    })().catch(reject)
  })
  const startedMs = clock.monotonic()
  const before = process.cpuUsage()
  const { synced } = runScheduler({ ...deps, events, config: defaultConfig })
  await synced
  await done
  const seconds = (clock.monotonic() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(before)
  const what = `${nodeCount} nodes, ${podCount} ${shape} pods, API server and all`
  figure(`scheduling, ${what}`, podCount / seconds, 'pods/s')
  figure(`scheduling, ${what}, a core for itself`, (podCount * 1e6) / (user + system), 'pods/s')
  ending.abort()
  await api.stop()
}

async function inParallel(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const caller = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 32 }, caller))
}

async function main(): Promise<void> {
  const each = [1_000, 5_000].flatMap((nodeCount) => Object.keys(shapes).map((shape) => [nodeCount, shape] as const))
  for (const [nodeCount, shape] of each) cycleCost(nodeCount, shape)
  for (const [nodeCount, shape] of each) await throughput(nodeCount, 5_000, shape)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
