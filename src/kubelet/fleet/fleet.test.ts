import { afterEach, expect, test } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import type { ConfigMap, Event, Node, Pod, Secret } from '../../api/types/core-v1.js'
import type { Transport } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { FaultyTransport } from '../../client/testdata/faulty-transport.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { type Fleet, startFleet } from './fleet.js'
import type { FleetNode } from './fleet-node.js'

let api: TestApiServer
let fleet: Fleet
let writes: string[]

function startOn(transport: Transport, clock: VirtualClock, nodes: readonly FleetNode[]): Fleet {
  const identity = { kubeletVersion: 'v1.36.0+quorate.test', architecture: 'amd64', port: 10250 }
  const client = restClient(transport)
  return startFleet({ client, clock, random: seededRandom(2), logger: silentLogger, identity, version: '0.0.0', nodes })
}

let transport: FaultyTransport

async function start(nodes: readonly FleetNode[]) {
  const clock = new VirtualClock()
  api = await testApiServer(clock)
  transport = new FaultyTransport(api.transport)
  await api.client
    .resource({ group: '', version: 'v1', resource: 'serviceaccounts' })
    .create({ metadata: { name: 'default', namespace: 'default' } })
  // What the controllers give each namespace, and every pod mounts.
  await api.client
    .resource(resources.configMaps)
    .create({ metadata: { name: 'kube-root-ca.crt', namespace: 'default' }, data: { 'ca.crt': '' } } as ConfigMap)
  writes = []
  transport.intercept = ({ method, path }) => {
    if (writes.length > 300) throw new Error(`runaway ${writes.slice(-5)}`)
    if (method !== 'GET') writes.push(`${method} ${path.split('?')[0]}`)
    return undefined
  }
  fleet = startOn(transport, clock, nodes)
  await fleet.ready
  return { clock, client: api.client }
}

afterEach(async () => {
  await fleet.stop()
  await api.stop()
})

const podOn = (nodeName: string, name = 'web', more: Partial<Pod['metadata']> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', ...more },
  spec: { nodeName, containers: [{ name: 'main', image: 'nginx:1.27' }], tolerations: [{ operator: 'Exists' }], ...spec },
})

async function turns(clock: VirtualClock) {
  for (let i = 0; i < 30; i++) await clock.advance(0)
}

test('nodes of the configuration register Ready, with the labels and reasons of a kubelet, and renew a lease', async () => {
  const { clock, client } = await start([{ name: 'worker-1', ip: '172.18.0.5', labels: { zone: 'a' } }])
  const node = await client.resource<Node>(resources.nodes).get('', 'worker-1')
  expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': 'worker-1', 'kubernetes.io/os': 'linux', zone: 'a' })
  expect(node.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: 'KubeletReady' })
  expect(node.status?.addresses).toEqual([
    { type: 'InternalIP', address: '172.18.0.5' },
    { type: 'Hostname', address: 'worker-1' },
  ])
  await turns(clock)
  await clock.advance(35_000)
  await turns(clock)
  const lease = await client.resource<Lease>(resources.leases).get('kube-node-lease', 'worker-1')
  expect(lease.spec?.leaseDurationSeconds).toBe(40)
  expect(clock.now() - Date.parse(lease.spec?.renewTime ?? '')).toBeLessThanOrEqual(10_000)
  expect(lease.metadata.ownerReferences?.[0]?.uid).toBe(node.metadata.uid)
})

test('a pod becomes Running and Ready with one status write, and leaves with one deletion', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1'))
  writes.length = 0
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  const pod = await pods.get('default', 'web')
  expect(pod.status?.phase).toBe('Running')
  expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(pod.status?.podIP).toMatch(/^10\.0\./)
  expect(pod.status?.containerStatuses?.[0]?.state?.running).toBeDefined()
  const ofPods = () => writes.filter((write) => write.includes('/pods/'))
  expect(ofPods()).toEqual(['PATCH /api/v1/namespaces/default/pods/web/status'])

  await clock.advance(60_000)
  await turns(clock)
  expect(ofPods()).toHaveLength(1)

  writes.length = 0
  await pods.delete('default', 'web')
  await turns(clock)
  await expect(pods.get('default', 'web')).rejects.toMatchObject({ reason: 'NotFound' })
  expect(ofPods()).toEqual(['DELETE /api/v1/namespaces/default/pods/web'])
})

test('a Node with the annotation kwok.x-k8s.io/node=fake is kept Ready and runs its pods; its own size and addresses stay', async () => {
  const { clock, client } = await start([])
  await client.resource<Node>(resources.nodes).create({
    metadata: { name: 'sim-0', annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    status: { capacity: { cpu: '32', pods: '10' }, allocatable: { cpu: '32', pods: '10' } },
  })
  await turns(clock)
  const node = await client.resource<Node>(resources.nodes).get('', 'sim-0')
  expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(node.status?.allocatable).toEqual({ cpu: '32', pods: '10' })
  await client.resource<Pod>(resources.pods).create(podOn('sim-0'))
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  expect((await client.resource<Pod>(resources.pods).get('default', 'web')).status?.phase).toBe('Running')
})

test('pods of a Job succeed by themselves', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u', controller: true }
  await client.resource<Pod>(resources.pods).create(podOn('worker-1', 'j-1', { ownerReferences: [owner] }, { restartPolicy: 'Never' }))
  await turns(clock)
  await clock.advance(5_000)
  await turns(clock)
  const pod = await client.resource<Pod>(resources.pods).get('default', 'j-1')
  expect(pod.status?.phase).toBe('Succeeded')
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
})

