/**
 * The members of one etcd cluster. Calls go to one of them until it dies or hangs; then its connection is dropped with all that is
 * under way on it, and the next member takes over. Reads are tried again elsewhere within a bounded time, writes never once sent.
 */
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { Channel, type ChannelTls, RpcError, type Stream, type StreamHandlers } from './channel.js'
import { code, methods, rangeRequest } from './rpc.js'

export interface EndpointsOptions {
  readonly endpoints: readonly string[]
  readonly tls?: ChannelTls
  readonly clock: Clock
  readonly logger: Logger
}

export interface CallOptions {
  /** True when doing it twice is as good as once. */
  readonly repeatable: boolean
  /** For one attempt. */
  readonly timeoutMs?: number
  /** For all attempts together. */
  readonly totalMs?: number
  readonly signal?: AbortSignal
}

/** An attempt that takes longer means that the member hangs or cannot reach the others. */
const attemptMs = 2_500
/** Long enough for the members to elect a leader (1 to 2 s) after the old one was lost. */
const totalMs = 8_000
const pauseMs = 100
const logEveryMs = 10_000

/** The key that etcd's own health check reads. */
const proofRequest = rangeRequest.encode({ key: Buffer.from('health'), countOnly: true })

/** Texts of answers that say: not proposed, so it did not happen and will not. */
const notProposed = /no leader|too many requests|database space exceeded|request is too large|not capable/

export class Endpoints {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #channels: readonly Channel[]
  readonly #loggedAtMs = new Map<Channel, number>()
  #current = 0
  #proof: Promise<void> | undefined
  /** False while the proof is still being sought: then it goes on with the next member by itself. */
  #isProven = false
  #heardAtMs = 0

  constructor({ endpoints, tls, clock, logger }: EndpointsOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#channels = endpoints.map((url) => new Channel({ url, clock, ...(tls ? { tls } : {}) }))
  }

  /** When a member last answered anything (monotonic). */
  get heardAtMs(): number {
    return this.#heardAtMs
  }

  heard(): void {
    this.#heardAtMs = this.#clock.monotonic()
  }

  /** Throws RpcError: the member's own when it is about the request, else the last attempt's. */
  async call(path: string, request: Uint8Array, options: CallOptions): Promise<Buffer> {
    const startedAtMs = this.#clock.monotonic()
    const limitMs = options.totalMs ?? totalMs
    for (let attempt = 1; ; attempt++) {
      // A write sent to a member that still follows a dead leader is lost without a word, and nobody may send it again.
      if (!options.repeatable) await this.#proven()
      const channel = this.#channel()
      const leftMs = limitMs - (this.#clock.monotonic() - startedAtMs)
      try {
        const answer = await channel.unary(path, request, Math.min(options.timeoutMs ?? attemptMs, Math.max(leftMs, 1)))
        this.heard()
        return answer
      } catch (error) {
        if (!(error instanceof RpcError) || !isMemberTrouble(error)) throw error
        this.#leave(channel, error)
        const happened = error.sent && !notProposed.test(error.message)
        if (happened && !options.repeatable) throw error
        options.signal?.throwIfAborted()
        if (this.#clock.monotonic() - startedAtMs >= limitMs) throw error
      }
      // Each member once, then a pause: none of them may be able to answer just now.
      if (attempt % this.#channels.length === 0) await this.#clock.sleep(pauseMs, options.signal)
    }
  }

  /** A stream to the present member. It ends when that member is left. Rejects with RpcError when it cannot be reached. */
  async stream(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): Promise<Stream> {
    const channel = this.#channel()
    try {
      return await channel.stream(path, metadata, {
        message: (bytes) => {
          this.heard()
          handlers.message(bytes)
        },
        end: (error) => {
          if (error && isMemberTrouble(error)) this.#leave(channel, error)
          handlers.end(error)
        },
      })
    } catch (error) {
      this.#leave(channel, error)
      throw error
    }
  }

  close(): void {
    for (const channel of this.#channels) channel.close()
  }

  /** Resolves when the present member has answered a linearizable read since it was chosen: it has a leader that can be reached. */
  #proven(): Promise<void> {
    if (!this.#proof) {
      const proof = this.call(methods.range, proofRequest, { repeatable: true }).then(
        () => {
          this.#isProven = true
        },
        (error: unknown) => {
          if (this.#proof === proof) this.#proof = undefined
          // Whatever waited for it was never sent.
          throw error instanceof RpcError ? new RpcError(error.code, error.message, false) : error
        },
      )
      this.#proof = proof
    }
    return this.#proof
  }

  #channel(): Channel {
    return this.#channels[this.#current] as Channel
  }

  #leave(channel: Channel, error: unknown): void {
    if (this.#channel() === channel) {
      this.#current = (this.#current + 1) % this.#channels.length
      if (this.#isProven) this.#proof = undefined
      this.#isProven = false
      const nowMs = this.#clock.monotonic()
      // While no member answers, each is tried many times a second.
      const isNews = nowMs - (this.#loggedAtMs.get(channel) ?? Number.NEGATIVE_INFINITY) >= logEveryMs
      if (isNews) this.#loggedAtMs.set(channel, nowMs)
      if (isNews)
        this.#logger.warn('The etcd member does not answer', { endpoint: channel.url, error: messageOf(error), next: this.#channel().url })
    }
    channel.reset()
  }
}

/** Of the member, not of the request: another member may do better. */
function isMemberTrouble({ code: status, message }: RpcError): boolean {
  if (status === code.unavailable || status === code.deadlineExceeded || status === code.internal) return true
  if (status === code.unknown) return /server (is )?stopp|shutting down|raft: stopped/.test(message)
  return status === code.cancelled && /server|closed|connection/.test(message)
}
