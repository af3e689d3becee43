import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.js'
import { authoritative, Body } from '../answer.js'
import { types } from './constants.js'
import { absolute, isName, isWithin, labelsOf, WireError } from './name.js'
import { type Client, Query, readMessage, readQuery } from './reader.js'
import { address, addressData, cname, mx, type Rr, soa, srv, txt } from './record.js'
import { MessageWriter } from './writer.js'

const udp: Client = { transport: 'udp', address: '10.0.0.9', port: 4000 }
const tcp: Client = { ...udp, transport: 'tcp' }
const writer = new MessageWriter(seededRandom(1))
const a = (name: string, ip: string): Rr => address(name, 30, addressData(ip) as { type: number; bytes: Uint8Array })

function queryOf(name: string, { type = 'A', client = udp, udpSize = 0 } = {}): Query {
  const bytes = encode({
    type: 'query',
    id: 4711,
    flags: 0x100,
    questions: [{ name, type: type as 'A', class: 'IN' }],
    ...(udpSize ? { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: udpSize, flags: 0, options: [] } as never] } : {}),
  })
  const packet = readQuery(bytes, client)
  if (!packet || !('query' in packet)) throw new Error('no query')
  return packet.query
}

describe('answers', () => {
  it('are read by another implementation as they were meant', () => {
    const query = queryOf('web.default.svc.cluster.local')
    const records = [
      a('web.default.svc.cluster.local.', '10.0.0.1'),
      a('web.default.svc.cluster.local.', 'fd00::1'),
      cname('x.cluster.local.', 5, 'web.default.svc.cluster.local'),
      srv('_http._tcp.web.default.svc.cluster.local.', 5, { priority: 0, weight: 50, port: 80, target: 'web.default.svc.cluster.local.' }),
      mx('cluster.local.', 5, 10, 'mail.cluster.local.'),
      txt('t.cluster.local.', 5, ['a', 'b c']),
    ]
    const negative = soa('cluster.local.', 30, { mname: 'ns.', rname: 'h.', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 })
    const packet = decode(writer.answer(query, authoritative('test', new Body(records, [negative]))))
    expect(packet).toMatchObject({ id: 4711, type: 'response', flag_aa: true, flag_rd: true, flag_tc: false })
    expect(packet.answers?.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'web.default.svc.cluster.local A',
      'web.default.svc.cluster.local AAAA',
      'x.cluster.local CNAME',
      '_http._tcp.web.default.svc.cluster.local SRV',
      'cluster.local MX',
      't.cluster.local TXT',
    ])
    expect(packet.answers?.[0]).toMatchObject({ data: '10.0.0.1', ttl: 30 })
    expect(packet.answers?.[1]).toMatchObject({ data: 'fd00::1' })
    expect(packet.answers?.[2]).toMatchObject({ data: 'web.default.svc.cluster.local' })
    expect(packet.answers?.[3]).toMatchObject({ data: { port: 80, weight: 50, target: 'web.default.svc.cluster.local' } })
    expect(packet.authorities?.[0]).toMatchObject({ data: { mname: 'ns', minimum: 5 } })
  })

  it('compress names: each address costs 16 bytes', () => {
    const query = queryOf('web.default.svc.cluster.local')
    const body = new Body(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((ip) => a(query.name, ip)))
    expect(writer.answer(query, authoritative('test', body)).length).toBe(12 + 31 + 4 + 4 * 16)
  })

  it('do not compress the target of SRV (RFC 2782)', () => {
    const query = queryOf('svc.test', { type: 'SRV' })
    const body = new Body([srv('svc.test.', 5, { priority: 0, weight: 1, port: 1, target: 'svc.test.' })])
    expect(writer.answer(query, authoritative('test', body)).length).toBe(12 + 14 + 12 + 6 + 10)
  })

  it('spell the question and its owner names as the client did, from one template', () => {
    const body = new Body([a('web.test.', '10.0.0.1')])
    for (const name of ['wEb.TeSt', 'WEB.test', 'web.test']) {
      const packet = decode(writer.answer(queryOf(name), authoritative('test', body)))
      expect(packet.questions?.[0]?.name).toBe(name)
      expect(packet.answers?.[0]?.name).toBe(name)
    }
  })

  it('are cut at a record with TC where UDP takes no more, and are whole over TCP', () => {
    const ips = Array.from({ length: 100 }, (_, at) => `10.0.0.${at}`)
    const body = new Body(ips.map((ip) => a('web.test.', ip)))
    const answer = authoritative('test', body)
    const size = (query: Query) => {
      const bytes = writer.answer(query, answer)
      const packet = decode(bytes)
      return [bytes.length <= query.sizeMax, packet.flag_tc, packet.answers?.length]
    }
    expect(size(queryOf('web.test'))).toEqual([true, true, 30])
    expect(size(queryOf('web.test', { udpSize: 1232 }))).toEqual([true, true, 74])
    expect(size(queryOf('web.test', { udpSize: 4096 }))).toEqual([true, false, 100])
    expect(size(queryOf('web.test', { client: tcp }))).toEqual([true, false, 100])
  })

  it('that no message holds are cut over TCP too', () => {
    const body = new Body(Array.from({ length: 5000 }, (_, at) => a('web.test.', `10.1.${at >> 8}.${at & 255}`)))
    const bytes = writer.answer(queryOf('web.test', { client: tcp, udpSize: 1232 }), authoritative('test', body))
    expect(bytes.length).toBeLessThan(65_536)
    const packet = decode(bytes)
    expect(packet.flag_tc).toBe(true)
    expect(packet.answers?.length).toBeGreaterThan(4000)
  })

  it('shuffle addresses in place and lose none', () => {
    const ips = Array.from({ length: 6 }, (_, at) => `10.0.0.${at}`)
    const body = new Body([cname('web.test.', 5, 'real.test.'), ...ips.map((ip) => a('real.test.', ip))])
    const orders = Array.from({ length: 20 }, () => {
      const packet = decode(writer.answer(queryOf('web.test'), { ...authoritative('test', body), shuffle: true }))
      expect(packet.answers?.[0]).toMatchObject({ type: 'CNAME', data: 'real.test' })
      const found = packet.answers?.slice(1).map((each) => (each as { data: string }).data) ?? []
      expect([...found].sort()).toEqual(ips)
      return found.join()
    })
    expect(new Set(orders).size).toBeGreaterThan(5)
  })

  it('have the time that is left everywhere but in OPT', () => {
    const packet = decode(
      writer.answer(queryOf('web.test', { udpSize: 1232 }), { ...authoritative('test', new Body([a('web.test.', '10.0.0.1')])), ttl: 7 }),
    )
    expect(packet.answers?.[0]).toMatchObject({ ttl: 7 })
    expect(packet.additionals?.[0]).toMatchObject({ type: 'OPT', udpPayloadSize: 1232 })
  })
})

