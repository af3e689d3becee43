/**
 * Who may ask a component's own server, decided as the cluster decides: client certificates are checked here, tokens by a
 * TokenReview, permissions by a SubjectAccessReview. Answers of the API server are kept for a while, so that a scraper costs two
 * requests now and then. Nothing is allowed because the API server cannot be asked.
 */
import { LRUCache } from 'lru-cache'
import type { TokenReview } from '../../../api/types/authentication-v1.js'
import type { SubjectAccessReview } from '../../../api/types/authorization-v1.js'
import { unauthorized } from '../../../api/status.js'
import type { Clock } from '../../../base/clock.js'
import type { Client } from '../../../client/client.js'
import type { Authenticator, Credentials, UserInfo } from '../../../apiserver/authn/authenticator.js'
import { clientCertificate } from '../../../apiserver/authn/client-certificate.js'
import { requestHeader, type RequestHeaderOptions } from '../../../apiserver/authn/request-header.js'
import { unionAuthenticators } from '../../../apiserver/authn/union.js'
import type { Attributes } from '../../../apiserver/authz/authorizer.js'

export interface DelegatedAuthOptions {
  readonly clock: Clock
  /** Asks for TokenReviews; without one tokens are refused. */
  readonly authenticationClient?: Client
  /** Asks for SubjectAccessReviews; without one only `system:masters` and the paths below may. */
  readonly authorizationClient?: Client
  readonly anonymous: boolean
  readonly requestHeader?: RequestHeaderOptions
  /** Exact paths, or with a trailing "*". */
  readonly alwaysAllowPaths: readonly string[]
  readonly tokenTtlMs: number
  readonly allowedTtlMs: number
  readonly deniedTtlMs: number
}

export interface DelegatedAuth {
  /** undefined: nobody that is known. Throws StatusError Unauthorized for wrong credentials. */
  authenticate(credentials: Credentials): Promise<UserInfo | undefined>
  authorize(asked: Attributes): Promise<boolean>
}

const cacheMax = 1024
const mastersGroup = 'system:masters'

const authentication = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' }
const authorization = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' }

export function delegatedAuth(options: DelegatedAuthOptions): DelegatedAuth {
  const authenticator = unionAuthenticators(
    [
      ...(options.requestHeader ? [requestHeader(options.requestHeader)] : []),
      clientCertificate(),
      ...(options.authenticationClient ? [reviewedToken(options.authenticationClient, options)] : []),
    ],
    { anonymous: options.anonymous },
  )
  const permission = reviewedPermission(options)
  const isOpen = (path: string) =>
    options.alwaysAllowPaths.some((allowed) => (allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed))
  return {
    authenticate: async (credentials) => authenticator.authenticate(credentials),
    authorize: async (asked) => {
      if (asked.path !== undefined && isOpen(asked.path)) return true
      if (asked.user.groups.includes(mastersGroup)) return true
      return permission(asked)
    },
  }
}

/** A cache whose entries last for a time that differs; on a clock that is passed in. */
class Remembered<V extends object> {
  readonly #entries = new LRUCache<string, { readonly value: V; readonly untilMs: number }>({ max: cacheMax })
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    return entry && this.#clock.monotonic() < entry.untilMs ? entry.value : undefined
  }

  set(key: string, value: V, ttlMs: number): void {
    this.#entries.set(key, { value, untilMs: this.#clock.monotonic() + ttlMs })
  }
}

function reviewedToken(client: Client, { clock, tokenTtlMs }: DelegatedAuthOptions): Authenticator {
  const known = new Remembered<{ readonly user: UserInfo | undefined }>(clock)
  return {
    name: 'token review',
    async authenticate(credentials) {
      const token = /^bearer +(\S+)$/i.exec(credentials.header('authorization') ?? '')?.[1]
      if (token === undefined) return undefined
      let answer = known.get(token)
      if (!answer) {
        const review = await client.resource<TokenReview>(authentication).create({ metadata: {}, spec: { token } })
        answer = { user: userOf(review) }
        known.set(token, answer, tokenTtlMs)
      }
      if (!answer.user) throw unauthorized()
      return answer.user
    },
  }
}

function userOf({ status }: TokenReview): UserInfo | undefined {
  if (!status?.authenticated || !status.user) return undefined
  const { username = '', uid, groups = [], extra } = status.user
  return { name: username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
}

function reviewedPermission({ clock, authorizationClient: client, allowedTtlMs, deniedTtlMs }: DelegatedAuthOptions) {
  const known = new Remembered<{ readonly allowed: boolean }>(clock)
  return async ({ user, verb, resource, path }: Attributes): Promise<boolean> => {
    if (!client) return false
    const spec = {
      user: user.name,
      groups: [...user.groups],
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) } : {}),
      ...(resource ? { resourceAttributes: resourceAttributes(verb, resource) } : { nonResourceAttributes: { verb, path: path ?? '' } }),
    }
    const key = JSON.stringify(spec)
    let answer = known.get(key)
    if (!answer) {
      const review = await client.resource<SubjectAccessReview>(authorization).create({ metadata: {}, spec })
      answer = { allowed: review.status?.allowed === true }
      known.set(key, answer, answer.allowed ? allowedTtlMs : deniedTtlMs)
    }
    return answer.allowed
  }
}

function resourceAttributes(verb: string, { group, version, resource, subresource, namespace, name }: NonNullable<Attributes['resource']>) {
  return { verb, group, version, resource, subresource, namespace, name }
}
