import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.js'
import { FakeNetwork, type TestDns, type TestDnsOptions, testDns } from '../../testdata/dns-server.js'
import { asked, upstreamReply } from '../../testdata/upstream.js'

let clock: VirtualClock
let network: FakeNetwork
let dns: TestDns | undefined
/** "SERVER TRANSPORT NAME" of each query. */
let seen: string[]

beforeEach(() => {
  clock = new VirtualClock()
  network = new FakeNetwork()
  seen = []
  serve(() => ({}))
})

afterEach(async () => {
  await dns?.stop()
  dns = undefined
})

type How = { rcode?: number; truncated?: boolean; question?: string; id?: number } | Error | undefined

function serve(how: (to: string, transport: string, name: string) => How): void {
  network.upstream = (bytes, to, transport) => {
    const { name } = asked(bytes)
    seen.push(`${to} ${transport} ${name || '.'}`)
    const reply = how(to, transport, name)
    if (reply === undefined || reply instanceof Error) return Promise.resolve(reply)
    return Promise.resolve(upstreamReply(bytes, { answers: reply.rcode ? [] : [`${name} 60 A ${to.split(':')[0]}`], ...reply }))
  }
}

async function start(text: string, options: TestDnsOptions = {}): Promise<TestDns> {
  dns = await testDns(`. {\nerrors\n${text}\n}`, { clock, network, ...options })
  return dns
}

const queriesFor = (name: string) => seen.filter((each) => each.endsWith(` ${name}`))

describe('the answer of an upstream', () => {
  it('is given back as it came, with RA and without AA', async () => {
    const server = await start('forward . 10.0.0.53')
    const reply = await server.ask('www.example.com', 'A', { udpSize: 1232 })
    expect(reply.answers).toEqual(['www.example.com. 60 A 10.0.0.53'])
    expect(reply.packet).toMatchObject({ flag_ra: true, flag_aa: false })
    expect(seen).toEqual(['10.0.0.53:53 udp www.example.com'])
  })

  it('to another question or with another id is not taken', async () => {
    let n = 0
    serve(() => (n++ === 0 ? { question: 'evil.example' } : {}))
    const server = await start('forward . 10.0.0.53')
    const reply = server.ask('www.example.com')
    await clock.advance(2_000)
    expect((await reply).answers).toEqual(['www.example.com. 60 A 10.0.0.53'])
    expect(queriesFor('www.example.com')).toHaveLength(2)
  })

  it('with a code is the answer', async () => {
    serve(() => ({ rcode: 3 }))
    const server = await start('forward . 10.0.0.53')
    expect((await server.ask('no.example.com')).rcode).toBe('NXDOMAIN')
  })

  it('that never comes is SERVFAIL, and says why in the log', async () => {
    serve(() => undefined)
    const server = await start('forward . 10.0.0.53')
    const reply = server.ask('www.example.com')
    await clock.advance(6_000)
    expect((await reply).rcode).toBe('SERVFAIL')
    expect(server.log.join('\n')).toContain('[ERROR] plugin/errors: 2 www.example.com. A: read udp 10.0.0.53:53: i/o timeout')
  })
})

describe('which names', () => {
  it('are forwarded: those of the zone but for the exceptions; the others go on', async () => {
    const server = await start('forward example.com 10.0.0.1 {\n except internal.example.com\n}\nforward . 10.0.0.2')
    await server.ask('a.example.com')
    await server.ask('x.internal.example.com')
    await server.ask('b.test')
    expect(seen).toEqual(['10.0.0.1:53 udp a.example.com', '10.0.0.2:53 udp x.internal.example.com', '10.0.0.2:53 udp b.test'])
  })
})

describe('transports', () => {
  it("are the client's own", async () => {
    const server = await start('forward . 10.0.0.1')
    await server.ask('a.test', 'A', { transport: 'tcp' })
    await server.ask('b.test')
    expect(seen).toEqual(['10.0.0.1:53 tcp a.test', '10.0.0.1:53 udp b.test'])
  })

  it('force_tcp; prefer_udp, with TCP for what was cut; TLS', async () => {
    let server = await start('forward . 10.0.0.1 {\n force_tcp\n}')
    await server.ask('a.test')
    await server.stop()
    serve((_, transport) => ({ truncated: transport === 'udp' }))
    server = await start('forward . 10.0.0.1 {\n prefer_udp\n}')
    expect((await server.ask('b.test', 'A', { transport: 'tcp' })).packet.flag_tc).toBe(false)
    await server.stop()
    server = await start('forward . tls://10.0.0.1 tls://10.0.0.1:8853 {\n tls_servername dns.test\n policy sequential\n}')
    await server.ask('c.test')
    expect(seen).toEqual(['10.0.0.1:53 tcp a.test', '10.0.0.1:53 udp b.test', '10.0.0.1:53 tcp b.test', '10.0.0.1:853 tls c.test'])
  })

  it('a connection that was closed meanwhile is opened again', async () => {
    const server = await start('forward . 10.0.0.1 {\n force_tcp\n}')
    await server.ask('a.test')
    let n = 0
    serve(() => (n++ === 0 ? new Error('closed') : {}))
    expect((await server.ask('b.test')).rcode).toBe('NOERROR')
  })
})