describe('names', () => {
  it('keep bytes that text must escape', () => {
    const name = 'a\\.b.c\\000d\\\\e.'
    expect(labelsOf(name)?.map((label) => Buffer.from(label).toString('latin1'))).toEqual(['a.b', 'c\0d\\e'])
    const query = new Query({ client: tcp, id: 1, flags: 0, name, type: types.A, class: 1, edns: undefined })
    const message = readMessage(writer.answer(query, authoritative('test', new Body([cname(name, 1, name)]))))
    expect(message.question?.name).toBe(name)
    expect(message.answers[0]).toMatchObject({ name, data: [name] })
  })

  it('are at most 63 bytes a label and 255 in all', () => {
    expect(isName('a.')).toBe(true)
    expect(isName(`${'a'.repeat(64)}.`)).toBe(false)
    expect(isName('ab.'.repeat(84) + 'ab.')).toBe(false)
    expect(isName('a..b.')).toBe(false)
  })

  it('are within a zone by labels, not by letters', () => {
    expect(isWithin('a.local.', 'local.')).toBe(true)
    expect(isWithin('notlocal.', 'local.')).toBe(false)
    expect(isWithin('anything.', '.')).toBe(true)
  })
})

describe('whatever comes in', () => {
  it('is a message, or a WireError; nothing else and in bounded time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          readMessage(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is a query, a refusal by code, or nothing: also when a good packet is damaged', () => {
    const good = writer.query(1, queryOf('web.default.svc.cluster.local', { udpSize: 1232 }))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        const packet = readQuery(bytes.subarray(0, length), udp)
        if (packet && 'query' in packet) {
          const reply = writer.answer(packet.query, authoritative('test', new Body([a(packet.query.name, '10.0.0.1')])))
          expect(reply.length).toBeLessThanOrEqual(packet.query.sizeMax)
          expect(() => readMessage(reply)).not.toThrow()
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('survives the way there and back: records of any names and bytes', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 })
    const name = fc
      .array(label, { maxLength: 6 })
      .map((labels) => absolute(labels.map((bytes) => [...bytes].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')).join('.')))
    const record = fc.record({ name, target: name, ttl: fc.nat(2 ** 31 - 1), type: fc.constantFrom(types.CNAME, types.NS, types.DNAME) })
    fc.assert(
      fc.property(name, fc.array(record, { maxLength: 5 }), (asked, records) => {
        const query = new Query({ client: tcp, id: 9, flags: 0, name: asked, type: types.A, class: 1, edns: undefined })
        const body = new Body(records.map(({ name: owner, target, ttl, type }) => ({ name: owner, type, class: 1, ttl, data: [target] })))
        const message = readMessage(writer.answer(query, authoritative('test', body)))
        const bytes = (text: unknown) =>
          Buffer.concat((labelsOf(String(text)) ?? []).map((part) => Buffer.from([part.length, ...part]))).toString('hex')
        expect(message.answers.map(({ data }) => bytes(data[0]))).toEqual(body.answers.map(({ data }) => bytes(data[0])))
      }),
      { numRuns: 500 },
    )
  })

  it('a pointer that leads forward or round in a circle is refused', () => {
    const head = Buffer.from('000101000001000000000000', 'hex')
    for (const name of ['c00c', 'c00e', '0161c00c', 'c0ff', 'c000'])
      expect(readQuery(Buffer.concat([head, Buffer.from(`${name}00010001`, 'hex')]), udp)).toEqual({ refuse: 'FORMERR' })
  })

  it('replies and short packets are dropped, other opcodes are NOTIMP, two questions FORMERR', () => {
    const good = writer.query(1, queryOf('a.test'))
    const changed = (at: number, value: number) => {
      const bytes = Buffer.from(good)
      bytes[at] = value
      return readQuery(bytes, udp)
    }
    expect(readQuery(good.subarray(0, 11), udp)).toBeUndefined()
    expect(changed(2, 0x81)).toBeUndefined()
    expect(changed(2, 0x20)).toEqual({ refuse: 'NOTIMP' })
    expect(changed(5, 2)).toEqual({ refuse: 'FORMERR' })
    expect(changed(5, 0)).toEqual({ refuse: 'FORMERR' })
  })
})
