/** Answers of a made-up server that queries are forwarded to. */
import { decode, encode, type Packet } from 'dns-packet'

export interface UpstreamAnswer {
  /** "name ttl TYPE data" for A, CNAME and SOA; others as dns-packet's objects. */
  readonly answers?: readonly unknown[]
  readonly authorities?: readonly unknown[]
  readonly rcode?: number
  readonly truncated?: boolean
  readonly id?: number
  readonly question?: string
  /** RA, AD. */
  readonly flags?: number
}

export function asked(bytes: Buffer): { readonly name: string; readonly type: string; readonly packet: Packet } {
  const packet = decode(bytes)
  const [question] = packet.questions ?? []
  return { name: question?.name ?? '', type: question?.type ?? '', packet }
}

export function upstreamReply(query: Buffer, { answers = [], authorities = [], rcode = 0, truncated, id, question, flags = 0x80 }: UpstreamAnswer): Buffer {
  const { packet } = asked(query)
  const questions = packet.questions?.map((each) => ({ ...each, name: question ?? each.name }))
  return encode({
    type: 'response',
    id: id ?? packet.id ?? 0,
    flags: 0x100 | flags | (truncated ? 0x200 : 0) | rcode,
    questions: questions as never,
    answers: answers.map(record) as never,
    authorities: authorities.map(record) as never,
  })
}

function record(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const [name, ttl, type, ...data] = value.split(' ')
  if (type !== 'SOA') return { name, ttl: Number(ttl), type, data: data.join(' ') }
  const [mname, rname, minimum] = data
  return { name, ttl: Number(ttl), type, data: { mname, rname, serial: 1, refresh: 2, retry: 3, expire: 4, minimum: Number(minimum) } }
}
