/**
 * A proxier with 10,000 Services and 50,000 endpoints in a network namespace of its own (needs root and nft): the first sync from the
 * first byte of the watch to the written table, and one Service's change until packets follow it. The API is a stream of bytes.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Service } from '../src/api/types/core-v1.js'
import type { EndpointSlice } from '../src/api/types/discovery-v1.js'
import { silentLogger } from '../src/base/logger.js'
import { Metrics } from '../src/base/metrics.js'
import { realRandom } from '../src/base/random.js'
import type { Transport, TransportRequest, TransportStream } from '../src/client/client.js'
import { restClient } from '../src/client/rest-client.js'
import { ProxyHealth } from '../src/proxy/health/proxy-health.js'
import { ServiceHealth } from '../src/proxy/health/service-health.js'
import { Proxier } from '../src/proxy/proxier.js'
import { proxyMetrics } from '../src/proxy/proxy-metrics.js'
import { missingForPackets, TestNetwork } from '../src/proxy/testdata/network.js'
import { clock, figure, median } from './processes.js'

const services = 10_000
const endpointsEach = 5
const changes = 20
const limitMs = 5_000
/** The Service whose packets are watched: its endpoint is a pod that answers. */
const watched = 5_000
const chunkBytes = 64 * 1024

const serviceIp = (i: number) => `10.96.${(i >> 8) + 1}.${i & 255}`
const name = (i: number) => `service-${i}`

function service(i: number): Service {
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { name: name(i), namespace: 'bench', uid: `s-${i}`, resourceVersion: '1', labels: { app: name(i) } },
    spec: {
      ...{ type: 'ClusterIP', clusterIP: serviceIp(i), clusterIPs: [serviceIp(i)], ipFamilies: ['IPv4'], selector: { app: name(i) } },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
  }
}

function slice(i: number, addresses: readonly string[], resourceVersion = '1'): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': name(i), 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' }
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name: `${name(i)}-x`, namespace: 'bench', uid: `e-${i}`, resourceVersion, labels },
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address, at) => ({
      ...{ addresses: [address], nodeName: `node-${at}`, targetRef: { kind: 'Pod', namespace: 'bench', name: `pod-${i}-${at}` } },
      conditions: { ready: true, serving: true, terminating: false },
    })),
  }
}

function addressesOf(i: number): string[] {
  const first = i * endpointsEach
  return Array.from(
    { length: endpointsEach },
    (_, at) => `10.${128 + ((first + at) >> 16)}.${((first + at) >> 8) & 255}.${(first + at) & 255}`,
  )
}

/** Answers watches with prepared bytes, then with what is pushed. */
class ByteTransport implements Transport {
  readonly #initial = new Map<string, readonly Uint8Array[]>()
  readonly #wake = new Map<string, (bytes: Uint8Array) => void>()

