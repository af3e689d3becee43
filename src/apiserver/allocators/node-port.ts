import type { Random } from '../../base/random.js'
import type { Store } from '../../storage/store.js'
import { getBit, setBit } from './port-bitmap.js'
import { PortUnavailable, sharedBitmap } from './shared-bitmap.js'

export { PortUnavailable }

export interface NodePortAllocator {
  readonly first: number
  readonly last: number
  /** Any free port. `reserve: false` (dry run) picks without taking it. */
  next(reserve: boolean): Promise<number>
  /** These very ports, all or none. Throws PortUnavailable with the first that is taken. */
  take(ports: readonly number[], reserve: boolean): Promise<void>
  release(ports: readonly number[]): Promise<void>
  /** Replaces the whole set by `keep(current)`: the repair loop. Returns what was freed and what was added. */
  repair(keep: (taken: ReadonlySet<number>) => ReadonlySet<number>): Promise<{ freed: number[]; added: number[] }>
}

/**
 * Node ports and health-check node ports: one bitmap in the store, changed by compare-and-swap, so it holds with any
 * number of API servers.
 */
export function nodePortAllocator(
  store: Store,
  options: { readonly first: number; readonly last: number; readonly random: Random },
): NodePortAllocator {
  const { first, last, random } = options
  const size = last - first + 1
  const bitmap = sharedBitmap(store, options)

  const pick = (bits: Uint8Array): number => {
    const index = freeIndex(bits, size, random)
    if (index === undefined) throw new PortUnavailable('range is full')
    setBit(bits, index, true)
    return first + index
  }
  const takeAll = (ports: readonly number[]) => (bits: Uint8Array) => {
    for (const port of ports) {
      if (port < first || port > last)
        throw new PortUnavailable(`provided port is not in the valid range. The range of valid ports is ${first}-${last}`)
      if (getBit(bits, port - first)) throw new PortUnavailable('provided port is already allocated')
      setBit(bits, port - first, true)
    }
  }
  return {
    first,
    last,
    next: (reserve) => (reserve ? bitmap.edit(pick) : bitmap.look(pick)),
    take: (ports, reserve) => (reserve ? bitmap.edit(takeAll(ports)) : bitmap.look(takeAll(ports))),
    release: (ports) =>
      bitmap.edit((bits) => {
        for (const port of ports) if (port >= first && port <= last) setBit(bits, port - first, false)
      }),
    repair: (keep) =>
      bitmap.edit((bits) => {
        const taken = new Set<number>()
        for (let index = 0; index < size; index++) if (getBit(bits, index)) taken.add(first + index)
        const wanted = keep(taken)
        for (let index = 0; index < size; index++) setBit(bits, index, wanted.has(first + index))
        return {
          freed: [...taken].filter((port) => !wanted.has(port)),
          added: [...wanted].filter((port) => port >= first && port <= last && !taken.has(port)),
        }
      }),
  }
}

/** A random free place above the static band (KEP-3668), else one in it. */
function freeIndex(bits: Uint8Array, size: number, random: Random): number | undefined {
  const band = size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128)
  for (const [from, count] of [
    [band, size - band],
    [0, band],
  ] as const) {
    const start = Math.floor(random.next() * count)
    for (let at = 0; at < count; at++) {
      const index = from + ((start + at) % count)
      if (!getBit(bits, index)) return index
    }
  }
  return undefined
}
