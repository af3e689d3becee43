/**
 * Keeps answers of the plugins behind it for their time to live: those with records, and (RFC 2308) those that say there are
 * none. What is kept is given out with the time that is left; its bytes are made once.
 */
import { LRUCache } from 'lru-cache'
import { type Answer, Body, type Handler } from '../../answer.js'
import type { Link, Plugin, Setup } from '../../plugin.js'
import { flags, rcodes, types } from '../../wire/constants.js'
import { isWithin, zoneOf } from '../../wire/name.js'
import type { Query } from '../../wire/reader.js'
import { type Rr, soaMinimum } from '../../wire/record.js'
import { type CacheOptions, cacheOptions, type Share } from './options.js'

interface Item {
  readonly answer: Answer
  readonly storedAtMs: number
  readonly ttl: number
  hits: number
  lastHitMs: number
  refreshing: boolean
}

type Kind = 'success' | 'denial'

export const cache: Plugin = {
  name: 'cache',
  setup: (directives, setup) => new CacheLink(cacheOptions(directives, setup.zones), setup),
}

class CacheLink implements Link {
  readonly #options: CacheOptions
  readonly #setup: Setup
  readonly #stores: Readonly<Record<Kind, LRUCache<string, Item>>>
  readonly #labels: readonly string[]
  readonly #kindLabels: Readonly<Record<Kind, readonly string[]>>

