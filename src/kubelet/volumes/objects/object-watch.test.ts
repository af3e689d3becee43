import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ConfigMap, Pod, Secret } from '../../../api/types/core-v1.js'
import { silentLogger } from '../../../base/logger.js'
import { seededRandom } from '../../../base/random.js'
import { realClock } from '../../../base/real-clock.js'
import { resources } from '../../../client/resources.js'
import { restClient } from '../../../client/rest-client.js'
import { FaultyTransport } from '../../../client/testdata/faulty-transport.js'
import { type TestApiServer, testApiServer } from '../../../client/testdata/api-server.js'
import { ObjectWatch } from './object-watch.js'

let api: TestApiServer
let wire: FaultyTransport
let objects: ObjectWatch
let changes: string[][]

beforeEach(async () => {
  api = await testApiServer()
  wire = new FaultyTransport(api.server.transport({ name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }))
  changes = []
  objects = new ObjectWatch({
    ...{ client: restClient(wire), clock: realClock(), random: seededRandom(1), logger: silentLogger },
    onChange: (uids) => changes.push([...uids].sort()),
  })
  await api.client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
})
afterEach(async () => {
  objects.stop()
  await api.stop()
})

const maps = () => api.client.resource<ConfigMap>(resources.configMaps)
const podWith = (name: string, configMap: string): Promise<Pod> =>
  api.client.resource<Pod>(resources.pods).create({
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: 'n1',
      automountServiceAccountToken: false,
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', configMap: { name: configMap } }],
    },
  })
const watches = (name: string) =>
  wire.paths.filter((path) => path.includes('watch=true') && decodeURIComponent(path).includes(`metadata.name=${name}`))

test('a node watches the objects that its pods name, each once, as the Node authorizer allows', async () => {
  await maps().create({ metadata: { name: 'm', namespace: 'default' }, data: { k: '1' } })
  const [a, b] = [await podWith('a', 'm'), await podWith('b', 'm')]
  objects.use(a)
  objects.use(b)
  expect((await objects.configMap('default', 'm'))?.data).toEqual({ k: '1' })
  expect((await objects.configMap('default', 'm'))?.data).toEqual({ k: '1' })
  expect(watches('m')).toHaveLength(1)
  await maps().patch('default', 'm', { type: 'merge', body: { data: { k: '2' } } })
  await vi.waitFor(() => expect(changes).toEqual([[a.metadata.uid, b.metadata.uid].sort()]), { interval: 5, timeout: 5_000 })
  expect((await objects.configMap('default', 'm'))?.data).toEqual({ k: '2' })
})

test('an object that no pod of the node names is refused to it', async () => {
  await api.client.resource<Secret>(resources.secrets).create({ metadata: { name: 'other', namespace: 'default' } })
  await expect(objects.secret('default', 'other')).rejects.toThrow(/no relationship found between node 'n1' and this object/)
})

test('what is given up is watched no more; what is immutable is read once (KEP-1412)', async () => {
  await maps().create({ metadata: { name: 'm', namespace: 'default' }, data: { k: '1' }, immutable: true })
  const pod = await podWith('a', 'm')
  objects.use(pod)
  expect((await objects.configMap('default', 'm'))?.immutable).toBe(true)
  const asked = wire.paths.length
  expect((await objects.configMap('default', 'm'))?.data).toEqual({ k: '1' })
  expect(wire.paths).toHaveLength(asked)
  objects.release(pod.metadata.uid ?? '')
  await maps().delete('default', 'm')
  expect(await objects.configMap('default', 'm')).toBeUndefined()
})
