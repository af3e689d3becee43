import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeNetwork, type TestDns, testDns } from '../../testdata/dns-server.js'
import { asked, type UpstreamAnswer, upstreamReply } from '../../testdata/upstream.js'

let network: FakeNetwork
let dns: TestDns | undefined
let seen: string[]
let answer: (name: string, type: string) => UpstreamAnswer

beforeEach(() => {
  network = new FakeNetwork()
  seen = []
  answer = (name, type) => ({ answers: type === 'A' ? [`${name} 60 A 10.0.0.1`] : [] })
  network.upstream = (bytes) => {
    const { name, type } = asked(bytes)
    seen.push(`${name} ${type}`)
    return Promise.resolve(upstreamReply(bytes, answer(name, type)))
  }
})

afterEach(() => dns?.stop())

async function ask(rules: string, name: string, type = 'A') {
  dns = await testDns(`. {\n${rules}\nforward . 10.0.0.53\n}`, { network })
  return dns.ask(name, type)
}

describe('names', () => {
  it.each([
    ['name a.test b.test', 'a.test', 'b.test'],
    ['name exact A.test b.test', 'a.TEST', 'b.test'],
    ['name prefix old- new-', 'old-x.test', 'new-x.test'],
    ['name suffix .old.test .new.test', 'x.old.test', 'x.new.test'],
    ['name substring mid other', 'a.mid.test', 'a.other.test'],
    ['name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul', 'ftp-us-west-1.example.org', 'ftp.service.us-west-1.consul'],
    ['name a.test b.test', 'xa.test', 'xa.test'],
  ])('rewrite %s', async (rule, name, asks) => {
    await ask(`rewrite ${rule}`, name)
    expect(seen).toEqual([`${asks} A`])
  })

  it('of a whole match are turned back in the answer, in the case of the client', async () => {
    answer = () => ({ answers: ['b.test 60 CNAME c.test', 'c.test 60 A 10.0.0.1'] })
    expect((await ask('rewrite name a.test b.test', 'A.test')).answers).toEqual(['A.test. 60 CNAME c.test.', 'c.test. 60 A 10.0.0.1'])
  })

  it('of a suffix are turned back only when the rule says so', async () => {
    expect((await ask('rewrite name suffix .old.test .new.test', 'x.old.test')).answers).toEqual(['x.new.test. 60 A 10.0.0.1'])
    await dns?.stop()
    answer = (name) => ({ answers: [`${name} 60 CNAME y.new.test`, 'y.new.test 60 A 10.0.0.1'] })
    expect((await ask('rewrite name suffix .old.test .new.test answer auto', 'x.old.test')).answers).toEqual([
      'x.old.test. 60 CNAME y.old.test.',
      'y.old.test. 60 A 10.0.0.1',
    ])
  })

  it('of an answer by rules of their own, in braces', async () => {
    const rule = `rewrite stop {
      name regex (.*)-(us-west-1)\\.coredns\\.rocks {1}.service.{2}.consul
      answer name (.*)\\.service\\.(us-west-1)\\.consul {1}-{2}.coredns.rocks
    }`
    expect((await ask(rule, 'ftp-us-west-1.coredns.rocks')).answers).toEqual(['ftp-us-west-1.coredns.rocks. 60 A 10.0.0.1'])
  })

  it('that records point at, by value', async () => {
    answer = (name) => ({ answers: [`${name} 60 PTR ftp.service.consul`] })
    const rule = 'rewrite stop {\nname suffix .arpa .arpa\nanswer name auto\nanswer value (.*)\\.service\\.consul\\. {1}.coredns.rocks.\n}'
    expect((await ask(rule, '1.0.0.10.in-addr.arpa', 'PTR')).answers).toEqual(['1.0.0.10.in-addr.arpa. 60 PTR ftp.coredns.rocks.'])
  })

  it('a result that is no name is FORMERR', async () => {
    expect((await ask(`rewrite name a.test ${'x'.repeat(64)}.test`, 'a.test')).rcode).toBe('FORMERR')
  })
})

describe('rules', () => {
  it('end with the first that matches, unless it says continue', async () => {
    await ask('rewrite name suffix .a .b\nrewrite name suffix .b .c', 'x.a')
    await dns?.stop()
    await ask('rewrite continue name suffix .a .b\nrewrite name suffix .b .c', 'x.a')
    expect(seen).toEqual(['x.b A', 'x.c A'])
  })

  it('change types, times to live, codes and aliases', async () => {
    await ask('rewrite type ANY HINFO', 'a.test', 'ANY')
    expect(seen).toEqual(['a.test HINFO'])
    await dns?.stop()
    expect((await ask('rewrite ttl regex (.*)\\.test 15', 'a.test')).answers).toEqual(['a.test. 15 A 10.0.0.1'])
    await dns?.stop()
    expect((await ask('rewrite ttl a.test 90-', 'a.test')).answers).toEqual(['a.test. 90 A 10.0.0.1'])
    await dns?.stop()
    answer = () => ({ rcode: 2 })
    expect((await ask('rewrite rcode a.test SERVFAIL NXDOMAIN', 'a.test')).rcode).toBe('NXDOMAIN')
    await dns?.stop()
    answer = (name) => ({ answers: [`${name} 60 CNAME old.test`] })
    expect((await ask('rewrite cname exact old.test new.test', 'a.test')).answers).toEqual(['a.test. 60 CNAME new.test.'])
  })

  it.each([
    ['rewrite', "Wrong argument count or unexpected line ending after 'rewrite'"],
    ['rewrite nome a b', "invalid rule type 'nome'"],
    ['rewrite name regex ( b', 'invalid regex pattern "("'],
    ['rewrite name suffix a b reply auto', "unexpected 'reply'"],
    ['rewrite type ANY NONSENSE', "invalid type 'NONSENSE'"],
    ['rewrite edns0 local set 0xffee abc', "the field 'edns0' is known to CoreDNS but not implemented"],
  ])('%j is refused', async (rule, message) => {
    await expect(testDns(`. {\n${rule}\n}`)).rejects.toThrow(message)
  })
})
