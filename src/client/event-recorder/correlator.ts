/**
 * What is written of the events that a component reports (client-go's event correlator): the same event again raises a count,
 * many alike within ten minutes become one combined event, and an object about which too much is said is not heard for a
 * while. State is bounded: of the objects beyond the bound the longest unheard are forgotten.
 */
import { LRUCache } from 'lru-cache'
import { timestamp } from '../../base/clock.js'
import type { Event } from '../../api/types/core-v1.js'
import { TokenBucket } from '../token-bucket.js'

const keysMax = 4096
/** So many different messages of one kind within the interval are combined from then on. */
const similarMax = 10
const similarIntervalMs = 600_000
/** Per object and source: 25 at once, then one in five minutes. */
const spamBurst = 25
const spamPerSecond = 1 / 300

/** An event with its count as it is to be written: `patch` changes the one of this name, else it is created. */
export interface Correlated {
  readonly event: Event
  readonly patch?: { readonly count: number; readonly lastTimestamp: string; readonly message: string }
  /** Names the series in the correlator. */
  readonly key: string
}

interface Similar {
  readonly messages: Set<string>
  lastMs: number
}

interface Observed {
  count: number
  firstTimestamp: string
  name: string
}

export class EventCorrelator {
  readonly #similar = new LRUCache<string, Similar>({ max: keysMax })
  readonly #observed = new LRUCache<string, Observed>({ max: keysMax })
  readonly #spam = new LRUCache<string, TokenBucket>({ max: keysMax })

  /** undefined: say nothing. */
  correlate(event: Event, nowMs: number): Correlated | undefined {
    const { message, key } = this.#aggregate(event, nowMs)
    const correlated = this.#count({ ...event, message }, key, nowMs)
    return this.#mayPass(event, nowMs) ? correlated : undefined
  }

  /** The server has the event under this name; its next occurrence is a patch. */
  written(key: string, name: string): void {
    const observed = this.#observed.get(key)
    if (observed) observed.name = name
  }

  #aggregate(event: Event, nowMs: number): { message: string; key: string } {
    const aggregate = aggregateKey(event)
    const message = event.message ?? ''
    let similar = this.#similar.get(aggregate)
    if (!similar || nowMs - similar.lastMs > similarIntervalMs) similar = { messages: new Set(), lastMs: nowMs }
    this.#similar.set(aggregate, similar)
    similar.messages.add(message)
    similar.lastMs = nowMs
    if (similar.messages.size < similarMax) return { message, key: `${aggregate}\0${message}` }
    similar.messages.delete(similar.messages.values().next().value ?? '')
    return { message: `(combined from similar events): ${message}`, key: aggregate }
  }

  #count(event: Event, key: string, nowMs: number): Correlated {
    const seen = this.#observed.get(key)
    if (!seen) {
      this.#observed.set(key, { count: 1, firstTimestamp: event.firstTimestamp ?? timestamp(nowMs), name: event.metadata.name ?? '' })
      return { event, key }
    }
    seen.count++
    const lastTimestamp = event.lastTimestamp ?? timestamp(nowMs)
    const { count, firstTimestamp, name } = seen
    const known: Event = { ...event, metadata: { ...event.metadata, name }, count, firstTimestamp, lastTimestamp }
    return { event: known, patch: { count, lastTimestamp, message: event.message ?? '' }, key }
  }

  #mayPass(event: Event, nowMs: number): boolean {
    const key = spamKey(event)
    let bucket = this.#spam.get(key)
    if (!bucket) this.#spam.set(key, (bucket = new TokenBucket({ perSecond: spamPerSecond, burst: spamBurst }, nowMs)))
    return bucket.allow(nowMs)
  }
}

function spamKey({ source, involvedObject: about }: Event): string {
  return [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion].join('\0')
}

function aggregateKey(event: Event): string {
  return [spamKey(event), event.involvedObject.fieldPath, event.type, event.reason].join('\0')
}
