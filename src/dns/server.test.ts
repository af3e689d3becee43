/** What the server does whatever its plugins are: routing by zone, refusals, damaged packets. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryBytes, replyOf, type TestDns, testDns } from './testdata/dns-server.js'

const answers = (ip: string) => `template IN ANY {\n answer "{{ .Name }} 60 IN A ${ip}"\n }`

let dns: TestDns

beforeAll(async () => {
  dns = await testDns(`
    example.org other.test:5353 {
        ${answers('10.0.0.1')}
        prometheus :9153
        log
    }
    deep.example.org {
        ${answers('10.0.0.2')}
    }
    10.0.0.0/24 {
        template IN PTR {
            answer "{{ .Name }} 60 IN PTR found.test."
        }
    }
    .:5353 {
        ${answers('10.0.0.3')}
    }
    empty.test {
    }`)
})

afterAll(() => dns.stop())

const raw = (bytes: Buffer): Promise<Buffer | undefined> =>
  new Promise((resolve) => {
    dns.network.dns.get(':53')?.(bytes, { transport: 'udp', address: '10.9.9.9', port: 4000 }, resolve)
    setImmediate(() => resolve(undefined))
  })

describe('queries go to the longest zone of the port', () => {
  it.each([
    ['example.org', 53, '10.0.0.1'],
    ['a.b.EXAMPLE.org', 53, '10.0.0.1'],
    ['deep.example.org', 53, '10.0.0.2'],
    ['x.deep.example.org', 53, '10.0.0.2'],
    ['notdeep.example.org', 53, '10.0.0.1'],
    ['x.other.test', 5353, '10.0.0.1'],
    ['anything.at.all', 5353, '10.0.0.3'],
  ])('%s on port %i', async (name, port, ip) => {
    expect((await dns.ask(name, 'A', { port })).answers).toEqual([`${name}. 60 A ${ip}`])
  })

  it('and are refused where there is none', async () => {
    for (const name of ['org', 'myexample.org', '.', 'other.test']) {
      const reply = await dns.ask(name)
      expect([reply.rcode, reply.packet.flag_aa, reply.answers]).toEqual(['REFUSED', false, []])
    }
    expect(dns.metrics.text()).toContain(
      'coredns_dns_requests_total{server="dns://:53",zone="dropped",view="",proto="udp",family="1",type="A"} 4',
    )
  })

  it('also to the reverse zone of a network', async () => {
    expect((await dns.ask('7.0.0.10.in-addr.arpa', 'PTR')).answers).toEqual(['7.0.0.10.in-addr.arpa. 60 PTR found.test.'])
    expect((await dns.ask('7.1.0.10.in-addr.arpa', 'PTR')).rcode).toBe('REFUSED')
  })

  it('a block without plugins fails', async () => {
    expect((await dns.ask('a.empty.test')).rcode).toBe('SERVFAIL')
  })

  it('one zone on one port twice is a fault that names the place', async () => {
    await expect(testDns('a.test {\n}\nb.test a.test {\n}')).rejects.toThrow(
      'Corefile:3 - Error during parsing: cannot serve dns://a.test.:53 - it is already defined',
    )
  })
})

describe('refusals', () => {
  it('of zone transfers, other classes and unknown versions of EDNS', async () => {
    for (const type of ['AXFR', 'IXFR']) expect((await dns.ask('example.org', type, { transport: 'tcp' })).rcode).toBe('REFUSED')
    const chaos = queryBytes('example.org', 'TXT')
    chaos.writeUInt16BE(3, chaos.length - 2)
    expect(replyOf((await raw(chaos)) as Buffer).rcode).toBe('REFUSED')
    const edns = queryBytes('example.org', 'A', { udpSize: 1232 })
    edns[edns.length - 5] = 1
    const reply = (await raw(edns)) as Buffer
    // BADVERS is 16: its upper bits are in the OPT record.
    expect([(reply[3] as number) & 15, reply[reply.length - 6]]).toEqual([0, 1])
  })

  it('of what is no query: by code, or in silence', async () => {
    const good = queryBytes('example.org', 'A')
    expect(await raw(good.subarray(0, 5))).toBeUndefined()
    const reply = Buffer.from(good)
    reply[2] = 0x81
    expect(await raw(reply)).toBeUndefined()
    expect((((await raw(good.subarray(0, 20))) as Buffer)[3] as number) & 15).toBe(1)
    const update = Buffer.from(good)
    update[2] = 0x28
    expect((((await raw(update)) as Buffer)[3] as number) & 15).toBe(4)
  })

  it('no packet at all ends the server', async () => {
    const good = queryBytes('www.example.org', 'A', { udpSize: 4096 })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(good.length), async (noise, at) => {
        await raw(Buffer.from(noise))
        await raw(Buffer.concat([good.subarray(0, at), noise]))
      }),
      { numRuns: 500 },
    )
    expect((await dns.ask('example.org')).answers).toHaveLength(1)
    expect(dns.metrics.text()).toContain('coredns_panics_total 0')
  })
})

describe('what is told of an answer', () => {
  it("is a line in CoreDNS's format and its metrics", async () => {
    dns.log.length = 0
    await dns.ask('Log.example.org', 'A', { udpSize: 1232, transport: 'tcp', address: 'fd00::9' })
    expect(dns.log[0]).toMatch(
      /^\[INFO\] \[fd00::9\]:40000 - \d+ "A IN log\.example\.org\. tcp 44 false 1232" NOERROR qr,aa,rd 60 0\.\d{9}s$/,
    )
    const text = dns.metrics.text()
    expect(text).toContain('coredns_dns_requests_total{server="dns://:53",zone="example.org.",view="",proto="tcp",family="2",type="A"} 1')
    expect(text).toMatch(
      /coredns_dns_responses_total\{server="dns:\/\/:53",zone="example.org.",view="",rcode="NOERROR",plugin="template"\} \d+/,
    )
    expect(text).toContain('coredns_plugin_enabled{server="dns://:53",zone="example.org.",view="",name="log"} 1')
  })
})
