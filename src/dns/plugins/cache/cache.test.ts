import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.js'
import { FakeNetwork, type TestDns, testDns } from '../../testdata/dns-server.js'
import { asked, type UpstreamAnswer, upstreamReply } from '../../testdata/upstream.js'

const clock = new VirtualClock()
let network: FakeNetwork
let dns: TestDns
/** What was asked of the upstream. */
let questions: string[]
let answer: (name: string, type: string) => UpstreamAnswer | undefined

beforeEach(() => {
  network = new FakeNetwork()
  questions = []
  answer = (name) => ({ answers: [`${name} 100 A 192.0.2.${questions.length}`] })
  network.upstream = (bytes) => {
    const { name, type } = asked(bytes)
    questions.push(`${name} ${type}`)
    const reply = answer(name, type)
    return Promise.resolve(reply && upstreamReply(bytes, reply))
  }
})

afterEach(() => dns.stop())

async function start(cache: string): Promise<void> {
  dns = await testDns(`. {\n forward . 10.0.0.53\n ${cache}\n}`, { clock, network })
}

describe('answers are kept', () => {
  it('for their time to live, and given out with what is left of it', async () => {
    await start('cache')
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 100 A 192.0.2.1'])
    await clock.advance(40_000)
    const kept = await dns.ask('A.test')
    expect(kept.answers).toEqual(['A.test. 60 A 192.0.2.1'])
    expect(kept.packet.flag_aa).toBe(true)
    await clock.advance(60_000)
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 100 A 192.0.2.2'])
    expect(questions).toHaveLength(2)
  })

  it('at most for the time of the Corefile, which the first answer says too; at least for five seconds', async () => {
    await start('cache 30')
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 30 A 192.0.2.1'])
    answer = (name) => ({ answers: [`${name} 0 A 192.0.2.9`] })
    await dns.ask('b.test')
    await clock.advance(4_000)
    expect((await dns.ask('b.test')).answers).toEqual(['b.test. 1 A 192.0.2.9'])
    expect(questions).toHaveLength(2)
  })

  it('apart for each type and for DNSSEC', async () => {
    await start('cache')
    await dns.ask('a.test', 'A')
    await dns.ask('a.test', 'AAAA')
    await dns.ask('a.test', 'A', { dnssec: true })
    await dns.ask('a.test', 'A', { dnssec: true })
    expect(questions).toEqual(['a.test A', 'a.test AAAA', 'a.test A'])
  })

  it('in the zones of the Corefile, and not where it is switched off', async () => {
    await start('cache 30 in.test {\n disable success off.in.test\n }')
    for (const name of ['out.test', 'out.test', 'x.in.test', 'x.in.test', 'off.in.test', 'off.in.test']) await dns.ask(name)
    expect(questions).toEqual(['out.test A', 'out.test A', 'x.in.test A', 'off.in.test A', 'off.in.test A'])
  })

  it('with AD only for who asked for DNSSEC', async () => {
    await start('cache')
    answer = (name) => ({ answers: [`${name} 100 A 192.0.2.1`], flags: 0xa0 })
    for (const dnssec of [false, false, true, true]) expect((await dns.ask('a.test', 'A', { dnssec })).packet.flag_ad).toBe(dnssec)
  })

  it('no more than there is room for', async () => {
    await start('cache {\n success 2\n }')
    for (const name of ['a', 'b', 'c', 'b', 'c', 'a']) await dns.ask(`${name}.test`)
    expect(questions.map((each) => each[0]).join('')).toBe('abca')
    expect(dns.metrics.text()).toMatch(/coredns_cache_evictions_total\{server="dns:\/\/:53",type="success",zones=".",view=""\} 2/)
  })
})

