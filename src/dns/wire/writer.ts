/**
 * Writes messages, names compressed. An answer's bytes are made once for its body (a template) and patched for each query: id,
 * the question as the client spelled it (owner names point there, so that they have its case too), times to live, the order of
 * addresses. What does not fit is cut at a record's border and TC says so.
 */
import type { Random } from '../../base/random.js'
import type { Answer, Body } from '../answer.js'
import { classes, flags, headerBytes, messageBytesMax, types } from './constants.js'
import { keyOfName, labelsOf } from './name.js'
import type { Edns, Query } from './reader.js'
import { compressesData, type Rr } from './record.js'

export interface Template {
  readonly key: string
  readonly type: number
  readonly class: number
  /** With id and flags zero, without an OPT record. */
  readonly bytes: Buffer
  /** Where each record ends, in the order of the sections. */
  readonly ends: readonly number[]
  /** Where each record's time to live stands. */
  readonly ttls: readonly number[]
  /** Records of the first, second and third section that are in `bytes`. */
  readonly counts: readonly [number, number, number]
  /** Records did not fit into any message. */
  readonly cut: boolean
  /** A run of address records of one size that nothing points into: they may change places as they are. */
  readonly addresses: { readonly start: number; readonly size: number; readonly count: number } | undefined
}

const optBytes = 11
const pointerOffsetMax = 0x3fff

export class MessageWriter {
  readonly #bytes = Buffer.allocUnsafe(messageBytesMax)
  #at = 0
  readonly #offsets = new Map<string, number>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** The answer to a query, no longer than the client takes. */
  answer(query: Query, answer: Answer): Buffer {
    const template = this.#templateOf(query, answer.body)
    const edns = query.edns
    // An extended code needs the OPT record, and only who sent one gets one.
    const optSize = edns ? optBytes : 0
    const size = template.bytes.length
    if (size + optSize > query.sizeMax || template.cut) return this.#cut(query, answer, template, query.sizeMax - optSize)
    const out = Buffer.allocUnsafe(size + optSize)
    out.set(template.bytes)
    this.#patch(out, query, answer, template)
    putHeader(out, query, answer, 0, template.counts, edns ? 1 : 0)
    if (edns) putOpt(out, size, edns.size, answer.rcode, edns.dnssec)
    return out
  }

  /** A query to another server. */
  query(id: number, query: Pick<Query, 'name' | 'type' | 'class' | 'flags' | 'edns'>): Buffer {
    const { edns } = query
    this.#begin()
    this.#question(query.name, query.type, query.class)
    const size = this.#at
    const out = Buffer.allocUnsafe(size + (edns ? optBytes : 0))
    this.#bytes.copy(out, 0, 0, size)
    out.writeUInt16BE(id, 0)
    out.writeUInt16BE(query.flags & (flags.RD | flags.CD | flags.AD), 2)
    putCounts(out, [0, 0, 0], edns ? 1 : 0)
    if (edns) putOpt(out, size, edns.size, 0, edns.dnssec)
    return out
  }

  #templateOf(query: Query, body: Body): Template {
    const known = body.template
    if (known && known.key === query.key && known.type === query.type && known.class === query.class) return known
    return (body.template = this.#compile(query, body))
  }

