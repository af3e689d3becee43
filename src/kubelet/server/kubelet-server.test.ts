import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { ConfigMap, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { type Fleet, startFleet } from '../fleet/fleet.js'
import { nodeAttributes } from './access.js'
import { KubeletServer } from './kubelet-server.js'
import type { ServerReply, ServerRequest } from './request.js'

let api: TestApiServer
let fleet: Fleet
let server: KubeletServer
let http: Server
let clock: VirtualClock

const turns = async (advanceMs = 0) => {
  await clock.advance(advanceMs)
  for (let i = 0; i < 30; i++) await clock.advance(0)
}

beforeEach(async () => {
  clock = new VirtualClock()
  api = await testApiServer(clock)
  await api.client
    .resource({ group: '', version: 'v1', resource: 'serviceaccounts' })
    .create({ metadata: { name: 'default', namespace: 'default' } })
  // What the controllers give each namespace, and every pod mounts.
  await api.client
    .resource(resources.configMaps)
    .create({ metadata: { name: 'kube-root-ca.crt', namespace: 'default' }, data: { 'ca.crt': '' } } as ConfigMap)
  const identity = { kubeletVersion: 'v1.36.0', architecture: 'amd64', port: 10250 }
  fleet = startFleet({
    ...{ client: api.client, clock, random: seededRandom(2), logger: silentLogger, identity, version: '0.0.0' },
    nodes: [{ name: 'worker-1', ip: '172.18.0.5' }],
  })
  await fleet.ready
  await api.client.resource<Pod>(resources.pods).create({
    metadata: { name: 'web', namespace: 'default', annotations: { 'sim.quorate.dev/exec-reply': 'hello' } },
    spec: {
      nodeName: 'worker-1',
      tolerations: [{ operator: 'Exists' }],
      containers: [
        { name: 'main', image: 'nginx' },
        { name: 'bad', image: 'nope' },
      ],
    },
  })
  await turns(1_000)
  server = new KubeletServer({ clock, runtime: fleet.runtime, workers: fleet.workers, nodes: () => fleet.keeper.records() })
  http = createServer()
  http.on('upgrade', (message, socket, head) => {
    const url = new URL(message.url ?? '/', 'http://node')
    const reply = { respond: () => socket.destroy(), stream: () => assertNever(), takeOver: () => ({ socket, head, message }) }
    void server.handle(request(url.pathname, url.searchParams), reply)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  http.closeAllConnections()
  http.close()
  await fleet.stop()
  await api.stop()
})

function assertNever(): never {
  throw new Error('no stream was expected')
}

const request = (path: string, query = new URLSearchParams(), signal = new AbortController().signal): ServerRequest => ({
  ...{ method: 'GET', path, query, signal },
  headerValues: () => [],
})

async function get(path: string, query = ''): Promise<{ status: number; text: string }> {
  let status = 0
  let text = ''
  const add = (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString()
    return true
  }
  const reply: ServerReply = {
    respond(code, _headers, chunks) {
      status = code
      for (const chunk of chunks) add(chunk)
    },
    stream(code) {
      status = code
      return { write: add, drained: () => Promise.resolve(), end: () => undefined, onClose: () => undefined }
    },
  }
  await server.handle(request(path, new URLSearchParams(query)), reply)
  return { status, text }
}

test('logs: lines of a container, its end, with times; unknown pods and containers are told apart', async () => {
  const all = await get('/containerLogs/default/web/main')
  expect(all.status).toBe(200)
  expect(all.text.split('\n').length).toBeGreaterThan(1)
  const last = await get('/containerLogs/default/web/main', 'tailLines=1&timestamps=true')
  expect(last.text).toMatch(/^2026-01-01T00:00:0\d\.\d+Z main: .*\n$/)
  expect(await get('/containerLogs/default/none/main')).toEqual({ status: 404, text: 'pod "none" does not exist\n' })
  expect(await get('/containerLogs/default/web/none')).toEqual({ status: 404, text: 'container "none" not found in pod "web"\n' })
  expect((await get('/containerLogs/default/web/main', 'previous=true')).status).toBe(400)
})

async function exec(path: string): Promise<{ out: string; status: { status: string; details?: unknown } }> {
  const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}${path}`, 'v5.channel.k8s.io')
  let out = ''
  let status = { status: 'none' }
  socket.on('message', (data: Buffer) => {
    if (data[0] === 3) status = JSON.parse(data.subarray(1).toString()) as { status: string }
    else out += data.subarray(1).toString()
  })
  await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject))
  return { out, status }
}

test('exec over WebSocket: the scripted reply and the Status that says how it ended (remotecommand v5)', async () => {
  expect(await exec('/exec/default/web/main?command=cat&output=1')).toEqual({ out: 'hello\n', status: { metadata: {}, status: 'Success' } })
})

test('stats: usage of each container, of its pod and of its node', async () => {
  const { text } = await get('/stats/summary')
  const summary = JSON.parse(text) as { node: { nodeName: string }; pods: { podRef: { name: string }; containers: unknown[] }[] }
  expect(summary.node.nodeName).toBe('worker-1')
  expect(summary.pods[0]).toMatchObject({ podRef: { name: 'web' }, containers: [{ name: 'main' }, { name: 'bad' }] })
  expect((await get('/metrics/resource')).text).toContain(
    'container_memory_working_set_bytes{container="main",namespace="default",pod="web"}',
  )
})

test('requests are authorized as subresources of the node (KEP-2862)', () => {
  const of = (method: string, path: string) => {
    const { verb, resource } = nodeAttributes(method, path, 'n')
    return `${verb} ${resource.subresource}`
  }
  expect(of('GET', '/stats/summary')).toBe('get stats')
  expect(of('GET', '/metrics/resource')).toBe('get metrics')
  expect(of('GET', '/pods')).toBe('get pods')
  expect(of('POST', '/exec/a/b/c')).toBe('create proxy')
  expect(of('GET', '/containerLogs/a/b/c')).toBe('get proxy')
})
