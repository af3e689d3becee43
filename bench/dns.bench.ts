/**
 * Cluster DNS over UDP: 10,000 Services with 50,000 endpoints behind kubeadm's Corefile, asked as pods ask (services, headless
 * services, names that the search path makes up, names outside that the cache has). The server is a process of its own; this one
 * is the load. Figures: queries/s with many under way, what they cost the server's core, and p99 at 15,000 a second.
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { silentLogger } from '../src/base/logger.js'
import { Metrics } from '../src/base/metrics.js'
import { realRandom, seededRandom } from '../src/base/random.js'
import type { Client, WatchOptions } from '../src/client/client.js'
import { DnsInstance } from '../src/dns/instance.js'
import { dnsLog } from '../src/dns/log.js'
import { dnsMetrics } from '../src/dns/metrics.js'
import { machineNetwork } from '../src/dns/sockets/machine.js'
import { types } from '../src/dns/wire/constants.js'
import { ownQuery } from '../src/dns/wire/reader.js'
import { MessageWriter } from '../src/dns/wire/writer.js'
import { clock, cpuSeconds, figure, rssMiB } from './processes.js'

const services = 10_000
const endpointsEach = 5
const targetRate = 15_000

/** kubeadm's, on ports of its own; what is outside comes from a hosts file, by way of the cache. */
const corefile = (host: string) => `
.:0 {
    bind ${host}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:0
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    hosts none {
        192.0.2.1 www.example.com
    }
    loadbalance
}`

const ipOf = (prefix: string, at: number) => `${prefix}.${(at >> 8) & 255}.${at & 255}`

function objects(resource: string): object[] {
  if (resource === 'namespaces') return [{ metadata: { name: 'default', uid: 'ns' } }]
  return Array.from({ length: services }, (_, at) => {
    const headless = at % 10 === 0
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' }]
    const metadata = { name: `svc-${at}`, namespace: 'default', uid: `${resource}-${at}` }
    if (resource === 'services') return { metadata, spec: { clusterIP: headless ? 'None' : ipOf('10.96', at), ports } }
    const endpoints = Array.from({ length: endpointsEach }, (__, n) => ({
      addresses: [ipOf(`10.${100 + n}`, at)],
      conditions: { ready: true },
    }))
    const labels = { 'kubernetes.io/service-name': `svc-${at}` }
    return { metadata: { ...metadata, name: `svc-${at}-x`, labels }, addressType: 'IPv4', endpoints, ports }
  })
}

/** A cluster that never changes. */
function stillClient(): Client {
  const resource = (of: { resource: string }) => ({
    of,
    async *watchBatches({ signal }: WatchOptions) {
      yield objects(of.resource).map((object) => ({ type: 'ADDED', object }))
      const annotations = { 'k8s.io/initial-events-end': 'true' }
      yield [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '1', annotations } } }]
      await clock.sleep(3_600_000, signal).catch(() => undefined)
    },
  })
  return { resource, close: () => Promise.resolve() } as unknown as Client
}

async function serve(): Promise<void> {
  const registry = new Metrics()
  const instance = new DnsInstance({
    ...{ clock, random: realRandom(), logger: silentLogger, registry },
    log: dnsLog((line) => console.error(line)),
    metrics: dnsMetrics(registry, 'bench'),
    network: machineNetwork(),
    readFile: () => '',
    cluster: stillClient,
    fail: (error) => console.error(error),
    readCorefile: () => ({ file: 'Corefile', text: corefile('127.0.0.1'), environment: () => undefined, port: 53, readFiles: () => [] }),
    banner: [],
    quiet: true,
  })
  await instance.start()
  process.send?.({ port: instance.ports[0] })
  process.once('message', () => process.exit(0))
}

/** Every kind of query that a pod makes, ready to be sent. */
function queries(): Buffer[] {
  const writer = new MessageWriter(seededRandom(1))
  const random = seededRandom(2)
  return Array.from({ length: 8_000 }, (_, id) => {
    const service = Math.floor(random.next() * services)
    const kind = random.next()
    const name =
      kind < 0.6
        ? `svc-${service}.default.svc.cluster.local.`
        : kind < 0.85
          ? `www-${service}.example.com.default.svc.cluster.local.`
          : 'www.example.com.'
    return writer.query(id, ownQuery(name, kind < 0.5 || kind >= 0.6 ? types.A : types.AAAA))
  })
}

interface Load {
  readonly port: number
  /** Under way at once, or a rate a second. */
  readonly window?: number
  readonly rate?: number
  readonly seconds: number
}

/** Answers a second, and how long each took. */
async function load({ port, window = 0, rate = 0, seconds }: Load): Promise<{ perSecond: number; p50: number; p99: number; lost: number }> {
  const packets = queries()
  const sentAtMs = new Float64Array(65_536)
  const latencies: number[] = []
  const sockets = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()))
      return socket
    }),
  )
  let sent = 0
  const send = () => {
    const id = sent % packets.length
    sentAtMs[id] = performance.now()
    sockets[sent % sockets.length]?.send(packets[id] as Buffer)
    sent++
  }
  const startedAtMs = performance.now()
  const endsAtMs = startedAtMs + seconds * 1000
  for (const socket of sockets)
    socket.on('message', (bytes) => {
      latencies.push(performance.now() - (sentAtMs[bytes.readUInt16BE(0)] as number))
      if (window > 0 && performance.now() < endsAtMs) send()
    })
  for (let at = 0; at < window; at++) send()
  while (performance.now() < endsAtMs) {
    await clock.sleep(1)
    if (rate > 0) for (const due = ((performance.now() - startedAtMs) / 1000) * rate; sent < due; ) send()
    // A packet that was lost must not leave the window smaller for good.
    if (window > 0 && sent - latencies.length < window / 2) send()
  }
  const elapsedMs = performance.now() - startedAtMs
  await clock.sleep(200)
  for (const socket of sockets) socket.close()
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { perSecond: latencies.length / (elapsedMs / 1000), p50: at(0.5), p99: at(0.99), lost: sent - latencies.length }
}

async function measure(): Promise<void> {
  // A small young generation: its collections are what the slowest answers wait for.
  const execArgv = ['--max-semi-space-size=4']
  const server = fork(process.argv[1] as string, ['server'], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { port } = await new Promise<{ port: number }>((resolve) =>
    server.once('message', (message) => resolve(message as { port: number })),
  )
  const pid = server.pid as number
  await load({ port, window: 64, seconds: 2 })
  const before = cpuSeconds(pid)
  const closed = await load({ port, window: 64, seconds: 5 })
  const used = cpuSeconds(pid) - before
  figure('dns: queries/s, 64 under way', closed.perSecond, '/s')
  figure('dns: p99 with 64 under way', closed.p99, 'ms')
  figure("dns: queries per second of the server's core", (closed.perSecond * 5) / used, '/s')
  const paced = await load({ port, rate: targetRate, seconds: 5 })
  figure(`dns: answers/s at ${targetRate} queries/s`, paced.perSecond, '/s')
  figure(`dns: p50 at ${targetRate} queries/s`, paced.p50, 'ms')
  figure(`dns: p99 at ${targetRate} queries/s`, paced.p99, 'ms')
  figure('dns: queries without an answer', closed.lost + paced.lost, '')
  figure(`dns: RSS with ${services} services`, rssMiB(pid), 'MiB')
  server.send('end')
}

void (process.argv[2] === 'server' ? serve() : measure())
