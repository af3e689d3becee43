/** The life of a server: start, readiness, change of the Corefile, loops, end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import { FakeNetwork, type TestDns, type TestDnsOptions, testDns } from './testdata/dns-server.js'

let clock: VirtualClock
let network: FakeNetwork
let dns: TestDns | undefined

beforeEach(() => {
  clock = new VirtualClock()
  network = new FakeNetwork()
})

afterEach(async () => {
  await dns?.stop()
  dns = undefined
})

async function start(corefile: string, options: TestDnsOptions = {}): Promise<TestDns> {
  dns = await testDns(corefile, { clock, network, ...options })
  return dns
}

const answer = (ip: string) => `template IN A {\n answer "{{ .Name }} 1 A ${ip}"\n}`
const page = (address: string, path: string) => network.pages.get(address)?.(path)

describe('a Corefile', () => {
  it.each([
    ['. {\n kuberntes cluster.local\n}', "Corefile:2 - Error during parsing: Unknown directive 'kuberntes'"],
    ['. {\n dnssec\n}', "Corefile:2 - Error during parsing: the plugin 'dnssec' is known to CoreDNS but not implemented by Quorate"],
    ['', 'Corefile:1 - Error during parsing: there is no server block'],
    ['. {\n health {\n lame 5s\n }\n}', "plugin/health: Corefile:3 - Error during parsing: unknown property 'lame'"],
    ['. {\n log {\n class some\n }\n}', "plugin/log: Corefile:3 - Error during parsing: unknown class 'some'"],
    ['. {\n loadbalance weighted\n}', "the policy 'weighted' is not implemented"],
    ['. {\n reload 1s\n}', 'interval value must be greater or equal to 2s'],
    ['. {\n bind eth0\n}', 'not a valid IP address: eth0'],
  ])('%j is refused, and nothing listens', async (text, message) => {
    await expect(start(text)).rejects.toThrow(message)
    expect([network.dns.size, network.pages.size]).toEqual([0, 0])
  })

  it("has CoreDNS's order of plugins, whatever the order of its lines", async () => {
    const server = await start('. {\n forward . 10.0.0.1\n hosts {\n 10.0.0.5 a.test\n}\n rewrite name b.test a.test\n errors\n}')
    expect((await server.ask('b.test')).answers).toEqual(['b.test. 3600 A 10.0.0.5'])
  })
})

describe('reload', () => {
  const corefile = (ip: string, more = '') => `. {\n reload 4s 2s\n health\n${answer(ip)}\n${more}\n}`

  it('takes a changed Corefile over while it listens', async () => {
    const server = await start(corefile('10.0.0.1'))
    const before = network.dns.get(':53')
    server.corefile = `${corefile('10.0.0.2')}\nother.test:5353 {\n${answer('10.0.0.3')}\n}`
    await clock.advance(6_000)
    expect(network.dns.get(':53')).toBe(before)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.2'])
    expect((await server.ask('other.test', 'A', { port: 5353 })).answers).toHaveLength(1)
    expect(page(':8080', '/health')).toMatchObject({ status: 200, body: 'OK' })
    expect(server.log.filter((line) => /Reloading|SHA512/.test(line))).toEqual([
      expect.stringMatching(/^\[INFO\] plugin\/reload: Running configuration SHA512 = [0-9a-f]{128}$/),
      '[INFO] Reloading',
      expect.stringMatching(/^\[INFO\] plugin\/reload: Running configuration SHA512 = [0-9a-f]{128}$/),
      '[INFO] Reloading complete',
    ])
    server.corefile = corefile('10.0.0.4', 'log')
    await clock.advance(6_000)
    expect(network.dns.has(':5353')).toBe(false)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.4'])
  })

  it.each([
    ['a fault', '. {\n reload 4s 2s\n nonsense\n}', "Unknown directive 'nonsense'"],
    ['a port that is taken', '. {\n reload 4s 2s\n}\n.:99 {\n}', 'listen udp :99: bind: address already in use'],
  ])('leaves all as it is on %s, and says so once', async (_, bad, why) => {
    const server = await start(corefile('10.0.0.1'))
    network.dns.set(':99', () => undefined)
    server.corefile = bad
    await clock.advance(30_000)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.1'])
    const errors = server.log.filter((line) => line.startsWith('[ERROR]'))
    expect(errors).toEqual([expect.stringContaining('[ERROR] plugin/reload: Corefile changed but reload failed: ')])
    expect(errors[0]).toContain(why)
    expect(server.metrics.text()).toMatch(/coredns_reload_failed_total [1-9]/)
    server.corefile = corefile('10.0.0.9')
    await clock.advance(6_000)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.9'])
  })

  it('sees a change of what is imported', async () => {
    const server = await start('. {\n reload 4s 2s\n import more\n}', { files: { more: answer('10.0.0.1') } })
    server.files.set('more', answer('10.0.0.2'))
    await clock.advance(6_000)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.2'])
  })

  it('off, or not there: nothing is looked at', async () => {
    const server = await start(`. {\n reload off\n${answer('10.0.0.1')}\n}`)
    server.corefile = `. {\n${answer('10.0.0.2')}\n}`
    await clock.advance(120_000)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 1 A 10.0.0.1'])
  })
})

describe('loop', () => {
  const forwards = '. {\n loop\n forward . 10.0.0.53\n}'

  it('ends the process and names the loop', async () => {
    // The upstream sends everything back to this server, as a resolv.conf with a local resolver does.
    network.upstream = (bytes) =>
      new Promise((resolve) =>
        setImmediate(() => network.dns.get(':53')?.(bytes, { transport: 'udp', address: '127.0.0.1', port: 55_953 }, resolve)),
      )
    const server = await start(forwards)
    await clock.advance(1_000)
    expect(server.failed[0]?.message).toMatch(
      /^plugin\/loop: Loop \(127\.0\.0\.1:55953 -> :53\) detected for zone "\.", see https:\/\/coredns\.io\/plugins\/loop#troubleshooting\. Query: "HINFO \d+\.\d+\."$/,
    )
    expect(server.log).toContainEqual(expect.stringContaining('[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone "."'))
    expect(server.failed).toHaveLength(1)
  })

  it('is none when an upstream answers, and after that nothing is watched', async () => {
    network.upstream = (bytes, to) =>
      to === '127.0.0.1:53'
        ? new Promise((resolve) => network.dns.get(':53')?.(bytes, { transport: 'udp', address: '127.0.0.1', port: 1 }, resolve))
        : Promise.resolve(Buffer.concat([bytes.subarray(0, 2), Buffer.from([0x81, 0x83]), bytes.subarray(4)]))
    const server = await start(forwards)
    await clock.advance(5_000)
    expect(server.failed).toEqual([])
  })
})

describe('probes', () => {
  it('/ready names the plugins that are not ready, and stays ready once it was', async () => {
    const never = {
      resource: () => ({
        list: () => new Promise(() => undefined),
        watchBatches: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
      }),
    }
    const starting = start('. {\n ready\n kubernetes cluster.local\n}', { client: never as never })
    await clock.advance(5_000)
    await starting
    expect(page(':8181', '/ready')).toMatchObject({ status: 503, body: 'kubernetes' })
    expect(page(':8181', '/other')).toBeUndefined()
  })

  it('/ready is 503 while the server waits for its end, and /health is not', async () => {
    const server = await start(`. {\n ready\n health {\n lameduck 5s\n}\n${answer('10.0.0.1')}\n}`)
    expect(page(':8181', '/ready')).toMatchObject({ status: 200, body: 'OK' })
    const stopping = server.instance.stop()
    await clock.advance(4_000)
    expect(page(':8181', '/ready')).toMatchObject({ status: 503 })
    expect(page(':8080', '/health')).toMatchObject({ status: 200 })
    expect((await server.ask('a.test')).answers).toHaveLength(1)
    await clock.advance(1_000)
    await stopping
    expect([network.dns.size, network.pages.size]).toEqual([0, 0])
  })

  it('addresses of server blocks may be shared', async () => {
    await start('a.test {\n health\n ready\n prometheus :9153\n}\nb.test {\n health\n ready\n prometheus :9153\n}')
    expect([...network.pages.keys()].sort()).toEqual([':8080', ':8181', ':9153'])
    expect(page(':9153', '/metrics')?.body).toContain('coredns_build_info{version="test"')
  })
})