  prepare(resource: string, objects: readonly object[]): void {
    const end = { metadata: { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } } }
    const lines = [...objects.map((object) => ({ type: 'ADDED', object })), { type: 'BOOKMARK', object: end }].map(
      (event) => `${JSON.stringify(event)}\n`,
    )
    const all = Buffer.from(lines.join(''))
    this.#initial.set(
      resource,
      Array.from({ length: Math.ceil(all.length / chunkBytes) }, (_, at) => all.subarray(at * chunkBytes, (at + 1) * chunkBytes)),
    )
  }

  push(resource: string, object: object): void {
    this.#wake.get(resource)?.(Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object })}\n`))
  }

  request(): Promise<never> {
    return Promise.reject(new Error('only watches are answered'))
  }

  async stream({ path }: TransportRequest): Promise<TransportStream> {
    const resource = /\/([a-z]+)\?/.exec(path)?.[1] ?? ''
    return { status: 200, headers: { 'content-type': 'application/json' }, body: this.#body(resource) }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async *#body(resource: string): AsyncIterable<Uint8Array> {
    for (const chunk of this.#initial.get(resource) ?? []) {
      // As a socket gives them: one at a turn.
      await new Promise((resolve) => setImmediate(resolve))
      yield chunk
    }
    for (;;) yield await new Promise<Uint8Array>((resolve) => this.#wake.set(resource, resolve))
  }
}

function proxierOf(transport: ByteTransport, network: TestNetwork): Proxier {
  const health = new ProxyHealth(clock, 60_000)
  const serviceHealth = new ServiceHealth({
    ...{ nodeName: 'here', logger: silentLogger, addresses: () => ['127.0.0.1'], isProxyHealthy: () => health.isHealthy, failed() {} },
  })
  return new Proxier({
    ...{ client: restClient(transport), clock, random: realRandom(), logger: silentLogger, nodeName: 'here', families: ['IPv4'] },
    rules: {
      ...{ masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary' },
      bindAddress: '',
      detectLocal: { mode: 'ClusterCIDR', ranges: ['10.244.0.0/16'] },
    },
    ...{ minSyncMs: 1_000, syncMs: 30_000, run: network.onNode, health, serviceHealth, metrics: proxyMetrics(new Metrics(), ['IPv4']) },
  })
}

/** From the event on the wire until a new connection is answered by the other pod. */
async function changeMs(
  transport: ByteTransport,
  network: TestNetwork,
  to: { pod: string; address: string; version: number },
): Promise<number> {
  const caller = network.agent('a')
  const fromMs = clock.monotonic()
  transport.push('endpointslices', slice(watched, [to.address], String(to.version)))
  while (clock.monotonic() - fromMs < limitMs) {
    if ((await caller.tcp(serviceIp(watched), 80)).startsWith(`${to.pod} `)) return clock.monotonic() - fromMs
  }
  throw new Error(`packets do not follow within ${limitMs} ms`)
}

/** How long the event loop stood still, and how much of that this process really ran: others may have had the processor. */
class Pauses {
  readonly #delay = monitorEventLoopDelay({ resolution: 1 })
  readonly #timer: NodeJS.Timeout
  #cpu = process.cpuUsage()
  #cpuMsMax = 0

  constructor() {
    this.#delay.enable()
    this.#timer = setInterval(() => {
      const { user, system } = process.cpuUsage(this.#cpu)
      this.#cpuMsMax = Math.max(this.#cpuMsMax, (user + system) / 1000)
      this.#cpu = process.cpuUsage()
    }, 1)
  }

  report(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
    figure('longest pause of the event loop meanwhile', this.#delay.max / 1e6, 'ms')
    figure('most processor time between two turns', this.#cpuMsMax, 'ms')
  }
}

async function measure(network: TestNetwork): Promise<void> {
  const transport = new ByteTransport()
  const all = Array.from({ length: services }, (_, i) => i)
  transport.prepare('services', all.map(service))
  transport.prepare(
    'endpointslices',
    all.map((i) => slice(i, i === watched ? ['10.244.1.2'] : addressesOf(i))),
  )
  transport.prepare('nodes', [])
  const pauses = new Pauses()
  const startedMs = clock.monotonic()
  const proxier = proxierOf(transport, network)
  await proxier.ready
  figure(`full sync, ${services} Services, ${services * endpointsEach} endpoints`, (clock.monotonic() - startedMs) / 1000, 's')
  pauses.report()
  const pods = [
    { pod: 'c', address: '10.244.2.2' },
    { pod: 'b', address: '10.244.1.2' },
  ] as const
  const times: number[] = []
  for (let i = 0; i < changes; i++) {
    // Longer than the minimum period: each is a single change after rest.
    await clock.sleep(1_050)
    times.push(await changeMs(transport, network, { ...(pods[i % 2] as (typeof pods)[0]), version: i + 2 }))
  }
  figure('one Service changed, until packets follow', median(times), 'ms', 141)
  figure('the same, slowest', Math.max(...times), 'ms')
  figure('memory', process.memoryUsage.rss() / 2 ** 20, 'MiB')
  await proxier.stop()
}

async function main(): Promise<void> {
  const why = missingForPackets()
  if (why) return console.log(`skipped: ${why}`)
  const network = await TestNetwork.create('bench', ['a', 'b', 'c'])
  try {
    await measure(network)
  } finally {
    await network.remove()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
