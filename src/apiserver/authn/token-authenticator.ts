import { hasReason, unauthorized } from '../../api/status.js'
import type { Authenticator, Credentials, UserInfo } from './authenticator.js'

/** Who a bearer token stands for, and for which of the asked audiences it is meant. */
export interface TokenAnswer {
  readonly user: UserInfo
  readonly audiences: readonly string[]
}

/**
 * Turns a bearer token into a user. undefined: not a token of my kind. Throws StatusError Unauthorized for a token of
 * my kind that is wrong. `audiences` are those the caller answers to; a token for none of them is not accepted.
 */
export interface TokenAuthenticator {
  readonly name: string
  authenticateToken(token: string, audiences: readonly string[]): TokenAnswer | undefined | Promise<TokenAnswer | undefined>
}

/** Longer tokens are refused unread: HTTP headers are bounded anyway, TokenReview bodies are not. */
const tokenLengthMax = 16 * 1024

/** Asks each in turn; a refusal is kept until nobody else knows the token. */
export function unionTokens(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  const askFrom = (
    first: number,
    token: string,
    audiences: readonly string[],
    refused: unknown,
  ): ReturnType<TokenAuthenticator['authenticateToken']> => {
    let refusal = refused
    for (let at = first; at < authenticators.length; at++) {
      try {
        const answer = authenticators[at]?.authenticateToken(token, audiences)
        if (answer instanceof Promise) return continueAfter(answer, at, token, audiences, refusal)
        if (answer) return answer
      } catch (error) {
        refusal = keepRefusal(error)
      }
    }
    if (refusal) throw refusal
    return undefined
  }
  const continueAfter = async (
    pending: Promise<TokenAnswer | undefined>,
    at: number,
    token: string,
    audiences: readonly string[],
    refused: unknown,
  ): Promise<TokenAnswer | undefined> => {
    let refusal = refused
    try {
      const answer = await pending
      if (answer) return answer
    } catch (error) {
      refusal = keepRefusal(error)
    }
    return askFrom(at + 1, token, audiences, refusal)
  }
  return {
    name: 'tokens',
    authenticateToken: (token, audiences) => (token.length > tokenLengthMax ? undefined : askFrom(0, token, audiences, undefined)),
  }
}

/** Only a refusal may be passed over: an unavailable store must not turn into "not authenticated". */
function keepRefusal(error: unknown): unknown {
  if (hasReason(error, 'Unauthorized')) return error
  throw error
}

/** The audiences of a token that is good for this API server as a whole: what is asked for and is ours. */
export function agnosticAudiences(asked: readonly string[], own: readonly string[]): readonly string[] | undefined {
  if (asked === own || own.length === 0) return asked
  const both = asked.filter((audience) => own.includes(audience))
  return both.length > 0 || asked.length === 0 ? both : undefined
}

/** The token of an Authorization header (RFC 6750), or of a WebSocket's subprotocol for browsers, which cannot set headers. */
export function bearerTokenOf(credentials: Credentials): string | undefined {
  const header = credentials.header('authorization')
  if (header !== undefined) {
    const space = header.indexOf(' ')
    return space > 0 && header.slice(0, space).toLowerCase() === 'bearer' ? header.slice(space + 1).trim() || undefined : undefined
  }
  const protocols = credentials.header('sec-websocket-protocol')
  const found = protocols
    ?.split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(webSocketPrefix))
  return found === undefined ? undefined : Buffer.from(found.slice(webSocketPrefix.length), 'base64url').toString() || undefined
}
const webSocketPrefix = 'base64url.bearer.authorization.k8s.io.'

/** Requests with a bearer token: a token nobody knows is refused, never taken for an anonymous request. */
export function bearerToken(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  const need = (answer: TokenAnswer | undefined) => {
    if (!answer) throw unauthorized()
    return answer.user
  }
  return {
    name: 'bearer token',
    authenticate(credentials) {
      const token = bearerTokenOf(credentials)
      if (token === undefined) return undefined
      const answer = tokens.authenticateToken(token, audiences)
      return answer instanceof Promise ? answer.then(need) : need(answer)
    },
  }
}
