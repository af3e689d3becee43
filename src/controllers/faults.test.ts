/** Controllers on a bad network: requests that get lost before or after they were carried out, watches that break, crashes. */
import { afterEach, describe, expect, it } from 'vitest'
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../api/types/apps-v1.js'
import type { Job } from '../api/types/batch-v1.js'
import type { Node, Pod } from '../api/types/core-v1.js'
import { silentLogger } from '../base/logger.js'
import { type Random, seededRandom } from '../base/random.js'
import { VirtualClock } from '../base/virtual-clock.js'
import { type Client, ConnectionError, type Transport } from '../client/client.js'
import { resources } from '../client/resources.js'
import { restClient } from '../client/rest-client.js'
import { type TestApiServer, testApiServer } from '../client/testdata/api-server.js'
import { FaultyTransport } from '../client/testdata/faulty-transport.js'
import { defaultControllerOptions } from './options.js'
import { makeControllers } from './registry.js'
import { runControllers } from './runner.js'
import { defaultServiceAccount, play } from './testdata/pods.js'

const labels = { app: 'web' }
const selector = { matchLabels: labels }
const withImage = (image: string) => ({ metadata: { labels }, spec: { nodeName: 'n', containers: [{ name: 'c', image }] } })

/** Loses some requests, half of them after the server has done what they ask for. */
class LossyTransport extends FaultyTransport {
  readonly #random: Random
  readonly #lossy: Transport

  constructor(inner: Transport, random: Random) {
    super(inner)
    this.#random = random
    this.#lossy = inner
  }

  override async request(request: Parameters<Transport['request']>[0]) {
    const chance = this.#random.next()
    if (chance < 0.1) throw new ConnectionError('lost on the way there')
    const response = await this.#lossy.request(request)
    if (chance < 0.2) throw new ConnectionError('lost on the way back')
    return response
  }
}

interface Scenario {
  readonly controllers: readonly string[]
  prepare(client: Client): Promise<void>
  /** Once, in the middle. */
  change?(client: Client): Promise<void>
  /** Looks at the pods after each second and plays the kubelet. */
  each(active: readonly Pod[]): { ready?: readonly Pod[]; succeeded?: readonly Pod[] }
  check(client: Client, pods: readonly Pod[]): Promise<void>
}

const starting = (pods: readonly Pod[]) => pods.filter((pod) => pod.status?.phase !== 'Running')

const rollout: Scenario = {
  controllers: ['deployment-controller', 'replicaset-controller'],
  prepare: async (client) => {
    const strategy = { type: 'RollingUpdate' as const, rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } }
    const spec = { replicas: 6, selector, strategy, template: withImage('one') }
    await client.resource<Deployment>(resources.deployments).create({ metadata: { name: 'web', namespace: 'default' }, spec })
  },
  change: async (client) =>
    void (await client
      .resource(resources.deployments)
      .patch('default', 'web', { type: 'merge', body: { spec: { template: withImage('two') } } })),
  each(active) {
    expect(active.length).toBeLessThanOrEqual(8)
    return { ready: starting(active) }
  },
  async check(client, pods) {
    expect(pods.map((pod) => pod.spec?.containers[0]?.image)).toEqual(new Array(6).fill('two'))
    const sets = (await client.resource<ReplicaSet>(resources.replicaSets).list({ namespace: 'default' })).items
    expect(sets.map((set) => set.spec?.replicas).sort()).toEqual([0, 6])
    const { status } = await client.resource<Deployment>(resources.deployments).get('default', 'web')
    expect(status).toMatchObject({ replicas: 6, updatedReplicas: 6, availableReplicas: 6 })
  },
}

const statefulSet: Scenario = {
  controllers: ['statefulset-controller'],
  prepare: async (client) => {
    const spec = { replicas: 4, serviceName: 'web', selector, template: withImage('one') }
    await client.resource<StatefulSet>(resources.statefulSets).create({ metadata: { name: 'web', namespace: 'default' }, spec })
  },
  change: async (client) =>
    void (await client
      .resource(resources.statefulSets)
      .patch('default', 'web', { type: 'merge', body: { spec: { template: withImage('two') } } })),
  each(active) {
    // In order: no pod is made while an earlier one is not ready.
    expect(starting(active).length).toBeLessThanOrEqual(1)
    return { ready: starting(active) }
  },
  async check(client, pods) {
    expect(pods.map((pod) => `${pod.metadata.name} ${pod.spec?.containers[0]?.image}`).sort()).toEqual(
      [0, 1, 2, 3].map((ordinal) => `web-${ordinal} two`),
    )
    const { status } = await client.resource<StatefulSet>(resources.statefulSets).get('default', 'web')
    expect(status).toMatchObject({ replicas: 4, readyReplicas: 4, updatedReplicas: 4 })
    expect(status?.currentRevision).toBe(status?.updateRevision)
  },
}

