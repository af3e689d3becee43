import { badRequest } from '../../api/status.js'
import type { TokenReviewSpec, TokenReviewStatus } from '../../api/types/authentication-v1.js'
import { type Clock, timestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { UserInfo } from '../authn/authenticator.js'
import type { TokenAuthenticator } from '../authn/token-authenticator.js'
import type { VirtualResource } from './virtual-resource.js'

const group = 'authentication.k8s.io'

/** TokenReview: whose token is this? For kubelets and extension servers that are given tokens of this cluster. */
export function tokenReview(tokens: TokenAuthenticator, ownAudiences: readonly string[]): VirtualResource {
  const review = async ({ token, audiences }: TokenReviewSpec): Promise<TokenReviewStatus> => {
    try {
      const answer = await tokens.authenticateToken(token, audiences?.length ? audiences : ownAudiences)
      if (!answer) return { user: {} }
      return { authenticated: true, user: wireUser(withAuthenticated(answer.user)), audiences: [...answer.audiences] }
    } catch (error) {
      return { user: {}, error: messageOf(error) }
    }
  }
  return {
    resource: { group, version: 'v1', resource: 'tokenreviews' },
    subresource: '',
    async create(object) {
      const spec = (object['spec'] ?? {}) as TokenReviewSpec
      if (!spec.token) throw badRequest('token is required for TokenReview in authentication')
      return { ...object, status: await review(spec) }
    },
  }
}

/** SelfSubjectReview: who am I (kubectl auth whoami)? */
export function selfSubjectReview(clock: Clock): VirtualResource {
  return {
    resource: { group, version: 'v1', resource: 'selfsubjectreviews' },
    subresource: '',
    create: (object, { user }) =>
      Promise.resolve({
        ...object,
        metadata: { ...object.metadata, creationTimestamp: timestamp(clock.now()) },
        status: { userInfo: wireUser(user) },
      }),
  }
}

function withAuthenticated(user: UserInfo): UserInfo {
  const name = 'system:authenticated'
  return user.groups.includes(name) ? user : { ...user, groups: [...user.groups, name] }
}

function wireUser({ name, uid, groups, extra }: UserInfo) {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(extra ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) } : {}),
  }
}
