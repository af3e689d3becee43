/**
 * Answers packets: finds the site with the longest zone that holds the name, lets its chain answer, writes the answer. No packet
 * ends it: what cannot be read is refused by its code or dropped, what a plugin throws is SERVFAIL and a line in the log.
 */
import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Random } from '../base/random.js'
import { type Answer, failure, type Handler } from './answer.js'
import type { DnsLog } from './log.js'
import type { DnsMetrics } from './metrics.js'
import type { Link } from './plugin.js'
import type { Serve } from './sockets/network.js'
import { classes, rcodes, types } from './wire/constants.js'
import { type Client, type Query, readQuery } from './wire/reader.js'
import { MessageWriter, refusal } from './wire/writer.js'

/** A zone of a server block on one port. */
export interface Site {
  readonly zone: string
  readonly handler: Handler
  readonly observers: readonly Link[]
}

export interface ServerOptions {
  /** "dns://:53": its name in metrics. */
  readonly name: string
  readonly sites: readonly Site[]
  /** Told of queries for no zone of ours. */
  readonly unmatched: readonly Link[]
  readonly clock: Clock
  readonly random: Random
  readonly log: DnsLog
  readonly metrics: DnsMetrics
}

const depthMax = 8

const refusing: Handler = () => failure(rcodes.REFUSED)

export class DnsServer {
  readonly #options: ServerOptions
  readonly #sites: ReadonlyMap<string, Site>
  readonly #writer: MessageWriter
  readonly #nowhere: Site
  /** That is listened on; 0 before. */
  port = 0

  constructor(options: ServerOptions) {
    this.#options = options
    this.#sites = new Map(options.sites.map((site) => [site.zone, site]))
    this.#writer = new MessageWriter(options.random)
    this.#nowhere = { zone: 'dropped', handler: refusing, observers: options.unmatched }
  }

  readonly serve: Serve = (bytes, client, send) => {
    const startedAtMs = this.#options.clock.monotonic()
    const packet = readQuery(bytes, client)
    if (!packet) return
    if ('refuse' in packet) return send(refusal(bytes, rcodes[packet.refuse]))
    const { query } = packet
    const site = this.#siteOf(query.key)
    const finish = (answer: Answer) => this.#finish(site, query, answer, startedAtMs, send)
    const answer = this.#ask(site, query)
    if (answer instanceof Promise) answer.then(finish, (error: unknown) => finish(this.#broken(error)))
    else finish(answer)
  }

  /** An answer for this process itself: the same chain, without the wire. */
  async resolve(query: Query): Promise<Answer> {
    // An alias may lead back to itself by way of what else this server does with names.
    if (query.depth > depthMax) return failure(rcodes.SERVFAIL)
    try {
      return await this.#ask(this.#siteOf(query.key), query)
    } catch (error) {
      return this.#broken(error)
    }
  }

  #ask(site: Site, query: Query): Answer | Promise<Answer> {
    if (query.edns !== undefined && query.edns.version !== 0) return failure(rcodes.BADVERS)
    if (query.class !== classes.IN) return failure(rcodes.REFUSED)
    // Zones are not given away as a whole: there is no transfer plugin.
    if (query.type === types.AXFR || query.type === types.IXFR) return failure(rcodes.REFUSED)
    try {
      return site.handler(query)
    } catch (error) {
      return this.#broken(error)
    }
  }

  #broken(error: unknown): Answer {
    const { metrics, log } = this.#options
    metrics.panics.inc()
    log.error(`Recovered from a fault in the server: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`)
    return failure(rcodes.SERVFAIL)
  }

  #siteOf(key: string): Site {
    for (let from = 0; from < key.length; ) {
      const site = this.#sites.get(from === 0 ? key : key.slice(from))
      if (site) return site
      const dot = key.indexOf('.', from)
      // A zone cannot begin within an escape: such a label has no dot of its own to stop at.
      from = dot < 0 ? key.length : dot + 1
    }
    return this.#sites.get('.') ?? this.#nowhere
  }

  #finish(site: Site, query: Query, answer: Answer, startedAtMs: number, send: (reply: Buffer) => void): void {
    let reply: Buffer
    try {
      reply = this.#writer.answer(query, answer)
    } catch (error) {
      reply = this.#writer.answer(query, this.#broken(error))
    }
    send(reply)
    if (site.observers.length === 0) return
    const event = {
      query,
      answer,
      server: this.#options.name,
      zone: site.zone,
      sizeBytes: reply.length,
      truncated: ((reply[2] as number) & 2) !== 0,
      elapsedMs: this.#options.clock.monotonic() - startedAtMs,
    }
    for (const observer of site.observers) observer.observe?.(event)
  }
}

export function isIpv4(client: Client): boolean {
  return !client.address.includes(':')
}