const job: Scenario = {
  controllers: ['job-controller'],
  prepare: async (client) => {
    const template = { ...withImage('one'), spec: { ...withImage('one').spec, restartPolicy: 'Never' as const } }
    const spec = { completions: 12, parallelism: 3, template }
    await client.resource<Job>(resources.jobs).create({ metadata: { name: 'web', namespace: 'default' }, spec })
  },
  each(active) {
    const running = active.filter((pod) => pod.status?.phase !== 'Succeeded')
    expect(running.length).toBeLessThanOrEqual(3)
    return { succeeded: running.filter((pod) => pod.status?.phase === 'Running').slice(0, 2), ready: starting(running) }
  },
  async check(client, pods) {
    const { status } = await client.resource<Job>(resources.jobs).get('default', 'web')
    expect(status).toMatchObject({ succeeded: 12 })
    expect(status?.failed ?? 0).toBe(0)
    expect(status?.conditions?.some(({ type, status: is }) => type === 'Complete' && is === 'True')).toBe(true)
    expect(pods.filter((pod) => pod.metadata.finalizers?.includes('batch.kubernetes.io/job-tracking'))).toEqual([])
  },
}

const daemonSet: Scenario = {
  controllers: ['daemonset-controller'],
  prepare: async (client) => {
    const nodes = client.resource<Node>(resources.nodes)
    for (const name of ['a', 'b', 'c']) {
      await nodes.create({ metadata: { name, labels: { 'kubernetes.io/hostname': name } } })
      // New nodes are tainted as not ready; these are.
      await nodes.patch('', name, { type: 'merge', body: { spec: { taints: null } } })
    }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'one' }] } }
    const spec = { selector, template }
    await client.resource<DaemonSet>(resources.daemonSets).create({ metadata: { name: 'web', namespace: 'default' }, spec })
  },
  change: async (client) => {
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'two' }] } }
    await client.resource(resources.daemonSets).patch('default', 'web', { type: 'merge', body: { spec: { template } } })
  },
  each: (active) => ({ ready: starting(active) }),
  async check(client, pods) {
    expect(pods.map((pod) => pod.spec?.containers[0]?.image)).toEqual(['two', 'two', 'two'])
    const { status } = await client.resource<DaemonSet>(resources.daemonSets).get('default', 'web')
    expect(status).toMatchObject({ desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 })
  },
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'a rollout': rollout,
  'a StatefulSet': statefulSet,
  'a Job': job,
  'a DaemonSet': daemonSet,
}
const seeds = [1, 2, 3]

describe('on a bad network', () => {
  let api: TestApiServer | undefined
  let ending = new AbortController()
  afterEach(async () => {
    ending.abort(new Error('the test has ended'))
    await api?.stop()
  })

  const cases = Object.keys(scenarios).flatMap((name) => seeds.map((seed) => ({ name, seed })))
  it.each(cases)('$name ends as it should and goes wrong nowhere on the way (seed $seed)', async ({ name, seed }) => {
    const scenario = scenarios[name] as Scenario
    const clock = new VirtualClock()
    const server = await testApiServer(clock)
    api = server
    const { client } = server
    const random = seededRandom(seed)
    const transport = new LossyTransport(server.transport, random)
    const start = () => {
      ending = new AbortController()
      const controllers = makeControllers(new Set(scenario.controllers), defaultControllerOptions)
      runControllers({ client: restClient(transport), clock, random, logger: silentLogger, controllers, signal: ending.signal })
    }
    const second = async () => {
      const { items } = await client.resource<Pod>(resources.pods).list({ namespace: 'default' })
      await play(
        client,
        clock,
        items.filter((pod) => pod.metadata.deletionTimestamp),
        'gone',
      )
      const { ready = [], succeeded = [] } = scenario.each(items.filter((pod) => !pod.metadata.deletionTimestamp))
      await play(client, clock, ready, 'ready')
      await play(client, clock, succeeded, 'succeeded')
    }
    await defaultServiceAccount(client)
    await scenario.prepare(client)
    start()
    for (let step = 0; step < 80; step++) {
      await clock.advance(1_000)
      if (step === 20) await scenario.change?.(client)
      if (random.next() < 0.2) transport.cut()
      if (random.next() < 0.1) {
        ending.abort(new Error('crash'))
        start()
      }
      await second()
    }
    // What was lost for good is waited for as long as an expectation lasts.
    for (let step = 0; step < 12; step++) {
      await clock.advance(60_000)
      await second()
    }
    await clock.advance(60_000)
    await scenario.check(client, (await client.resource<Pod>(resources.pods).list({ namespace: 'default' })).items)
  })
})
