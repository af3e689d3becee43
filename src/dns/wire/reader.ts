/**
 * Reads messages. Whatever the bytes are, it ends in time linear in them and throws nothing but WireError: compression pointers
 * only go back, a name has at most 255 bytes, counts are bounded by what is there.
 */
import { classes, flags, headerBytes, messageBytesMax, plainUdpBytesMax, types } from './constants.js'
import { keyOfName, labelText, nameBytesMax, WireError } from './name.js'
import { layoutOf, type Rr } from './record.js'

export interface Edns {
  /** The UDP payload that the sender takes. */
  readonly size: number
  readonly version: number
  /** DNSSEC OK */
  readonly dnssec: boolean
}

export interface Message {
  readonly id: number
  /** The header's second word: QR, opcode, AA ... */
  readonly flags: number
  readonly rcode: number
  readonly question: { readonly name: string; readonly type: number; readonly class: number } | undefined
  readonly answers: readonly Rr[]
  readonly authority: readonly Rr[]
  /** Without the OPT record. */
  readonly additional: readonly Rr[]
  readonly edns: Edns | undefined
}

const truncated = () => new WireError('the message ends early')

class WireReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  u8(): number {
    if (this.at + 1 > this.bytes.length) throw truncated()
    return this.bytes[this.at++] as number
  }

  u16(): number {
    if (this.at + 2 > this.bytes.length) throw truncated()
    const value = this.bytes.readUInt16BE(this.at)
    this.at += 2
    return value
  }

  u32(): number {
    if (this.at + 4 > this.bytes.length) throw truncated()
    const value = this.bytes.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** A copy: what is kept must not hold the packet that it came in. */
  take(count: number): Uint8Array {
    if (count < 0 || this.at + count > this.bytes.length) throw truncated()
    const part = new Uint8Array(this.bytes.subarray(this.at, this.at + count))
    this.at += count
    return part
  }

  name(): string {
    const { bytes } = this
    let text = ''
    let at = this.at
    let next = -1
    let total = 1
    // A pointer must lead before everything read of this name so far, so that there is no way round in a circle.
    let floor = this.at
    for (;;) {
      if (at >= bytes.length) throw truncated()
      const length = bytes[at] as number
      if (length === 0) {
        this.at = next < 0 ? at + 1 : next
        return text === '' ? '.' : text
      }
      if (length >= 0xc0) {
        if (at + 1 >= bytes.length) throw truncated()
        const target = ((length & 0x3f) << 8) | (bytes[at + 1] as number)
        if (target >= floor || target < headerBytes) throw new WireError('a compression pointer does not lead back')
        if (next < 0) next = at + 2
        floor = target
        at = target
        continue
      }
      if (length >= 0x40) throw new WireError('a label of an unknown kind')
      total += length + 1
      if (total > nameBytesMax) throw new WireError('a name is longer than 255 bytes')
      if (at + 1 + length > bytes.length) throw truncated()
      text += `${labelOf(bytes, at + 1, at + 1 + length)}.`
      at += length + 1
    }
  }

  record(): Rr {
    const name = this.name()
    const type = this.u16()
    const cls = this.u16()
    const ttl = this.u32()
    const length = this.u16()
    const end = this.at + length
    if (end > this.bytes.length) throw truncated()
    const data = this.#data(type, end)
    // RFC 2181, 8: a TTL with its highest bit set is zero.
    return { name, type, class: cls, ttl: ttl > 0x7fff_ffff && type !== types.OPT ? 0 : ttl, data }
  }

  #data(type: number, end: number): (Uint8Array | string)[] {
    const data: (Uint8Array | string)[] = []
    // An empty RDATA is that of an update (RFC 2136); it has no fields.
    for (const field of end > this.at ? (layoutOf(type) ?? []) : []) {
      if (field === 'name') data.push(this.name())
      else if (field === 'text') data.push(this.take((this.bytes[this.at] ?? 0) + 1))
      else data.push(this.take(field))
      if (this.at > end) throw new WireError('a record is longer than it says')
    }
    if (this.at < end) data.push(this.take(end - this.at))
    return data
  }
}

function labelOf(bytes: Buffer, from: number, to: number): string {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (byte <= 32 || byte >= 127 || byte === 46 || byte === 92) return labelText(bytes, from, to)
  }
  return bytes.toString('latin1', from, to)
}

