import { describe, expect, it } from 'vitest'
import { testDns } from '../../testdata/dns-server.js'

async function ask(lines: string, name: string, type = 'A') {
  const dns = await testDns(`. {\nerrors\n${lines}\n}`)
  const reply = await dns.ask(name, type)
  await dns.stop()
  return { ...reply, log: dns.log }
}

describe('templates', () => {
  it('answer from the groups of the name', async () => {
    const rule = `template IN A example.com {
      match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)[.]example[.]com[.]$
      answer "{{ .Name }} 60 IN A 10.0.{{ .Group.a }}.{{ .Group.b }}"
      additional "ns.{{ .Zone }} 5 IN A 10.0.0.1"
      authority "{{ .Zone }} IN NS ns.{{ .Zone }}"
      fallthrough
    }`
    const reply = await ask(rule, 'ip-7-9.example.com')
    expect(reply.answers).toEqual(['ip-7-9.example.com. 60 A 10.0.7.9'])
    expect(reply.additional).toEqual(['ns.example.com. 5 A 10.0.0.1'])
    expect(reply.authority).toEqual(['example.com. 3600 NS ns.example.com.'])
  })

  it('of every kind of record', async () => {
    for (const [type, data, shown = data] of [
      ['AAAA', 'fd00::1'],
      ['CNAME', 'x.test.'],
      ['MX', '10 mail.test.'],
      ['TXT', '"a b" c', '"a b" "c"'],
      ['SRV', '1 2 80 x.test.'],
      ['SOA', 'ns.test. h.test. 1 2 3 4 5', 'ns.test. h.test. 5'],
    ] as const) {
      const reply = await ask(`template IN ${type} {\n answer "{{ .Name }} 7 IN ${type} ${data.replaceAll('"', '\\"')}"\n}`, 'n.test', type)
      expect(reply.answers).toEqual([`n.test. 7 ${type} ${shown}`])
    }
  })

  it('compute: index, parseInt', async () => {
    const rule = 'template ANY A {\n match ^x([0-9a-f]+)\\.\n answer "{{ .Name }} 5 A 10.0.0.{{ parseInt (index .Match 1) 16 32 }}"\n}'
    expect((await ask(rule, 'xfe.test')).answers).toEqual(['xfe.test. 5 A 10.0.0.254'])
  })

  it('say no: a code without records', async () => {
    expect(await ask('template ANY ANY {\n rcode NXDOMAIN\n}', 'a.test')).toMatchObject({ rcode: 'NXDOMAIN', answers: [] })
  })

  it('that do not match are SERVFAIL, or go on with fallthrough', async () => {
    const rule = (more: string) =>
      `template IN A a.test {\n match ^yes\n answer "{{ .Name }} A 10.0.0.1"\n ${more}\n}\ntemplate IN A {\n answer "{{ .Name }} 1 A 10.0.0.2"\n}`
    expect((await ask(rule(''), 'no.a.test')).rcode).toBe('SERVFAIL')
    expect((await ask(rule('fallthrough'), 'no.a.test')).answers).toEqual(['no.a.test. 1 A 10.0.0.2'])
    expect((await ask(rule('fallthrough b.test'), 'no.a.test')).rcode).toBe('SERVFAIL')
    expect((await ask(rule(''), 'other.test')).answers).toHaveLength(1)
  })

  it('that give no record are SERVFAIL and say so', async () => {
    const reply = await ask('template IN A {\n answer "{{ .Name }} 60 IN A nonsense"\n}', 'a.test')
    expect(reply.rcode).toBe('SERVFAIL')
    expect(reply.log.join()).toContain('bad A record')
  })

  it.each([
    ['template IN A {\n answer "{{ range .Match }}x{{ end }}"\n}', 'the template action {{range .Match}} is not implemented by Quorate'],
    ['template IN A {\n match (\n}', 'invalid regex pattern'],
    ['template XX A', 'invalid query class XX'],
    ['template IN A {\n rcode NOPE\n}', 'unknown rcode NOPE'],
    ['template IN A {\n replies x\n}', "unknown property 'replies'"],
  ])('%j is refused', async (text, message) => {
    await expect(testDns(`. {\n${text}\n}`)).rejects.toThrow(message)
  })
})
