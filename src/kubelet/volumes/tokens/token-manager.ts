import type { TokenRequest } from '../../../api/types/authentication-v1.js'
import type { Clock } from '../../../base/clock.js'
import type { Random } from '../../../base/random.js'
import type { Client } from '../../../client/client.js'
import { resources } from '../../../client/resources.js'

/**
 * Service account tokens of pods (KEP-1205): asked of the TokenRequest API, kept while they are good, and replaced once they are a
 * day old or four fifths of their life are over, whichever comes first. While the API is away, a token that has not ended serves on.
 */
export interface TokenWanted {
  readonly namespace: string
  readonly serviceAccount: string
  readonly podName: string
  readonly podUid: string
  readonly audience: string
  readonly expirationSeconds: number
}

export interface Token {
  readonly token: string
  readonly expiresAtMs: number
  /** When to ask for the next one. */
  readonly refreshAtMs: number
}

const dayMs = 86_400_000
const jitterMs = 10_000

export class TokenManager {
  readonly #client: Client
  readonly #clock: Clock
  readonly #random: Random
  readonly #tokens = new Map<string, Token & { readonly podUid: string }>()

  constructor({ client, clock, random }: { client: Client; clock: Clock; random: Random }) {
    this.#client = client
    this.#clock = clock
    this.#random = random
  }

  async token(wanted: TokenWanted): Promise<Token> {
    const key = JSON.stringify(wanted)
    const known = this.#tokens.get(key)
    const nowMs = this.#clock.now()
    if (known && nowMs < known.refreshAtMs) return known
    try {
      const token = await this.#ask(wanted, nowMs)
      this.#tokens.set(key, { ...token, podUid: wanted.podUid })
      return token
    } catch (error) {
      if (known && nowMs < known.expiresAtMs) return { ...known, refreshAtMs: nowMs + jitterMs }
      throw new Error(`failed to fetch token: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }

  /** The pod is gone: its tokens are worth nothing any more. */
  forget(podUid: string): void {
    for (const [key, token] of this.#tokens) if (token.podUid === podUid) this.#tokens.delete(key)
  }

  async #ask({ namespace, serviceAccount, podName, podUid, audience, expirationSeconds }: TokenWanted, nowMs: number): Promise<Token> {
    const request: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: podName, uid: podUid },
      },
    }
    const { status } = await this.#client
      .resource(resources.serviceAccounts)
      .createSubresource<TokenRequest, TokenRequest>(namespace, serviceAccount, 'token', request)
    if (!status?.token || !status.expirationTimestamp) throw new Error('the answer holds no token')
    const expiresAtMs = Date.parse(status.expirationTimestamp)
    return { token: status.token, expiresAtMs, refreshAtMs: this.#refreshAt(nowMs, expiresAtMs) }
  }

  #refreshAt(nowMs: number, expiresAtMs: number): number {
    const lifeMs = expiresAtMs - nowMs
    const jitter = this.#random.next() * jitterMs
    return nowMs + Math.min(lifeMs * 0.8, dayMs) - Math.min(jitter, lifeMs * 0.05)
  }
}