  #patch(out: Buffer, query: Query, answer: Answer, template: Template): void {
    // The question as it came: the same bytes but for the case of letters.
    if (query.questionEnd > 0) query.bytes.copy(out, headerBytes, headerBytes, query.questionEnd)
    if (answer.ttl !== undefined) for (const at of template.ttls) out.writeUInt32BE(answer.ttl, at)
    if (answer.shuffle && template.addresses) this.#shuffle(out, template.addresses)
  }

  #shuffle(out: Buffer, { start, size, count }: NonNullable<Template['addresses']>): void {
    for (let left = count - 1; left > 0; left--) {
      const other = Math.floor(this.#random.next() * (left + 1))
      if (other === left) continue
      const [a, b] = [start + left * size, start + other * size]
      for (let at = 0; at < size; at++) {
        const byte = out[a + at] as number
        out[a + at] = out[b + at] as number
        out[b + at] = byte
      }
    }
  }

  #cut(query: Query, answer: Answer, template: Template, room: number): Buffer {
    const whole = Buffer.from(template.bytes)
    this.#patch(whole, query, answer, template)
    let kept = 0
    let end = headerBytes + questionSize(template)
    while (kept < template.ends.length && (template.ends[kept] as number) <= room) {
      end = template.ends[kept] as number
      kept++
    }
    const counts = [0, 0, 0] as [number, number, number]
    let left = kept
    for (const section of [0, 1, 2] as const) {
      counts[section] = Math.min(left, template.counts[section])
      left -= counts[section]
    }
    const { edns } = query
    const out = Buffer.allocUnsafe(end + (edns ? optBytes : 0))
    whole.copy(out, 0, 0, end)
    putHeader(out, query, answer, flags.TC, counts, edns ? 1 : 0)
    if (edns) putOpt(out, end, edns.size, answer.rcode, edns.dnssec)
    return out
  }

  #begin(): void {
    this.#at = headerBytes
    this.#offsets.clear()
    this.#bytes.fill(0, 0, headerBytes)
  }

  #compile(query: Query, body: Body): Template {
    this.#begin()
    this.#question(query.name, query.type, query.class)
    const ends: number[] = []
    const ttls: number[] = []
    const counts: [number, number, number] = [0, 0, 0]
    let cut = false
    for (const [section, records] of [body.answers, body.authority, body.additional].entries())
      for (const record of records) {
        const ttlAt = cut ? undefined : this.#record(record, query.key)
        if (ttlAt === undefined) {
          cut = true
          continue
        }
        ttls.push(ttlAt)
        ends.push(this.#at)
        counts[section as 0 | 1 | 2]++
      }
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#at))
    const { key, type, class: cls } = query
    return { key, type, class: cls, bytes, ends, ttls, counts, cut, addresses: addressRun(bytes, body, ends, counts[0]) }
  }

  #question(name: string, type: number, cls: number): void {
    this.#name(name, keyOfName(name), true)
    this.#at = this.#bytes.writeUInt16BE(type, this.#at)
    this.#at = this.#bytes.writeUInt16BE(cls, this.#at)
  }

  /** Where its time to live stands; undefined when it does not fit, and nothing is written. */
  #record(record: Rr, questionKey: string): number | undefined {
    const start = this.#at
    let size = 300
    for (const part of record.data) size += typeof part === 'string' ? 256 : part.length
    if (start + size > messageBytesMax - optBytes) return undefined
    const key = keyOfName(record.name)
    if (key === questionKey && key !== '.') this.#at = this.#bytes.writeUInt16BE(0xc000 | headerBytes, this.#at)
    else this.#name(record.name, key, true)
    const ttlAt = this.#at + 4
    this.#bytes.writeUInt16BE(record.type, this.#at)
    this.#bytes.writeUInt16BE(record.class, this.#at + 2)
    this.#bytes.writeUInt32BE(record.ttl >>> 0, this.#at + 4)
    const lengthAt = this.#at + 8
    this.#at += 10
    for (const part of record.data) {
      if (typeof part === 'string') this.#name(part, keyOfName(part), compressesData(record.type))
      else {
        this.#bytes.set(part, this.#at)
        this.#at += part.length
      }
    }
    this.#bytes.writeUInt16BE(this.#at - lengthAt - 2, lengthAt)
    return ttlAt
  }

  #name(name: string, key: string, compress: boolean): void {
    if (name.includes('\\')) return this.#escapedName(name)
    let from = 0
    while (from < name.length && name !== '.') {
      const suffix = from === 0 ? key : key.slice(from)
      const known = this.#offsets.get(suffix)
      if (known !== undefined && compress) {
        this.#at = this.#bytes.writeUInt16BE(0xc000 | known, this.#at)
        return
      }
      if (known === undefined && this.#at <= pointerOffsetMax) this.#offsets.set(suffix, this.#at)
      const dot = name.indexOf('.', from)
      const end = dot < 0 ? name.length : dot
      this.#bytes[this.#at] = end - from
      this.#bytes.write(name.slice(from, end), this.#at + 1, 'latin1')
      this.#at += end - from + 1
      from = end + 1
    }
    this.#bytes[this.#at++] = 0
  }

  /** A name with bytes that text must escape: rare, and not worth a pointer. */
  #escapedName(name: string): void {
    for (const label of labelsOf(name) ?? []) {
      this.#bytes[this.#at++] = label.length
      this.#bytes.set(label, this.#at)
      this.#at += label.length
    }
    this.#bytes[this.#at++] = 0
  }
}

