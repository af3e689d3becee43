/** Address ranges of ipBlocks: a CIDR without its exceptions, and the union of several. Pure. */
import { type Cidr, type IpFamily, parseCidr } from '../../api/ip.js'
import type { AddressRange } from '../ruleset/rule.js'

export interface IpBlock {
  readonly cidr: string
  readonly except?: readonly string[]
}

export type RangesByFamily = Readonly<Record<IpFamily, readonly AddressRange[]>>

/** Sorted, without overlaps. A block that cannot be read allows nothing; an exception that cannot be read excepts the whole block. */
export function rangesOf(blocks: readonly IpBlock[]): RangesByFamily {
  const found: Record<IpFamily, AddressRange[]> = { IPv4: [], IPv6: [] }
  for (const { cidr, except = [] } of blocks) {
    const block = parseCidr(cidr)
    const exceptions = except.map(parseCidr)
    if (!block || exceptions.includes(undefined)) continue
    found[block.family].push(...without(block, exceptions as Cidr[]))
  }
  return { IPv4: merged(found.IPv4), IPv6: merged(found.IPv6) }
}

function without(block: Cidr, exceptions: readonly Cidr[]): AddressRange[] {
  let rest: AddressRange[] = [{ first: block.first, last: block.last }]
  for (const { family, first, last } of exceptions) {
    if (family !== block.family) continue
    rest = rest.flatMap((range) => {
      if (last < range.first || first > range.last) return [range]
      const parts: AddressRange[] = []
      if (range.first < first) parts.push({ first: range.first, last: first - 1n })
      if (range.last > last) parts.push({ first: last + 1n, last: range.last })
      return parts
    })
  }
  return rest
}

function merged(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const out: { first: bigint; last: bigint }[] = []
  for (const range of sorted) {
    const previous = out.at(-1)
    if (previous && range.first <= previous.last + 1n) {
      if (range.last > previous.last) previous.last = range.last
    } else out.push({ ...range })
  }
  return out
}

/** The same for ports, which nft wants without overlaps too. */
export function mergedPorts(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0])
  const out: [number, number][] = []
  for (const [from, to] of sorted) {
    const previous = out.at(-1)
    if (previous && from <= previous[1] + 1) previous[1] = Math.max(previous[1], to)
    else out.push([from, to])
  }
  return out
}
