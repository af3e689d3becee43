/** The cache plugin's lines, checked. */
import type { Directive } from '../../corefile/corefile.js'
import { duration, integer, zones, zonesOrServer } from '../../corefile/values.js'
import { argsOf, argumentError, fault, notImplemented, onlyOne, unknownProperty } from '../../plugin.js'

export interface Share {
  readonly capacity: number
  readonly ttlMax: number
  readonly ttlMin: number
  /** Zones whose answers of this kind are not kept. */
  readonly except: readonly string[]
}

export interface CacheOptions {
  readonly zones: readonly string[]
  readonly success: Share
  readonly denial: Share
  readonly servfailMs: number
  /** 0: none is fetched before its end. */
  readonly prefetchAmount: number
  readonly prefetchWithinMs: number
  readonly prefetchPercentage: number
  /** 0: nothing past its end is served. */
  readonly staleMs: number
  readonly verifyStale: boolean
  readonly keepTtl: boolean
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const secondsMax = 2 ** 31 - 1
const servfailMsMax = 300_000
const defaultShare: Share = { capacity: 9984, ttlMax: 3600, ttlMin: 5, except: [] }

export function cacheOptions(directives: readonly Directive[], serverZones: readonly string[]): CacheOptions {
  const directive = onlyOne(directives)
  const args = [...directive.args]
  let ttl: number | undefined
  if (args[0] !== undefined && /^-?\d+$/.test(args[0])) ttl = ttlOf(directive, args.shift() as string)
  const options: Mutable<CacheOptions> = {
    zones: zonesOrServer(directive, args, serverZones),
    success: { ...defaultShare, ...(ttl === undefined ? {} : { ttlMax: ttl }) },
    // Absence is not to be believed for so long.
    denial: { ...defaultShare, ttlMax: ttl ?? 1800 },
    servfailMs: 5_000,
    prefetchAmount: 0,
    prefetchWithinMs: 60_000,
    prefetchPercentage: 10,
    staleMs: 0,
    verifyStale: false,
    keepTtl: false,
  }
  for (const property of directive.block ?? []) read(property, options)
  return options
}

function ttlOf(directive: Directive, text: string): number {
  const ttl = Number(text)
  if (!Number.isInteger(ttl) || ttl <= 0 || ttl > secondsMax) throw fault(directive, `cache TTL can not be zero or negative: ${text}`)
  return ttl
}

function read(property: Directive, options: Mutable<CacheOptions>): void {
  const { name, args } = property
  switch (name) {
    case 'success':
    case 'denial': {
      const [capacity, ttl, ttlMin] = argsOf(property, 1, 3)
      options[name] = {
        ...options[name],
        capacity: integer(property, capacity, 1),
        ...(ttl === undefined ? {} : { ttlMax: ttlOf(property, ttl) }),
        ...(ttlMin === undefined ? {} : { ttlMin: integer(property, ttlMin, 0, secondsMax) }),
      }
      return
    }
    case 'prefetch': {
      const [amount, within, percentage] = argsOf(property, 1, 3)
      options.prefetchAmount = integer(property, amount)
      if (within !== undefined) options.prefetchWithinMs = duration(property, within)
      if (percentage === undefined) return
      if (!percentage.endsWith('%'))
        throw fault(property, `last character of percentage should be \`%\`, but is: ${JSON.stringify(percentage.at(-1) ?? '')}`)
      options.prefetchPercentage = integer(property, percentage.slice(0, -1), 10, 90)
      return
    }
    case 'serve_stale': {
      const [forText = '1h', mode = 'immediate'] = argsOf(property, 0, 2)
      if (mode !== 'immediate' && mode !== 'verify') throw fault(property, `invalid value for serve_stale refresh mode: ${mode}`)
      options.staleMs = duration(property, forText)
      options.verifyStale = mode === 'verify'
      return
    }
    case 'servfail':
      options.servfailMs = duration(property, argsOf(property, 1)[0])
      if (options.servfailMs > servfailMsMax) throw fault(property, 'caching SERVFAIL responses over 5 minutes is not permitted')
      return
    case 'disable': {
      const [kind, ...within] = args
      if (kind === undefined) throw argumentError(property)
      if (kind !== 'success' && kind !== 'denial') throw fault(property, `cache type for disable must be "success" or "denial": ${kind}`)
      options[kind] = { ...options[kind], except: within.length === 0 ? ['.'] : zones(property, within) }
      return
    }
    case 'keepttl':
      argsOf(property, 0)
      options.keepTtl = true
      return
    case 'serve_stale_policy':
      throw notImplemented(property)
    default:
      throw unknownProperty(property)
  }
}
