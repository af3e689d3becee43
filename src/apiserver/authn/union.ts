import { hasReason } from '../../api/status.js'
import { type Authenticator, anonymous, type Credentials, type UserInfo } from './authenticator.js'

const authenticatedGroup = 'system:authenticated'

/**
 * Asks each in turn. Whoever is recognized joins system:authenticated. A wrong credential is refused only when no other
 * one proves the user; without any credential the request is anonymous, if that is allowed, or unknown (undefined).
 */
export function unionAuthenticators(authenticators: readonly Authenticator[], options: { readonly anonymous: boolean }): Authenticator {
  // The same UserInfo object comes back for a cached credential, so its enlarged form is made once.
  const enlarged = new WeakMap<UserInfo, UserInfo>()
  const finish = (user: UserInfo): UserInfo => {
    if (user.groups.includes(authenticatedGroup) || user.name === anonymous.name) return user
    let known = enlarged.get(user)
    if (!known) {
      known = { ...user, groups: [...user.groups, authenticatedGroup] }
      enlarged.set(user, known)
    }
    return known
  }
  const askFrom = (first: number, credentials: Credentials, refused: unknown): UserInfo | undefined | Promise<UserInfo | undefined> => {
    let refusal = refused
    for (let at = first; at < authenticators.length; at++) {
      try {
        const user = authenticators[at]?.authenticate(credentials)
        if (user instanceof Promise) return continueAfter(user, at, credentials, refusal)
        if (user) return finish(user)
      } catch (error) {
        if (!hasReason(error, 'Unauthorized')) throw error
        refusal = error
      }
    }
    if (refusal) throw refusal
    return options.anonymous ? anonymous : undefined
  }
  const continueAfter = async (pending: Promise<UserInfo | undefined>, at: number, credentials: Credentials, refused: unknown) => {
    let refusal = refused
    try {
      const user = await pending
      if (user) return finish(user)
    } catch (error) {
      if (!hasReason(error, 'Unauthorized')) throw error
      refusal = error
    }
    return askFrom(at + 1, credentials, refusal)
  }
  return { name: 'union', authenticate: (credentials) => askFrom(0, credentials, undefined) }
}