describe('absence is kept (RFC 2308)', () => {
  const soa = 'test 300 SOA ns.test h.test 20'

  it.each([
    ['NXDOMAIN', 3],
    ['NOERROR', 0],
  ])('%s for the minimum of the SOA', async (rcode, code) => {
    await start('cache')
    answer = () => ({ rcode: code, authorities: [soa] })
    expect((await dns.ask('a.test')).rcode).toBe(rcode)
    await clock.advance(19_000)
    expect(await dns.ask('a.test')).toMatchObject({ rcode, authority: ['test. 1 SOA ns.test. h.test. 20'] })
    await clock.advance(1_000)
    await dns.ask('a.test')
    expect(questions).toHaveLength(2)
  })

  it('without an SOA nothing says for how long: not kept', async () => {
    await start('cache')
    answer = () => ({ rcode: 3 })
    await dns.ask('a.test')
    await dns.ask('a.test')
    expect(questions).toHaveLength(2)
  })

  it('SERVFAIL for five seconds, REFUSED not at all', async () => {
    await start('cache')
    answer = () => ({ rcode: 2 })
    for (let n = 0; n < 3; n++) await dns.ask('a.test')
    expect(questions).toHaveLength(1)
    await clock.advance(5_000)
    await dns.ask('a.test')
    expect(questions).toHaveLength(2)
    answer = () => ({ rcode: 5 })
    for (let n = 0; n < 2; n++) await dns.ask('b.test')
    expect(questions).toHaveLength(4)
  })

  it('ends with a positive answer', async () => {
    await start('cache')
    answer = () => ({ rcode: 3, authorities: [soa] })
    await dns.ask('a.test')
    answer = (name) => ({ answers: [`${name} 100 A 192.0.2.7`] })
    await clock.advance(20_000)
    expect((await dns.ask('a.test')).answers).toHaveLength(1)
    expect((await dns.ask('a.test')).answers).toHaveLength(1)
  })
})

describe('what is not a whole answer is not kept', () => {
  it.each<[string, UpstreamAnswer]>([
    ['truncated', { truncated: true, answers: ['a.test 100 A 192.0.2.1'] }],
    ['an alias that leads to nothing', { answers: [{ name: 'a.test', ttl: 100, type: 'CNAME', data: 'b.test' }] }],
  ])('%s', async (_, reply) => {
    await start('cache')
    answer = () => reply
    await dns.ask('a.test')
    await dns.ask('a.test')
    expect(questions).toHaveLength(2)
  })
})

describe('refinements', () => {
  it('prefetch: a popular name is fetched before its end', async () => {
    await start('cache 100 {\n prefetch 2 1m 10%\n }')
    await dns.ask('a.test')
    for (let n = 0; n < 3; n++) {
      await clock.advance(30_500)
      await dns.ask('a.test')
    }
    expect(questions).toHaveLength(2)
    await clock.advance(9_000)
    expect((await dns.ask('a.test')).answers[0]).toMatch(/ A 192\.0\.2\.2$/)
    expect(questions).toHaveLength(2)
  })

  it('serve_stale: past its end an answer is given with no time left while it is fetched', async () => {
    await start('cache {\n serve_stale 1h\n }')
    await dns.ask('a.test')
    await clock.advance(200_000)
    answer = () => ({ rcode: 2 })
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 0 A 192.0.2.1'])
    answer = (name) => ({ answers: [`${name} 100 A 192.0.2.9`] })
    await clock.advance(0)
    await dns.ask('a.test')
    await clock.advance(0)
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 100 A 192.0.2.9'])
  })

  it('serve_stale verify: the old answer only when there is no new one', async () => {
    await start('cache {\n serve_stale 1h verify\n }')
    await dns.ask('a.test')
    await clock.advance(200_000)
    answer = () => ({ rcode: 2 })
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 0 A 192.0.2.1'])
    answer = (name) => ({ answers: [`${name} 100 A 192.0.2.9`] })
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 100 A 192.0.2.9'])
  })

  it('keepttl: the time is given out as it came', async () => {
    await start('cache {\n keepttl\n }')
    await dns.ask('a.test')
    await clock.advance(50_000)
    expect((await dns.ask('a.test')).answers).toEqual(['a.test. 100 A 192.0.2.1'])
  })

  it.each([
    ['cache 0', 'cache TTL can not be zero or negative: 0'],
    ['cache {\n shiny\n}', "unknown property 'shiny'"],
    ['cache {\n prefetch 1 1m 10\n}', 'last character of percentage should be `%`'],
    ['cache\ncache', '"cache" can only be specified once in each server block'],
    ['cache {\n servfail 10m\n}', 'caching SERVFAIL responses over 5 minutes is not permitted'],
  ])('%j is refused', async (text, message) => {
    await start('cache')
    await expect(testDns(`. {\n${text}\n}`)).rejects.toThrow(message)
  })
})
