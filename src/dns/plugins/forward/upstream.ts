/** One server that queries are forwarded to, and whether it is taken for alive. */
import { flags, rcodeName, types } from '../../wire/constants.js'
import { ownQuery, type Message, type Query } from '../../wire/reader.js'
import type { MessageWriter } from '../../wire/writer.js'
import type { Setup } from '../../plugin.js'
import { Exchange } from './exchange.js'
import type { ForwardOptions, UpstreamAddress } from './options.js'

export class Upstream {
  readonly text: string
  readonly #options: ForwardOptions
  readonly #setup: Setup
  readonly #exchange: Exchange
  readonly #ending = new AbortController()
  #fails = 0
  #checking = false

  constructor(address: UpstreamAddress, options: ForwardOptions, setup: Setup, writer: MessageWriter) {
    const { clock, random, network } = setup
    const { readTimeoutMs, expireMs, maxIdle } = options
    this.text = address.text
    this.#options = options
    this.#setup = setup
    this.#exchange = new Exchange({ address, clock, random, network, writer, readTimeoutMs, expireMs, maxIdle })
  }

  get down(): boolean {
    return this.#options.maxFails > 0 && this.#fails > this.#options.maxFails
  }

  async ask(query: Query, tcp: boolean): Promise<Message> {
    const { clock, metrics } = this.#setup
    const startedAtMs = clock.monotonic()
    const message = await this.#exchange.ask(query, tcp)
    metrics.proxyDuration.observe(['forward', this.text, rcodeName(message.rcode)], (clock.monotonic() - startedAtMs) / 1000)
    return message
  }

  /** A query failed: ask it for something simple until it answers. Any answer is good. */
  check(): void {
    if (this.#checking || this.#options.maxFails === 0 || this.#options.healthCheckMs === 0) return
    this.#checking = true
    void this.#checkUntilWell()
  }

  stop(): void {
    this.#ending.abort()
    this.#exchange.close()
  }

  async #checkUntilWell(): Promise<void> {
    const { clock, metrics } = this.#setup
    const { healthCheckMs, healthDomain, healthRecursion } = this.#options
    const probe = ownQuery(healthDomain, types.NS, { flags: healthRecursion ? flags.RD : 0 })
    while (!this.#ending.signal.aborted) {
      try {
        await this.#exchange.ask(probe, this.#options.forceTcp)
        this.#fails = 0
        break
      } catch {
        this.#fails++
        metrics.proxyHealthcheckFailures.inc(['forward', this.text])
      }
      await clock.sleep(healthCheckMs, this.#ending.signal).catch(() => undefined)
    }
    this.#checking = false
  }
}