test('what finalizers keep is told how its containers ended before the deletion', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1', 'kept', { finalizers: ['example.com/hold'] }))
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  await pods.delete('default', 'kept')
  await turns(clock)
  const pod = await pods.get('default', 'kept')
  expect(pod.metadata.deletionGracePeriodSeconds).toBe(0)
  expect(pod.status?.phase).toBe('Failed')
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 143 })
})

test('a container that fails is restarted, then waits in CrashLoopBackOff', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const annotations = { 'sim.quorate.dev/exit-code': '3', 'sim.quorate.dev/exit-after': '2s' }
  await client.resource<Pod>(resources.pods).create(podOn('worker-1', 'crash', { annotations }))
  await turns(clock)
  await clock.advance(6_000)
  await turns(clock)
  const pod = await client.resource<Pod>(resources.pods).get('default', 'crash')
  expect(pod.status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 1,
    ready: false,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 3, reason: 'Error' } },
  })
  await clock.advance(9_000)
  await turns(clock)
  expect((await client.resource<Pod>(resources.pods).get('default', 'crash')).status?.containerStatuses?.[0]?.restartCount).toBe(2)
})

test('a node refuses a pod that does not fit: OutOfcpu', async () => {
  const { clock, client } = await start([{ name: 'worker-1', capacity: { cpu: '1' } }])
  const pods = client.resource<Pod>(resources.pods)
  const container = (cpu: string) => ({ containers: [{ name: 'main', image: 'a', resources: { requests: { cpu } } }] })
  await pods.create(podOn('worker-1', 'first', {}, container('600m')))
  await turns(clock)
  await pods.create(podOn('worker-1', 'second', {}, container('600m')))
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  expect((await pods.get('default', 'first')).status?.phase).toBe('Running')
  expect((await pods.get('default', 'second')).status).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu' })
})

test('a pod waits for the ConfigMaps and Secrets that it names: FailedMount, CreateContainerConfigError', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  const volumes = [{ name: 'config', configMap: { name: 'app' } }]
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'app', key: 'token' } } }]
  await pods.create(podOn('worker-1', 'app', {}, { volumes, containers: [{ name: 'main', image: 'a', env }] }))
  await turns(clock)
  await clock.advance(2_000)
  await turns(clock)
  const container = async () => (await pods.get('default', 'app')).status?.containerStatuses?.[0]
  expect((await container())?.state?.waiting?.reason).toBe('ContainerCreating')
  const events = await client.resource<Event>(resources.events).list({ namespace: 'default' })
  expect(events.items.find(({ reason }) => reason === 'FailedMount')?.message).toBe(
    'MountVolume.SetUp failed for volume "config" : configmap "app" not found',
  )
  const object = { metadata: { name: 'app', namespace: 'default' } }
  await client.resource(resources.configMaps).create(object)
  await clock.advance(4_000)
  await turns(clock)
  expect((await container())?.state?.waiting).toMatchObject({ reason: 'CreateContainerConfigError', message: 'secret "app" not found' })
  await client.resource<Secret>(resources.secrets).create({ ...object, data: { token: 'eA==' } })
  await clock.advance(11_000)
  await turns(clock)
  expect((await container())?.ready).toBe(true)
})

test('a machine that is switched off stops its heartbeats; what it ran starts anew when it is back', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1'))
  await turns(clock)
  await clock.advance(15_000)
  await turns(clock)
  fleet.setNodes([{ name: 'worker-1', stopped: true }])
  writes.length = 0
  await clock.advance(60_000)
  await turns(clock)
  expect(writes).toEqual([])
  fleet.setNodes([{ name: 'worker-1' }])
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  const pod = await pods.get('default', 'web')
  expect(pod.status?.phase).toBe('Running')
  expect(pod.status?.containerStatuses?.[0]?.restartCount).toBe(1)
})

test('another process takes the nodes over: what ran goes on, and nothing is written about it', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1'))
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  const before = await pods.get('default', 'web')
  await fleet.stop()
  writes.length = 0
  fleet = startOn(transport, clock, [{ name: 'worker-1' }])
  await fleet.ready
  await turns(clock)
  await clock.advance(5_000)
  await turns(clock)
  expect(await pods.get('default', 'web')).toEqual(before)
  expect(writes.filter((write) => write.includes('/pods/'))).toEqual([])
  await pods.create(podOn('worker-1', 'next'))
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  expect((await pods.get('default', 'next')).status?.podIP).not.toBe(before.status?.podIP)
})

test('a pod that is longer active than its deadline fails: DeadlineExceeded', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1', 'slow', {}, { activeDeadlineSeconds: 10 }))
  await turns(clock)
  await clock.advance(5_000)
  await turns(clock)
  expect((await pods.get('default', 'slow')).status?.phase).toBe('Running')
  await clock.advance(6_000)
  await turns(clock)
  expect((await pods.get('default', 'slow')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' })
})

test('an image that cannot be pulled: ErrImagePull, then ImagePullBackOff', async () => {
  const { clock, client } = await start([{ name: 'worker-1' }])
  const pods = client.resource<Pod>(resources.pods)
  await pods.create(podOn('worker-1', 'noimage', { annotations: { 'sim.quorate.dev/image-pull-error': 'no such host' } }))
  const reason = async () => (await pods.get('default', 'noimage')).status?.containerStatuses?.[0]?.state?.waiting?.reason
  await turns(clock)
  await clock.advance(1_000)
  await turns(clock)
  expect(await reason()).toBe('ErrImagePull')
  await clock.advance(6_000)
  await turns(clock)
  expect(await reason()).toBe('ImagePullBackOff')
})
