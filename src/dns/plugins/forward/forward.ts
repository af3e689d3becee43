/**
 * Asks other servers: the next one of the policy that is not taken for down, another one when that fails, until an answer or the
 * end of the time that a client waits. When all are down, the checks are taken for broken and one is asked at random.
 */
import { messageOf } from '../../../base/errors.js'
import { type Answer, Body, failure, type Handler } from '../../answer.js'
import { fault, type Link, type Plugin, type Setup } from '../../plugin.js'
import { flags, rcodes } from '../../wire/constants.js'
import { isWithin } from '../../wire/name.js'
import type { Message, Query } from '../../wire/reader.js'
import { MessageWriter } from '../../wire/writer.js'
import { type ForwardOptions, forwardOptions } from './options.js'
import { Upstream } from './upstream.js'

/** A client's resolver gives up after five seconds. */
const patienceMs = 5_000
const attemptsPerUpstream = 2

export const forward: Plugin = {
  name: 'forward',
  setup(directives, setup): Link {
    const forwarders = directives.map((directive) => new Forwarder(forwardOptions(directive, setup), setup))
    const froms = forwarders.map(({ from }) => from)
    const twice = froms.findIndex((from, at) => froms.indexOf(from) !== at)
    if (twice >= 0) throw fault(directives[twice] as (typeof directives)[number], `the zone ${froms[twice]} is forwarded already`)
    return {
      handler: (next) => (query) => {
        for (const forwarder of forwarders) if (forwarder.takes(query)) return forwarder.answer(query)
        return next(query)
      },
      stop() {
        for (const forwarder of forwarders) forwarder.stop()
      },
    } satisfies Link & { handler: (next: Handler) => Handler }
  },
}

class Forwarder {
  readonly from: string
  readonly #options: ForwardOptions
  readonly #setup: Setup
  readonly #upstreams: readonly Upstream[]
  #underWay = 0
  #turn = 0

  constructor(options: ForwardOptions, setup: Setup) {
    this.from = options.from
    this.#options = options
    this.#setup = setup
    const writer = new MessageWriter(setup.random)
    this.#upstreams = options.upstreams.map((address) => new Upstream(address, options, setup, writer))
  }

  takes({ key }: Query): boolean {
    const { from, except } = this.#options
    if (!isWithin(key, from)) return false
    return key === from || !except.some((zone) => isWithin(key, zone))
  }

  stop(): void {
    for (const upstream of this.#upstreams) upstream.stop()
  }

  async answer(query: Query): Promise<Answer> {
    const { maxConcurrent } = this.#options
    if (maxConcurrent > 0 && this.#underWay >= maxConcurrent) {
      this.#setup.metrics.forwardRejects.inc()
      return failure(rcodes.REFUSED, `concurrent queries exceeded maximum ${maxConcurrent}`)
    }
    this.#underWay++
    try {
      return await this.#ask(query)
    } finally {
      this.#underWay--
    }
  }

  async #ask(query: Query): Promise<Answer> {
    const { clock } = this.#setup
    const { failover } = this.#options
    const until = clock.monotonic() + patienceMs
    const order = this.#order()
    let failed: string | undefined
    let failedOver = 0
    for (let attempt = 0; attempt < order.length * attemptsPerUpstream && clock.monotonic() < until; attempt++) {
      const upstream = this.#next(order, attempt)
      if (!upstream) break
      try {
        const message = await this.#exchange(upstream, query)
        if (failover.includes(message.rcode) && ++failedOver < order.length) continue
        return answerOf(message)
      } catch (error) {
        failed = messageOf(error)
        upstream.check()
      }
    }
    return failure(rcodes.SERVFAIL, failed ?? 'no healthy proxies')
  }

  async #exchange(upstream: Upstream, query: Query): Promise<Message> {
    const { forceTcp, preferUdp } = this.#options
    const tcp = forceTcp || (query.client.transport === 'tcp' && !preferUdp)
    const message = await upstream.ask(query, tcp)
    const isCut = (message.flags & flags.TC) !== 0
    return isCut && preferUdp && !tcp ? upstream.ask(query, true) : message
  }

  /** undefined: none is to be asked. */
  #next(order: readonly Upstream[], attempt: number): Upstream | undefined {
    const from = attempt % order.length
    for (let step = 0; step < order.length; step++) {
      const upstream = order[(from + step) % order.length] as Upstream
      if (!upstream.down) return upstream
    }
    this.#setup.metrics.forwardHealthcheckBroken.inc()
    if (this.#options.failfast) return undefined
    return order[Math.floor(this.#setup.random.next() * order.length)]
  }

  #order(): readonly Upstream[] {
    const all = this.#upstreams
    if (all.length === 1 || this.#options.policy === 'sequential') return all
    if (this.#options.policy === 'round_robin') {
      const first = this.#turn++ % all.length
      return [...all.slice(first), ...all.slice(0, first)]
    }
    const order = [...all]
    for (let left = order.length - 1; left > 0; left--) {
      const other = Math.floor(this.#setup.random.next() * (left + 1))
      ;[order[left], order[other]] = [order[other] as Upstream, order[left] as Upstream]
    }
    return order
  }
}

function answerOf({ rcode, flags: word, answers, authority, additional }: Message): Answer {
  const kept = word & (flags.AA | flags.RA | flags.AD | flags.TC)
  return { rcode, flags: kept, body: new Body(answers, authority, additional), plugin: 'forward' }
}
