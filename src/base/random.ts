/** Randomness, passed in, so that a failing simulation can be replayed from its seed. Not for secrets. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** `length` characters of Kubernetes' name alphabet (no vowels, no look-alikes). */
  suffix(length: number): string
  /** A version 4 UUID. */
  uuid(): string
}

/** The alphabet of generated names (apimachinery util/rand): no vowels, so no words. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

function randomFrom(next: () => number, uuid: () => string): Random {
  return {
    next,
    uuid,
    suffix(length) {
      let text = ''
      for (let i = 0; i < length; i++) text += nameAlphabet[Math.floor(next() * nameAlphabet.length)]
      return text
    },
  }
}

/** The platform's generator. */
export function realRandom(): Random {
  return randomFrom(Math.random, () => globalThis.crypto.randomUUID())
}

/** Repeatable: the same seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const hex = (digits: number) => {
    let text = ''
    for (let i = 0; i < digits; i++) text += Math.floor(next() * 16).toString(16)
    return text
  }
  const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[Math.floor(next() * 4)]}${hex(3)}-${hex(12)}`
  return randomFrom(next, uuid)
}
