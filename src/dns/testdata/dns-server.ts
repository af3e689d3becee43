/** A server from a Corefile in this process, without sockets unless a test asks for them: queries go in as packets. */
import { decode, encode, type Packet } from 'dns-packet'
import { silentLogger } from '../../base/logger.js'
import type { Clock } from '../../base/clock.js'
import { Metrics } from '../../base/metrics.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { DnsInstance } from '../instance.js'
import { dnsLog } from '../log.js'
import { dnsMetrics } from '../metrics.js'
import type { HttpPage, Network, Serve } from '../sockets/network.js'

export interface TestDns {
  readonly instance: DnsInstance
  readonly network: FakeNetwork
  readonly log: string[]
  readonly metrics: Metrics
  readonly failed: Error[]
  /** The text of the Corefile from now on. */
  corefile: string
  readonly files: Map<string, string>
  ask(name: string, type?: string, options?: AskOptions): Promise<Reply>
  stop(): Promise<void>
}

export interface AskOptions {
  readonly transport?: 'udp' | 'tcp'
  readonly port?: number
  /** Of the OPT record; absent: none is sent. */
  readonly udpSize?: number
  readonly dnssec?: boolean
  readonly address?: string
}

export interface Reply {
  readonly packet: Packet & { readonly rcode: string; readonly flag_aa: boolean; readonly flag_ad: boolean; readonly flag_tc: boolean }
  readonly bytes: Buffer
  readonly rcode: string
  /** "name ttl TYPE data", as dig prints it. */
  readonly answers: readonly string[]
  readonly authority: readonly string[]
  readonly additional: readonly string[]
}

/** Listening is a table of functions; HTTP pages are called. */
export class FakeNetwork implements Network {
  readonly dns = new Map<string, Serve>()
  readonly pages = new Map<string, (path: string) => HttpPage | undefined>()
  readonly addresses: string[] = []
  /** Stands for other servers: the answer to a query, or undefined for silence. */
  upstream: (bytes: Buffer, to: string, transport: 'udp' | 'tcp' | 'tls') => Promise<Buffer | undefined | Error> = () => Promise.resolve(undefined)

  listen: Network['listen'] = (host, port, serve) => {
    const key = `${host}:${port}`
    if (this.dns.has(key)) return Promise.reject(new Error(`listen udp ${key}: bind: address already in use`))
    this.dns.set(key, serve)
    return Promise.resolve({
      port,
      close: () => {
        this.dns.delete(key)
        return Promise.resolve()
      },
    })
  }

  http: Network['http'] = (host, port, page) => {
    this.pages.set(`${host}:${port}`, page)
    return Promise.resolve({
      port,
      close: () => {
        this.pages.delete(`${host}:${port}`)
        return Promise.resolve()
      },
    })
  }

  httpStatus: Network['httpStatus'] = (_, port, path) => Promise.resolve(this.pages.get(`:${port}`)?.(path)?.status ?? 404)

  udp: Network['udp'] = (to, handlers) => this.#peer(`${to.host}:${to.port}`, 'udp', handlers)

  stream: Network['stream'] = (to, handlers) => this.#peer(`${to.host}:${to.port}`, to.tls ? 'tls' : 'tcp', handlers)

  localAddresses(): readonly string[] {
    return this.addresses
  }

  #peer(to: string, transport: 'udp' | 'tcp' | 'tls', { message, closed }: Parameters<Network['udp']>[1]): ReturnType<Network['udp']> {
    let open = true
    return {
      send: (bytes) => {
        void this.upstream(bytes, to, transport).then((reply) => {
          if (!open || reply === undefined) return
          if (reply instanceof Error) closed(reply)
          else message(reply)
        })
      },
      close: () => {
        open = false
      },
    }
  }
}

