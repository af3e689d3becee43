import { hash } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import { LRUCache } from 'lru-cache'
import type { KubeObject } from '../../../api/object.js'
import { unauthorized } from '../../../api/status.js'
import type { Secret } from '../../../api/types/core-v1.js'
import type { Clock } from '../../../base/clock.js'
import { resources } from '../../../client/resources.js'
import type { ServerAccess } from '../../access.js'
import { liveObject } from '../../live-objects.js'
import type { UserInfo } from '../authenticator.js'
import type { TokenAnswer, TokenAuthenticator } from '../token-authenticator.js'
import { groupsOf, legacyIssuer, readClaims, type TokenClaims, userName } from './claims.js'
import type { VerificationKey } from './keys.js'

/** Clocks of a cluster's machines may differ by so much (go-jose's default leeway, which upstream takes). */
const leewaySeconds = 60
const cachedTokensMax = 10_000

export interface ServiceAccountTokenOptions {
  readonly access: ServerAccess
  readonly clock: Clock
  /** --service-account-issuer, first the one that signs; tokens of each are accepted. */
  readonly issuers: readonly string[]
  readonly keys: readonly VerificationKey[]
}

/** A token whose signature was good, with the user made from it once. */
interface Verified {
  readonly claims: TokenClaims
  readonly user: UserInfo
}

/**
 * Service-account tokens. A signature is verified once and remembered by the token's hash (bounded); dates and the
 * objects the token is bound to are checked on every request from the cachers, so a deleted account is out at once.
 */
export function serviceAccountTokens(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const { clock } = options
  const issuers = new Set([...options.issuers, legacyIssuer])
  const verified = new LRUCache<string, Verified | 'refused'>({ max: cachedTokensMax })
  const alive = liveness(options)

  const check = (token: string, found: Verified | 'refused', asked: readonly string[]) => {
    if (found === 'refused') throw unauthorized()
    const audiences = audiencesOf(found.claims, asked, options.issuers)
    const now = clock.now() / 1000
    const { expiresAt, notBefore } = found.claims
    if (!audiences || now > expiresAt + leewaySeconds || now < notBefore - leewaySeconds) throw unauthorized()
    const conclude = (ok: boolean): TokenAnswer => {
      if (!ok) throw unauthorized()
      return { user: found.user, audiences }
    }
    const ok = alive(found.claims, token)
    return ok instanceof Promise ? ok.then(conclude) : conclude(ok)
  }
  return {
    name: 'service-account tokens',
    authenticateToken(token, asked) {
      if (!looksLikeJwt(token)) return undefined
      const key = hash('sha256', token, 'base64url')
      const known = verified.get(key)
      if (known) return check(token, known, asked)
      const issuer = issuerOf(token)
      if (issuer === undefined || !issuers.has(issuer)) return undefined
      return verify(token, options.keys).then((found) => {
        verified.set(key, found)
        return check(token, found, asked)
      })
    },
  }
}

function looksLikeJwt(token: string): boolean {
  const first = token.indexOf('.')
  return first > 0 && token.indexOf('.', first + 1) > 0
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

async function verify(token: string, keys: readonly VerificationKey[]): Promise<Verified | 'refused'> {
  let id: string | undefined
  try {
    id = decodeProtectedHeader(token).kid
  } catch {
    return 'refused'
  }
  const named = keys.filter((key) => key.id === id)
  for (const key of named.length > 0 ? named : keys) {
    try {
      const { payload } = await compactVerify(token, key.publicKey, { algorithms: [key.algorithm] })
      const claims = readClaims(JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>)
      return claims ? { claims, user: userOf(claims) } : 'refused'
    } catch {
      // Another key may fit: kid is a hint, and old tokens have none.
    }
  }
  return 'refused'
}

/** Legacy tokens have no audience: they are for the API server only, whose audiences default to its issuer. */
function audiencesOf(claims: TokenClaims, asked: readonly string[], issuers: readonly string[]): readonly string[] | undefined {
  const own = claims.kind === 'legacy' ? (asked.length > 0 ? asked : issuers) : claims.audiences
  const both = asked.filter((audience) => own.includes(audience))
  return both.length > 0 ? both : undefined
}

function userOf(claims: TokenClaims): UserInfo {
  const extra: Record<string, string[]> = {}
  const add = (name: string, value: string | undefined) => {
    if (value) extra[`authentication.kubernetes.io/${name}`] = [value]
  }
  if (claims.id) add('credential-id', `JTI=${claims.id}`)
  add('pod-name', claims.pod?.name)
  add('pod-uid', claims.pod?.uid)
  add('node-name', claims.node?.name)
  add('node-uid', claims.node?.uid)
  return {
    name: userName(claims.namespace, claims.account.name),
    uid: claims.account.uid,
    groups: groupsOf(claims.namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

/** Whether everything that a token is bound to is still there, and is the same object. */
function liveness({ access, clock }: ServiceAccountTokenOptions): (claims: TokenClaims, token: string) => boolean | Promise<boolean> {
  const account = liveObject(access, resources.serviceAccounts)
  const pod = liveObject(access, resources.pods)
  const node = liveObject(access, resources.nodes)
  const secret = liveObject<Secret>(access, resources.secrets)

  const same = (object: KubeObject | undefined, uid: string | undefined): boolean => {
    if (!object || (uid !== undefined && object.metadata.uid !== uid)) return false
    const { deletionTimestamp } = object.metadata
    return !deletionTimestamp || Date.parse(deletionTimestamp) + leewaySeconds * 1000 > clock.now()
  }
  return (claims, token) => {
    const holdsToken = (object: Secret | undefined) =>
      same(object, claims.secret?.uid) &&
      (claims.kind === 'bound' ||
        (!object?.metadata.deletionTimestamp && object?.data?.['token'] === Buffer.from(token).toString('base64')))
    const checks: (() => boolean | Promise<boolean>)[] = [
      () => when(account(claims.namespace, claims.account.name), (object) => same(object, claims.account.uid)),
    ]
    const { pod: ofPod, secret: ofSecret, node: ofNode } = claims
    if (ofSecret) checks.push(() => when(secret(claims.namespace, ofSecret.name), holdsToken))
    // A pod's token dies with the pod; its node is only checked for tokens bound to the node itself.
    if (ofPod) checks.push(() => when(pod(claims.namespace, ofPod.name), (object) => same(object, ofPod.uid)))
    else if (ofNode) checks.push(() => when(node('', ofNode.name), (object) => same(object, ofNode.uid)))
    return allTrue(checks)
  }
}

function when<T>(value: T | Promise<T>, fn: (value: T) => boolean): boolean | Promise<boolean> {
  return value instanceof Promise ? value.then(fn) : fn(value)
}

/** In order, stopping at the first false; synchronous as long as the checks are. */
function allTrue(checks: readonly (() => boolean | Promise<boolean>)[], from = 0): boolean | Promise<boolean> {
  for (let at = from; at < checks.length; at++) {
    const ok = checks[at]?.() ?? true
    if (ok instanceof Promise) return ok.then((settled) => settled && allTrue(checks, at + 1))
    if (!ok) return false
  }
  return true
}