/** The header alone, with a code: for a packet whose question cannot be read. */
export function refusal(bytes: Buffer, rcode: number): Buffer {
  const out = Buffer.alloc(headerBytes)
  bytes.copy(out, 0, 0, 2)
  out.writeUInt16BE(flags.QR | (bytes.readUInt16BE(2) & (0x7800 | flags.RD)) | rcode, 2)
  return out
}

function questionSize(template: Template): number {
  let at = headerBytes
  while ((template.bytes[at] as number) !== 0) at += (template.bytes[at] as number) + 1
  return at + 5 - headerBytes
}

function putHeader(
  out: Buffer,
  query: Query,
  answer: Answer,
  more: number,
  counts: readonly [number, number, number],
  options: number,
): void {
  out.writeUInt16BE(query.id, 0)
  const copied = query.flags & (0x7800 | flags.RD | flags.CD)
  out.writeUInt16BE(flags.QR | copied | answer.flags | more | (answer.rcode & 15), 2)
  putCounts(out, counts, options)
}

function putCounts(out: Buffer, [answers, authority, additional]: readonly [number, number, number], options: number): void {
  out.writeUInt16BE(1, 4)
  out.writeUInt16BE(answers, 6)
  out.writeUInt16BE(authority, 8)
  out.writeUInt16BE(additional + options, 10)
}

/** OPT (RFC 6891): the client's own size is given back, as CoreDNS does. */
function putOpt(out: Buffer, at: number, size: Edns['size'], rcode: number, dnssec: boolean): void {
  out[at] = 0
  out.writeUInt16BE(types.OPT, at + 1)
  out.writeUInt16BE(size, at + 3)
  out[at + 5] = rcode >>> 4
  out[at + 6] = 0
  out.writeUInt16BE(dnssec ? 0x8000 : 0, at + 7)
  out.writeUInt16BE(0, at + 9)
}

/** Addresses whose owner is a pointer have one size, and no later name can point into them. */
function addressRun(bytes: Buffer, { answers }: Body, ends: readonly number[], count: number): Template['addresses'] {
  const isAddress = (record: Rr | undefined) => record !== undefined && record.class === classes.IN && addressTypes.has(record.type)
  const last = count - 1
  if (last < 1 || !isAddress(answers[last])) return undefined
  const type = answers[last]?.type
  const size = type === types.A ? 16 : 28
  let first = last
  while (first > 0 && answers[first - 1]?.type === type) first--
  for (let at = first; at <= last; at++) {
    const end = ends[at] as number
    const isPointer = (bytes[end - size] as number) >= 0xc0
    if (end - (at === 0 ? end - size : (ends[at - 1] as number)) !== size || !isPointer) return undefined
  }
  return last === first ? undefined : { start: (ends[first] as number) - size, size, count: last - first + 1 }
}

const addressTypes: ReadonlySet<number> = new Set([types.A, types.AAAA])
