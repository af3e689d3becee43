import type { Random } from '../../base/random.js'
import type { Store } from '../../storage/store.js'

export class PortUnavailable extends Error {
  override readonly name = 'PortUnavailable'
}

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

const key = '/registry/ranges/servicenodeports'
const triesMax = 50

/**
 * Node ports and health-check node ports: one bitmap in the store, changed by compare-and-swap, so it holds with any
 * number of API servers. Changes of one server go one after another, to keep it from conflicting with itself.
 */
export function nodePortAllocator(
  store: Store,
  options: { readonly first: number; readonly last: number; readonly random: Random },
): NodePortAllocator {
  const { first, last, random } = options
  const size = last - first + 1
  let cached: { revision: number | 'absent'; bits: Uint8Array } | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const load = async () => {
    const entry = await store.get(key)
    cached = { revision: entry?.revision ?? 'absent', bits: decode(entry?.value, size) }
    return cached
  }
  /** Applies `change` to a copy of the bitmap until the store takes it. */
  const edit = <T>(change: (bits: Uint8Array) => T): Promise<T> => {
    const run = async (): Promise<T> => {
      for (let tries = 0; tries < triesMax; tries++) {
        const fresh = cached === undefined
        const base = cached ?? (await load())
        const bits = base.bits.slice()
        let result: T
        try {
          result = change(bits)
        } catch (error) {
          // Another server may have freed the port since: a refusal counts only against what is in the store now.
          if (fresh || !(error instanceof PortUnavailable)) throw error
          cached = undefined
          continue
        }
        if (sameBits(bits, base.bits)) return result
        const committed = await store.commit({ key, expect: base.revision, value: encode(bits, options) })
        if (committed.ok) {
          cached = { revision: committed.revision, bits }
          return result
        }
        cached = { revision: committed.current?.revision ?? 'absent', bits: decode(committed.current?.value, size) }
      }
      throw new PortUnavailable('too many servers are changing the port range at once')
    }
    const result = queue.then(run, run)
    queue = result.catch(() => {
      // A cached state that led to an error may be the cause of it.
      cached = undefined
    })
    return result
  }
  const look = async <T>(read: (bits: Uint8Array) => T): Promise<T> => read((await load()).bits.slice())

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
    next: (reserve) => (reserve ? edit(pick) : look(pick)),
    take: (ports, reserve) => (reserve ? edit(takeAll(ports)) : look(takeAll(ports))),
    release: (ports) =>
      edit((bits) => {
        for (const port of ports) if (port >= first && port <= last) setBit(bits, port - first, false)
      }),
    repair: (keep) =>
      edit((bits) => {
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

function getBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
}

function setBit(bits: Uint8Array, index: number, on: boolean): void {
  const byte = bits[index >> 3] ?? 0
  bits[index >> 3] = on ? byte | (1 << (index & 7)) : byte & ~(1 << (index & 7))
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

function sameBits(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index])
}

/** A core/v1 RangeAllocation, so that `etcdctl get` shows something known. */
function encode(bits: Uint8Array, { first, last }: { first: number; last: number }): Uint8Array {
  const data = btoa(String.fromCharCode(...bits))
  return new TextEncoder().encode(
    JSON.stringify({ kind: 'RangeAllocation', apiVersion: 'v1', metadata: {}, range: `${first}-${last}`, data }),
  )
}

/** What cannot be read counts as empty: the repair loop fills it from the Services. */
function decode(value: Uint8Array | undefined, size: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(size / 8))
  if (!value) return bits
  try {
    const { data } = JSON.parse(new TextDecoder().decode(value)) as { data?: string }
    const bytes = Uint8Array.from(atob(data ?? ''), (char) => char.charCodeAt(0))
    bits.set(bytes.subarray(0, bits.length))
  } catch {
    return new Uint8Array(Math.ceil(size / 8))
  }
  return bits
}
