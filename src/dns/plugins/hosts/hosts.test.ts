import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.js'
import { FakeNetwork, type TestDns, testDns } from '../../testdata/dns-server.js'
import { upstreamReply } from '../../testdata/upstream.js'

let dns: TestDns | undefined
afterEach(() => dns?.stop())

const file = '# names\n10.0.0.1 One.test alias.test # first\n10.0.0.2 one.test\nfd00::1 one.test\nnonsense x.test\n'

async function start(lines: string, clock = new VirtualClock()): Promise<TestDns> {
  const network = new FakeNetwork()
  network.upstream = (bytes) => Promise.resolve(upstreamReply(bytes, { answers: ['later.test 1 CNAME x.test'] }))
  dns = await testDns(`. {\n${lines}\nforward . 10.0.0.53\n}`, { network, clock, files: { '/etc/hosts': file } })
  return dns
}

describe('a hosts file', () => {
  it('gives all addresses of a name, and the names of an address', async () => {
    const server = await start('hosts')
    expect((await server.ask('one.test')).answers).toEqual(['one.test. 3600 A 10.0.0.1', 'one.test. 3600 A 10.0.0.2'])
    expect((await server.ask('one.test', 'AAAA')).answers).toEqual(['one.test. 3600 AAAA fd00::1'])
    expect((await server.ask('1.0.0.10.in-addr.arpa', 'PTR')).answers).toEqual([
      '1.0.0.10.in-addr.arpa. 3600 PTR One.test.',
      '1.0.0.10.in-addr.arpa. 3600 PTR alias.test.',
    ])
  })

  it('has no data of other types, and what it has not is SERVFAIL or goes on', async () => {
    let server = await start('hosts')
    expect(await server.ask('alias.test', 'AAAA')).toMatchObject({ rcode: 'NOERROR', answers: [] })
    expect((await server.ask('two.test')).rcode).toBe('SERVFAIL')
    expect((await server.ask('9.0.0.10.in-addr.arpa', 'PTR')).answers).toHaveLength(1)
    await server.stop()
    server = await start('hosts {\n fallthrough\n}')
    expect((await server.ask('two.test')).answers).toEqual(['later.test. 1 CNAME x.test.'])
  })

  it('is joined by entries of the Corefile, with a time to live', async () => {
    const server = await start('hosts /etc/hosts test {\n 10.0.0.9 inline.test\n ttl 60\n no_reverse\n}')
    expect((await server.ask('inline.test')).answers).toEqual(['inline.test. 60 A 10.0.0.9'])
    expect((await server.ask('inline.other')).answers).toEqual(['later.test. 1 CNAME x.test.'])
    expect((await server.ask('9.0.0.10.in-addr.arpa', 'PTR')).answers).toEqual(['later.test. 1 CNAME x.test.'])
  })

  it('is read again when it has changed', async () => {
    const clock = new VirtualClock()
    const server = await start('hosts {\n reload 5s\n}', clock)
    server.files.set('/etc/hosts', '10.0.0.7 new.test\n')
    await clock.advance(5_000)
    expect((await server.ask('new.test')).answers).toHaveLength(1)
    expect((await server.ask('one.test')).rcode).toBe('SERVFAIL')
    expect(server.metrics.text()).toContain('coredns_hosts_entries 1')
  })

  it('a line that is none is refused', async () => {
    await expect(start('hosts {\n 10.0.0.300 x\n}')).rejects.toThrow(
      "unknown property '10.0.0.300'; entries are written as ADDRESS NAME...",
    )
  })
})