describe('several upstreams', () => {
  const servers = '10.0.0.1 10.0.0.2 10.0.0.3'

  it('round_robin takes turns, sequential does not, random spreads', async () => {
    for (const [policy, count] of [
      ['round_robin', 3],
      ['sequential', 1],
      ['random', 3],
    ] as const) {
      seen = []
      const server = await start(`forward . ${servers} {\n policy ${policy}\n}`)
      for (let n = 0; n < 12; n++) await server.ask(`n${n}.test`)
      expect([policy, new Set(seen.map((each) => each.split(' ')[0])).size]).toEqual([policy, count])
      await server.stop()
    }
  })

  it('that fails is passed over at once, checked until it is well, and asked again', async () => {
    let isDown = true
    serve((to) => (to.startsWith('10.0.0.1') && isDown ? new Error('connect: connection refused') : {}))
    const server = await start(`forward . ${servers} {\n policy sequential\n max_fails 2\n health_check 1s\n}`)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 60 A 10.0.0.2'])
    await clock.advance(3_000)
    seen = []
    await server.ask('b.test')
    expect(queriesFor('b.test')).toEqual(['10.0.0.2:53 udp b.test'])
    isDown = false
    await clock.advance(1_000)
    seen = []
    await server.ask('c.test')
    expect(queriesFor('c.test')).toEqual(['10.0.0.1:53 udp c.test'])
    await clock.advance(10_000)
    expect(queriesFor('.')).toEqual([])
    expect(server.metrics.text()).toMatch(/coredns_proxy_healthcheck_failures_total\{proxy_name="forward",to="10.0.0.1:53"\} [34]/)
  })

  it('all down: the checks are taken for broken and one is asked anyway, or none with failfast', async () => {
    serve(() => new Error('refused'))
    let server = await start(`forward . ${servers} {\n max_fails 1\n}`)
    await server.ask('a.test')
    await clock.advance(3_000)
    seen = []
    await server.ask('b.test')
    expect(queriesFor('b.test').length).toBeGreaterThan(0)
    await server.stop()
    server = await start(`forward . ${servers} {\n max_fails 1\n failfast_all_unhealthy_upstreams\n}`)
    await server.ask('c.test')
    await clock.advance(3_000)
    seen = []
    expect((await server.ask('d.test')).rcode).toBe('SERVFAIL')
    expect(queriesFor('d.test')).toEqual([])
  })

  it('failover: some codes are not taken for an answer while there is another server', async () => {
    serve((to) => (to.startsWith('10.0.0.1') ? { rcode: 5 } : {}))
    const server = await start(`forward . ${servers} {\n policy sequential\n failover REFUSED SERVFAIL\n}`)
    expect((await server.ask('a.test')).answers).toEqual(['a.test. 60 A 10.0.0.2'])
  })
})

describe('limits', () => {
  it('max_concurrent: more is refused', async () => {
    serve(() => undefined)
    const server = await start('forward . 10.0.0.1 {\n max_concurrent 2\n}')
    const waiting = [server.ask('a.test'), server.ask('b.test')]
    await clock.advance(0)
    expect((await server.ask('c.test')).rcode).toBe('REFUSED')
    expect(server.log.join('\n')).toContain('concurrent queries exceeded maximum 2')
    await clock.advance(10_000)
    await Promise.all(waiting)
    expect(server.metrics.text()).toContain('coredns_forward_max_concurrent_rejects_total 1')
  })
})

describe('where to', () => {
  it('may be a resolv.conf, whose servers are used', async () => {
    const files = { '/etc/resolv.conf': '# x\nsearch a b\nnameserver 10.0.0.7\nnameserver fd00::7\nnameserver nonsense\n' }
    const server = await start('forward . /etc/resolv.conf {\n policy round_robin\n}', { files })
    await server.ask('a.test')
    await server.ask('b.test')
    expect(seen).toEqual(['10.0.0.7:53 udp a.test', 'fd00::7:53 udp b.test'])
  })

  it('may have a port', async () => {
    const server = await start('forward . dns://10.0.0.1:5300 [fd00::1]:54 {\n policy sequential\n}')
    await server.ask('a.test')
    expect(seen).toEqual(['10.0.0.1:5300 udp a.test'])
  })

  it.each([
    ['forward . example.com', 'not an IP address or file: "example.com"'],
    ['forward .', "Wrong argument count or unexpected line ending after 'forward'"],
    ['forward . https://10.0.0.1', "unsupported scheme 'https'"],
    ['forward . 10.0.0.1 {\n polcy random\n}', "unknown property 'polcy'"],
    ['forward . 10.0.0.1 {\n policy best\n}', "unknown policy 'best'"],
    ['forward . 10.0.0.1 {\n next NXDOMAIN\n}', "the property 'next' is known to CoreDNS but not implemented"],
    ['forward . 10.0.0.1\nforward . 10.0.0.2', 'the zone . is forwarded already'],
    ['forward . /etc/resolv.conf', 'no nameservers found in /etc/resolv.conf'],
  ])('%j is refused', async (text, message) => {
    await expect(start(text, { files: { '/etc/resolv.conf': 'search a\n' } })).rejects.toThrow(`plugin/forward: Corefile:`)
    await expect(start(text, { files: { '/etc/resolv.conf': 'search a\n' } })).rejects.toThrow(message)
  })
})
