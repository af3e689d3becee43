import type { UserInfo } from '../../authn/authenticator.js'

const prefix = 'system:node:'

/** The node that a user is: system:node:<name> in the group system:nodes. undefined: not a node; '': a node without a name. */
export function nodeNameOf(user: UserInfo): string | undefined {
  return user.name.startsWith(prefix) && user.groups.includes('system:nodes') ? user.name.slice(prefix.length) : undefined
}