  constructor(options: CacheOptions, setup: Setup) {
    this.#options = options
    this.#setup = setup
    const zones = options.zones.join(',')
    this.#labels = [setup.server, zones, '']
    this.#kindLabels = { success: [setup.server, 'success', zones, ''], denial: [setup.server, 'denial', zones, ''] }
    const store = (kind: Kind) =>
      new LRUCache<string, Item>({
        max: options[kind].capacity,
        dispose: (_, __, reason) => void (reason === 'evict' && setup.metrics.cacheEvictions.inc(this.#kindLabels[kind])),
      })
    this.#stores = { success: store('success'), denial: store('denial') }
  }

  handler(next: Handler): Handler {
    return (query) => {
      if (zoneOf(this.#options.zones, query.key) === undefined) return next(query)
      const { metrics, clock } = this.#setup
      metrics.cacheRequests.inc(this.#labels)
      const key = keyOf(query)
      const nowMs = clock.monotonic()
      const kind: Kind = this.#fresh('denial', key, nowMs) ? 'denial' : 'success'
      const item = this.#stores[kind].get(key)
      if (!item || !this.#usable(item, nowMs)) {
        metrics.cacheMisses.inc(this.#labels)
        const answer = next(query)
        return answer instanceof Promise ? answer.then((each) => this.#keep(key, query, each)) : this.#keep(key, query, answer)
      }
      const left = item.ttl - Math.floor((nowMs - item.storedAtMs) / 1000)
      if (left <= 0) return this.#stale(item, { key, query, next, kind })
      metrics.cacheHits.inc(this.#kindLabels[kind])
      if (this.#isPopular(item, left, nowMs)) this.#refresh(item, key, query, next)
      return hit(item, query, this.#options.keepTtl ? undefined : left)
    }
  }

  #fresh(kind: Kind, key: string, nowMs: number): boolean {
    const item = this.#stores[kind].get(key)
    return item !== undefined && nowMs - item.storedAtMs < item.ttl * 1000
  }

  #usable(item: Item, nowMs: number): boolean {
    return nowMs - item.storedAtMs < item.ttl * 1000 + this.#options.staleMs
  }

  /** Past its end: given out with no time left while it is fetched anew, or after it could not be. */
  #stale(item: Item, { key, query, next, kind }: { key: string; query: Query; next: Handler; kind: Kind }): Answer | Promise<Answer> {
    const { metrics } = this.#setup
    const old = () => {
      metrics.cacheServedStale.inc(this.#labels)
      metrics.cacheHits.inc(this.#kindLabels[kind])
      return hit(item, query, 0)
    }
    if (!this.#options.verifyStale) {
      this.#refresh(item, key, query, next)
      return old()
    }
    const isBetter = (answer: Answer) => answer.rcode === rcodes.NOERROR || answer.rcode === rcodes.NXDOMAIN
    return Promise.resolve(next(query)).then(
      (answer) => (isBetter(answer) ? this.#keep(key, query, answer) : old()),
      () => old(),
    )
  }

  #isPopular(item: Item, left: number, nowMs: number): boolean {
    const { prefetchAmount, prefetchWithinMs, prefetchPercentage } = this.#options
    if (prefetchAmount === 0) return false
    item.hits = nowMs - item.lastHitMs > prefetchWithinMs ? 1 : item.hits + 1
    item.lastHitMs = nowMs
    return item.hits >= prefetchAmount && left <= Math.ceil((item.ttl * prefetchPercentage) / 100)
  }

  #refresh(item: Item, key: string, query: Query, next: Handler): void {
    if (item.refreshing) return
    item.refreshing = true
    this.#setup.metrics.cachePrefetch.inc(this.#labels)
    void Promise.resolve(next(query)).then(
      (answer) => {
        item.refreshing = false
        // A failure must not take the place of what is still good.
        if (answer.rcode !== rcodes.NOERROR && answer.rcode !== rcodes.NXDOMAIN) return
        this.#keep(key, query, answer)
        const renewed = this.#stores.success.peek(key) ?? this.#stores.denial.peek(key)
        if (renewed) Object.assign(renewed, { hits: item.hits, lastHitMs: item.lastHitMs })
      },
      () => {
        item.refreshing = false
      },
    )
  }

  /** The answer as it is given out now; kept when it may be. */
  #keep(key: string, query: Query, answer: Answer): Answer {
    const kind = kindOf(answer, query)
    if (!kind) return answer
    const share = this.#options[kind]
    const ttl = answer.rcode === rcodes.SERVFAIL ? Math.floor(this.#options.servfailMs / 1000) : ttlOf(answer, kind, share)
    // A first answer with hours to live and a second with seconds would surprise.
    const kept = { ...answer, body: capped(answer.body, ttl) }
    if (ttl <= 0 || share.except.some((zone) => isWithin(query.key, zone))) return kept
    const { clock, metrics } = this.#setup
    const nowMs = clock.monotonic()
    this.#stores[kind].set(key, { answer: kept, storedAtMs: nowMs, ttl, hits: 0, lastHitMs: nowMs, refreshing: false })
    if (kind === 'success') this.#stores.denial.delete(key)
    metrics.cacheEntries.set(this.#kindLabels[kind], this.#stores[kind].size)
    return { ...kept, flags: flagsFor(kept, query) }
  }
}

/** DNSSEC records and unchecked answers are others. */
function keyOf({ key, type, class: cls, dnssec, checkingDisabled }: Query): string {
  return `${type} ${cls} ${dnssec ? 1 : 0}${checkingDisabled ? 1 : 0} ${key}`
}

/** AA is set whatever the answer came from: some resolver libraries take no other (CoreDNS's rule). */
function hit(item: Item, query: Query, ttl: number | undefined): Answer {
  const { answer } = item
  const word = flagsFor(answer, query) | flags.AA
  return { rcode: answer.rcode, flags: word, body: answer.body, plugin: 'cache', ...(ttl === undefined ? {} : { ttl }) }
}

/** AD is for who asked for it (RFC 6840, 5.7). */
function flagsFor(answer: Answer, query: Query): number {
  const isWanted = query.dnssec || (query.flags & flags.AD) !== 0
  return isWanted ? answer.flags : answer.flags & ~flags.AD
}

/** undefined: it is not to be kept. */
function kindOf({ rcode, body, flags: word }: Answer, query: Query): Kind | undefined {
  if (word & flags.TC) return undefined
  const hasSoa = body.authority.some(({ type }) => type === types.SOA)
  if (rcode === rcodes.NXDOMAIN) return hasSoa ? 'denial' : undefined
  if (rcode === rcodes.SERVFAIL) return 'denial'
  if (rcode !== rcodes.NOERROR) return undefined
  if (body.answers.length === 0) return hasSoa ? 'denial' : body.authority.length + body.additional.length > 0 ? 'success' : undefined
  const isAnswer = query.type === types.ANY || body.answers.some(({ type }) => type === query.type)
  // An alias that leads to nothing, without the SOA that says for how long, is no answer to keep.
  return isAnswer || hasSoa ? 'success' : undefined
}

function ttlOf({ body }: Answer, kind: Kind, { ttlMax, ttlMin }: Share): number {
  const denied = kind === 'denial' ? body.authority.find(({ type }) => type === types.SOA) : undefined
  let least = denied ? soaMinimum(denied) : ttlMax
  for (const section of [body.answers, body.authority, body.additional]) for (const { ttl } of section) least = Math.min(least, ttl)
  return Math.min(ttlMax, Math.max(ttlMin, least))
}

function capped(body: Body, ttl: number): Body {
  const isLong = (record: Rr) => record.ttl > ttl
  if (!body.answers.some(isLong) && !body.authority.some(isLong) && !body.additional.some(isLong)) return body
  const cap = (records: readonly Rr[]) => records.map((record) => (isLong(record) ? { ...record, ttl } : record))
  return new Body(cap(body.answers), cap(body.authority), cap(body.additional))
}