/** A whole message. Throws WireError. */
export function readMessage(bytes: Buffer): Message {
  if (bytes.length < headerBytes) throw truncated()
  const reader = new WireReader(bytes)
  const [id, word, questions, answers, authorities, additionals] = [0, 1, 2, 3, 4, 5].map(() => reader.u16()) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (questions > 1) throw new WireError('more than one question')
  const question = questions === 1 ? { name: reader.name(), type: reader.u16(), class: reader.u16() } : undefined
  const records = (count: number) => Array.from({ length: count }, () => reader.record())
  const [answer, authority] = [records(answers), records(authorities)]
  const additional: Rr[] = []
  let opt: Rr | undefined
  for (const record of records(additionals)) {
    if (record.type !== types.OPT) additional.push(record)
    else if (opt) throw new WireError('more than one OPT record')
    else opt = record
  }
  return {
    id,
    flags: word,
    rcode: (word & 15) | (opt ? (opt.ttl >>> 24) << 4 : 0),
    question,
    answers: answer,
    authority,
    additional,
    edns: opt && ednsOf(opt),
  }
}

function ednsOf(opt: Rr): Edns {
  return { size: opt.class, version: (opt.ttl >>> 16) & 255, dnssec: (opt.ttl & 0x8000) !== 0 }
}

/** How a query came. */
export interface Client {
  readonly transport: 'udp' | 'tcp'
  readonly address: string
  readonly port: number
}

/** A question to this server. `name` has the case that the client wrote. */
export class Query {
  readonly client: Client
  readonly id: number
  readonly flags: number
  readonly name: string
  readonly key: string
  readonly type: number
  readonly class: number
  readonly edns: Edns | undefined
  /** How many questions of the server's own led to this one; 0: it is a client's. */
  readonly depth: number
  /** The question as it came, from byte 12 of `bytes` to here; 0 when the question is not one of a packet. */
  readonly questionEnd: number
  readonly bytes: Buffer

  constructor(fields: {
    client: Client
    id: number
    flags: number
    name: string
    type: number
    class: number
    edns: Edns | undefined
    depth?: number
    questionEnd?: number
    bytes?: Buffer
  }) {
    this.client = fields.client
    this.id = fields.id
    this.flags = fields.flags
    this.name = fields.name
    this.key = keyOfName(fields.name)
    this.type = fields.type
    this.class = fields.class
    this.edns = fields.edns
    this.depth = fields.depth ?? 0
    this.questionEnd = fields.questionEnd ?? 0
    this.bytes = fields.bytes ?? noBytes
  }

  /** The same query for something else. */
  asking(change: { readonly name?: string; readonly type?: number; readonly class?: number }): Query {
    const { client, id, flags: word, edns, depth } = this
    return new Query({ client, id, flags: word, edns, depth, name: this.name, type: this.type, class: this.class, ...change })
  }

  get dnssec(): boolean {
    return this.edns?.dnssec ?? false
  }

  get checkingDisabled(): boolean {
    return (this.flags & flags.CD) !== 0
  }

  /** What the answer may take on this transport. */
  get sizeMax(): number {
    return this.client.transport === 'tcp' ? messageBytesMax : Math.max(plainUdpBytesMax, this.edns?.size ?? 0)
  }
}

const noBytes = Buffer.alloc(0)

/** What a packet is to a server: a query, something to refuse by a code, or nothing to answer (a reply, too short). */
export type Packet = { readonly query: Query } | { readonly refuse: 'FORMERR' | 'NOTIMP' } | undefined

export function readQuery(bytes: Buffer, client: Client): Packet {
  // Replies are not answered: two servers would talk for ever.
  if (bytes.length < headerBytes || ((bytes[2] as number) & 0x80) !== 0) return undefined
  const word = bytes.readUInt16BE(2)
  if ((word & 0x7800) !== 0) return { refuse: 'NOTIMP' }
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8)
  const additionals = bytes.readUInt16BE(10)
  if (bytes.readUInt16BE(4) !== 1 || records > 2 || additionals > 2) return { refuse: 'FORMERR' }
  try {
    const reader = new WireReader(bytes, headerBytes)
    const name = reader.name()
    const type = reader.u16()
    const cls = reader.u16()
    const questionEnd = reader.at
    for (let left = records; left > 0; left--) reader.record()
    let edns: Edns | undefined
    for (let left = additionals; left > 0; left--) {
      const record = reader.record()
      if (record.type !== types.OPT) continue
      if (edns || record.name !== '.') return { refuse: 'FORMERR' }
      edns = ednsOf(record)
    }
    return { query: new Query({ client, id: bytes.readUInt16BE(0), flags: word, name, type, class: cls, edns, questionEnd, bytes }) }
  } catch (error) {
    if (error instanceof WireError) return { refuse: 'FORMERR' }
    throw error
  }
}

/** A question of the server's own, such as one for the target of an alias (`from`: on whose behalf). */
export function ownQuery(name: string, type: number, { from, flags: word }: { from?: Query; flags?: number } = {}): Query {
  return new Query({
    client: from?.client ?? { transport: 'tcp', address: '127.0.0.1', port: 0 },
    id: from?.id ?? 0,
    depth: (from?.depth ?? 0) + 1,
    flags: word ?? from?.flags ?? flags.RD,
    name,
    type,
    class: classes.IN,
    edns: from?.edns,
  })
}
