import type { Store } from '../../storage/store.js'
import { decode, encode, sameBits } from './port-bitmap.js'

export class PortUnavailable extends Error {
  override readonly name = 'PortUnavailable'
}

export interface SharedBitmap {
  /** Applies `change` to a copy of the bitmap until the store takes it; gives what `change` gave last. */
  edit<T>(change: (bits: Uint8Array) => T): Promise<T>
  /** Reads what is in the store now; changes made by `read` are forgotten. */
  look<T>(read: (bits: Uint8Array) => T): Promise<T>
}

const key = '/registry/ranges/servicenodeports'
const triesMax = 50

/**
 * The bitmap of a port range in the store, shared by every API server. Changes of one server go one after another, to
 * keep it from conflicting with itself; those of others show as conflicts and are taken in.
 */
export function sharedBitmap(store: Store, range: { readonly first: number; readonly last: number }): SharedBitmap {
  const size = range.last - range.first + 1
  let cached: { revision: number | 'absent'; bits: Uint8Array } | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const load = async () => {
    const entry = await store.get(key)
    cached = { revision: entry?.revision ?? 'absent', bits: decode(entry?.value, size) }
    return cached
  }
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
        const committed = await store.commit({ key, expect: base.revision, value: encode(bits, range) })
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
  return { edit, look: async (read) => read((await load()).bits.slice()) }
}