export interface TestDnsOptions {
  readonly clock?: Clock
  readonly client?: Client
  readonly network?: FakeNetwork
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

export async function testDns(corefile: string, options: TestDnsOptions = {}): Promise<TestDns> {
  const { clock = realClock(), client, network = new FakeNetwork(), env = {} } = options
  const lines: string[] = []
  const metrics = new Metrics()
  const failed: Error[] = []
  const files = new Map(Object.entries(options.files ?? {}))
  const read = (path: string): string => {
    const text = files.get(path)
    if (text === undefined) throw new Error(`open ${path}: no such file or directory`)
    return text
  }
  const instance = new DnsInstance({
    clock,
    random: seededRandom(7),
    logger: silentLogger,
    log: dnsLog((line) => lines.push(line)),
    registry: metrics,
    metrics: dnsMetrics(metrics, 'test'),
    network,
    readFile: read,
    cluster: () => {
      if (!client) throw new Error('no cluster in this test')
      return { ...client, resource: client.resource.bind(client), close: () => Promise.resolve() }
    },
    fail: (error) => failed.push(error),
    readCorefile: () => ({
      file: 'Corefile',
      text: test.corefile,
      environment: (name) => env[name],
      port: 53,
      readFiles: (pattern) => [...files].filter(([file]) => file === pattern).map(([file, text]) => ({ file, text })),
    }),
    banner: [],
    quiet: false,
  })
  const test: TestDns = {
    instance,
    network,
    log: lines,
    metrics,
    failed,
    corefile,
    files,
    ask: (name, type = 'A', how = {}) => askServer(network, name, type, how),
    stop: () => instance.stop({ crash: true }),
  }
  await instance.start()
  return test
}

let lastId = 0

export function queryBytes(name: string, type: string, { udpSize, dnssec }: AskOptions = {}): Buffer {
  const opt = { type: 'OPT' as const, name: '.', udpPayloadSize: udpSize ?? 1232, flags: dnssec ? 0x8000 : 0, options: [] }
  return encode({
    type: 'query',
    id: (lastId = (lastId + 1) % 65_536),
    flags: 0x100,
    questions: [{ name: name.replace(/\.$/, ''), type: type as 'A', class: 'IN' }],
    ...(udpSize === undefined && !dnssec ? {} : { additionals: [opt as never] }),
  })
}

async function askServer(network: FakeNetwork, name: string, type: string, how: AskOptions): Promise<Reply> {
  const { transport = 'udp', port = 53, address = '10.9.9.9' } = how
  const serve = network.dns.get(`:${port}`)
  if (!serve) throw new Error(`nobody listens on port ${port}`)
  const bytes = await new Promise<Buffer>((resolve) => serve(queryBytes(name, type, how), { transport, address, port: 40_000 }, resolve))
  return replyOf(bytes)
}

export function replyOf(bytes: Buffer): Reply {
  const packet = decode(bytes) as unknown as Reply['packet']
  const text = (section: readonly unknown[] | undefined) => (section ?? []).filter((each) => (each as { type: string }).type !== 'OPT').map(recordText)
  return {
    packet,
    bytes,
    rcode: packet.rcode,
    answers: text(packet.answers),
    authority: text(packet.authorities),
    additional: text(packet.additionals),
  }
}

function recordText(record: unknown): string {
  const { name, ttl, type, data } = record as { name: string; ttl: number; type: string; data: unknown }
  return `${name}. ${ttl} ${type} ${dataText(type, data)}`
}

function dataText(type: string, data: unknown): string {
  if (type === 'SRV') {
    const { priority = 0, weight = 0, port, target } = data as { priority?: number; weight?: number; port: number; target: string }
    return `${priority} ${weight} ${port} ${target}.`
  }
  if (type === 'SOA') {
    const soa = data as { mname: string; rname: string; minimum: number }
    return `${soa.mname}. ${soa.rname}. ${soa.minimum}`
  }
  if (type === 'MX') return `${(data as { preference: number }).preference} ${(data as { exchange: string }).exchange}.`
  if (type === 'TXT') return ([data].flat() as (string | Buffer)[]).map((each) => JSON.stringify(each.toString())).join(' ')
  if (type === 'HINFO') return `${(data as { cpu: string }).cpu} ${(data as { os: string }).os}`
  return ['CNAME', 'PTR', 'NS', 'DNAME'].includes(type) ? `${String(data)}.` : String(data)
}
