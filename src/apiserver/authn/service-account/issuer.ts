import { SignJWT } from 'jose'
import type { Clock } from '../../../base/clock.js'
import { timestamp } from '../../../base/clock.js'
import type { Random } from '../../../base/random.js'
import { type ObjectReference, userName } from './claims.js'
import type { SigningKey } from './keys.js'

/** What kube-api-access volumes ask for: recognized, so that --service-account-extend-token-expiration applies to them alone. */
export const podTokenSeconds = 3607
const extendedSeconds = 365 * 24 * 3600

export interface TokenSpec {
  readonly namespace: string
  readonly account: ObjectReference
  readonly audiences: readonly string[]
  readonly expirationSeconds: number
  readonly pod?: ObjectReference
  readonly secret?: ObjectReference
  readonly node?: { readonly name: string; readonly uid?: string }
}

export interface TokenIssuer {
  issue(spec: TokenSpec): Promise<{ readonly token: string; readonly expirationTimestamp: string; readonly id: string }>
}

export interface TokenIssuerOptions {
  readonly issuer: string
  readonly key: SigningKey
  readonly clock: Clock
  readonly random: Random
  /** The server's own audiences: only tokens for them are given the longer life. */
  readonly ownAudiences: readonly string[]
  /** --service-account-extend-token-expiration (default true): old clients that never reload their token go on working. */
  readonly extendExpiration: boolean
  /** --service-account-max-token-expiration; undefined: no bound. */
  readonly expirationSecondsMax?: number
}

/** Signs bound service-account tokens (KEP-1205). */
export function tokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { issuer, key, clock, random } = options
  return {
    async issue(spec) {
      const now = Math.floor(clock.now() / 1000)
      const asked = Math.min(spec.expirationSeconds, options.expirationSecondsMax ?? Number.POSITIVE_INFINITY)
      const extend =
        options.extendExpiration &&
        spec.pod !== undefined &&
        asked === podTokenSeconds &&
        spec.audiences.every((audience) => options.ownAudiences.includes(audience))
      const id = random.uuid()
      const token = await new SignJWT({
        'kubernetes.io': {
          namespace: spec.namespace,
          ...(spec.node ? { node: spec.node } : {}),
          ...(spec.pod ? { pod: spec.pod } : {}),
          ...(spec.secret ? { secret: spec.secret } : {}),
          serviceaccount: spec.account,
          ...(extend ? { warnafter: now + asked } : {}),
        },
      })
        .setProtectedHeader({ alg: key.algorithm, kid: key.id })
        .setAudience([...spec.audiences])
        .setExpirationTime(now + (extend ? extendedSeconds : asked))
        .setIssuedAt(now)
        .setNotBefore(now)
        .setIssuer(issuer)
        .setJti(id)
        .setSubject(userName(spec.namespace, spec.account.name))
        .sign(key.privateKey)
      return { token, id, expirationTimestamp: timestamp((now + asked) * 1000) }
    },
  }
}
