/** The pod networks of nodes within one cluster network: which are taken, and the next free one. Pure. */
import { type Cidr, formatIp, parseCidr } from '../../api/ip.js'

/** More networks than this are not kept book of (a dual-stack cluster's IPv6 /48 of /64s has as many). */
const networksMax = 1 << 16

export class CidrSet {
  readonly cidr: Cidr
  readonly #maskSize: number
  readonly #shift: bigint
  readonly size: number
  readonly #taken = new Set<number>()
  /** Where the search goes on: a network that was just freed is not the first to be given again. */
  #next = 0

  constructor(text: string, maskSize: number) {
    const cidr = parseCidr(text)
    if (!cidr) throw new Error(`"${text}" is no network in CIDR notation`)
    const bits = cidr.family === 'IPv4' ? 32 : 128
    this.#shift = BigInt(bits - maskSize)
    const count = (cidr.last - cidr.first + 1n) >> this.#shift
    if (maskSize > bits || count < 1n) throw new Error(`a mask of ${maskSize} bits is none of a network within ${text}`)
    if (count > networksMax) throw new Error(`a mask of ${maskSize} bits makes more than ${networksMax} networks of ${text}`)
    this.cidr = cidr
    this.#maskSize = maskSize
    this.size = Number(count)
  }

  /** Undefined when all are taken. */
  allocate(): string | undefined {
    if (this.#taken.size === this.size) return undefined
    let index = this.#next
    while (this.#taken.has(index)) index = (index + 1) % this.size
    this.#taken.add(index)
    this.#next = (index + 1) % this.size
    const value = this.cidr.first + (BigInt(index) << this.#shift)
    return `${formatIp({ family: this.cidr.family, value })}/${this.#maskSize}`
  }

  /** Takes every network that overlaps this one. False when it lies outside. */
  occupy(text: string): boolean {
    const range = this.#indexes(text)
    if (!range) return false
    for (let index = range[0]; index <= range[1]; index++) this.#taken.add(index)
    return true
  }

  release(text: string): void {
    const range = this.#indexes(text)
    if (!range) return
    for (let index = range[0]; index <= range[1]; index++) this.#taken.delete(index)
  }

  #indexes(text: string): [number, number] | undefined {
    const other = parseCidr(text)
    const { family, first, last } = this.cidr
    if (!other || other.family !== family || other.last < first || other.first > last) return undefined
    const from = other.first > first ? other.first : first
    const to = other.last < last ? other.last : last
    return [Number((from - first) >> this.#shift), Number((to - first) >> this.#shift)]
  }
}
