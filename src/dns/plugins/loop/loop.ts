/**
 * Finds out whether what this server forwards comes back to it: it asks itself for a name that nobody else knows, and when the
 * question comes in again and again there is a loop. Going on would eat the machine, so the process ends and says why.
 */
import { QuorateError } from '../../../base/errors.js'
import { failure, type Handler } from '../../answer.js'
import { argsOf, type Link, onlyOne, type Plugin, type Setup } from '../../plugin.js'
import { rcodes, types } from '../../wire/constants.js'
import { isWithin } from '../../wire/name.js'
import { ownQuery } from '../../wire/reader.js'
import { MessageWriter } from '../../wire/writer.js'

const seenMax = 2
const answerTimeoutMs = 2_000
const tryAgainAfterMs = 1_000
const tryForMs = 30_000
/** An answer may come before the loop has gone round. */
const watchForMs = 2_000

export const loop: Plugin = {
  name: 'loop',
  setup(directives, setup): Link {
    argsOf(onlyOne(directives), 0)
    return new LoopLink(setup)
  },
}

class LoopLink implements Link {
  readonly #setup: Setup
  readonly #zone: string
  readonly #name: string
  readonly #ending = new AbortController()
  #seen = 0
  #watching = true
  #isFound = false

  constructor(setup: Setup) {
    this.#setup = setup
    this.#zone = setup.zones[0] ?? '.'
    const digits = () => String(Math.floor(setup.random.next() * 2 ** 52)) + String(Math.floor(setup.random.next() * 1e3))
    this.#name = `${digits()}.${digits()}.${this.#zone === '.' ? '' : this.#zone}`
  }

  handler(next: Handler): Handler {
    return (query) => {
      if (query.type !== types.HINFO || !this.#watching || !isWithin(query.key, this.#zone)) return next(query)
      if (query.key !== this.#name || ++this.#seen <= seenMax) return next(query)
      this.#found(query.client)
      return failure(rcodes.SERVFAIL)
    }
  }

  start(): void {
    void this.#probe()
  }

  stop(): void {
    this.#watching = false
    this.#ending.abort()
  }

  #found({ address, port }: { readonly address: string; readonly port: number }): void {
    if (this.#isFound) return
    this.#isFound = true
    this.#ending.abort()
    const { hosts, port: own, log, fail } = this.#setup
    const from = `${address.includes(':') ? `[${address}]` : address}:${port}`
    const text =
      `Loop (${from} -> ${hosts[0] ?? ''}:${own}) detected for zone "${this.#zone}", ` +
      `see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${this.#name}"`
    log.of('loop').fatal(text)
    fail(
      new QuorateError('ForwardingLoop', `plugin/loop: ${text}`, {
        remedy:
          'Let the Corefile forward to servers that do not forward to this one, or give the kubelet a --resolv-conf without a local resolver.',
      }),
    )
  }

  async #probe(): Promise<void> {
    const { clock } = this.#setup
    const until = clock.monotonic() + tryForMs
    while (!this.#ending.signal.aborted && clock.monotonic() < until) {
      if (await this.#ask()) {
        await clock.sleep(watchForMs, this.#ending.signal).catch(() => undefined)
        break
      }
      this.#seen = 0
      await clock.sleep(tryAgainAfterMs, this.#ending.signal).catch(() => undefined)
    }
    this.#watching = this.#isFound
  }

  /** Whether this server answered. */
  #ask(): Promise<boolean> {
    const { clock, hosts, network, random, boundPort } = this.#setup
    const query = new MessageWriter(random).query(Math.floor(random.next() * 65_536), ownQuery(this.#name, types.HINFO))
    return new Promise((resolve) => {
      const done = (answered: boolean) => {
        cancel()
        this.#ending.signal.removeEventListener('abort', onEnd)
        connection.close()
        resolve(answered)
      }
      const onEnd = () => done(false)
      const cancel = clock.timer(answerTimeoutMs, () => done(false))
      const connection = network.udp(
        { host: hosts[0] ?? '127.0.0.1', port: boundPort() },
        { message: () => done(true), closed: () => done(false) },
      )
      this.#ending.signal.addEventListener('abort', onEnd, { once: true })
      connection.send(query)
    })
  }
}
