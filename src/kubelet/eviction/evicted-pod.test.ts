import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Event, Node, Pod } from '../../api/types/core-v1.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { type Kubelet, startKubelet } from '../kubelet.js'
import type { NodeState } from '../nodes/node-object.js'
import { healthyStates } from '../nodes/node-object.js'
import { SimRuntime } from '../runtimes/sim/sim-runtime.js'

let clock: VirtualClock
let api: TestApiServer
let kubelet: Kubelet
let states: readonly NodeState[]
let refused: boolean

const turns = async () => {
  for (let turn = 0; turn < 60; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    await clock.advance(0)
  }
}

beforeEach(async () => {
  clock = new VirtualClock()
  api = await testApiServer(clock)
  states = healthyStates
  refused = false
  kubelet = startKubelet({
    ...{ clock, random: seededRandom(1), logger: silentLogger, client: api.client, runtime: new SimRuntime({ clock, version: '0' }) },
    refuses: () => (refused ? { reason: 'Evicted', message: 'The node had condition: [DiskPressure]. ' } : undefined),
    node: {
      ...{ name: 'n1', ips: ['192.0.2.1'], capacity: { cpu: '2', memory: '2Gi', pods: '110' }, conditions: () => states },
      info: {
        ...{ architecture: 'amd64', bootID: '', containerRuntimeVersion: 'sim://0', kernelVersion: '', kubeProxyVersion: '' },
        ...{ kubeletVersion: 'v1', machineID: '', operatingSystem: 'linux', osImage: '', systemUUID: '' },
      },
    },
  })
  await turns()
  await api.client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
})
afterEach(async () => {
  await kubelet.stop()
  await api.stop()
})

const pods = () => api.client.resource<Pod>(resources.pods)
const create = (name: string) =>
  pods().create({
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: 'n1',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 60,
      containers: [{ name: 'c', image: 'i' }],
    },
  })

test('an evicted pod ends within the grace it is given, stays as Failed and says who ended it (KEP-3329)', async () => {
  const { metadata } = await create('web')
  await turns()
  await clock.advance(5_000)
  await turns()
  expect((await pods().get('default', 'web')).status?.phase).toBe('Running')
  const message = 'The node was low on resource: memory. '
  kubelet.workers.evict(metadata.uid ?? '', { reason: 'Evicted', message, graceSeconds: 1, isDisruption: true })
  await turns()
  await clock.advance(3_000)
  await turns()
  const { status } = await pods().get('default', 'web')
  expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message })
  expect(status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
    status: 'True',
    reason: 'TerminationByKubelet',
    message,
  })
  const { items } = await api.client.resource<Event>(resources.events).list({ namespace: 'default' })
  expect(items.find(({ reason }) => reason === 'Evicted')).toMatchObject({ type: 'Warning', message })
})

test('a node under pressure refuses pods and says so in its status at once', async () => {
  states = healthyStates.map((state) =>
    state.type === 'DiskPressure' ? { ...state, status: 'True', reason: 'KubeletHasDiskPressure' } : state,
  )
  kubelet.keeper.stateChanged('n1')
  refused = true
  await clock.advance(10)
  await turns()
  const node = await api.client.resource<Node>(resources.nodes).get('', 'n1')
  expect(node.status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status).toBe('True')
  expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  await create('late')
  await turns()
  expect((await pods().get('default', 'late')).status).toMatchObject({ phase: 'Failed', reason: 'Evicted' })
})
