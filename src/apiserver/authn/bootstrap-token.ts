import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import type { Secret } from '../../api/types/core-v1.js'
import type { Lister } from '../../client/informer.js'
import type { TokenAuthenticator } from './token-authenticator.js'
import { agnosticAudiences } from './token-authenticator.js'

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/**
 * Bootstrap tokens ("id.secret"), kept as Secrets bootstrap-token-<id> in kube-system, for nodes that join.
 * A token that is expired, not meant for authentication or malformed is simply not known: it says nothing about why.
 */
export function bootstrapTokens(options: {
  readonly secrets: Lister<Secret>
  readonly clock: Clock
  readonly audiences: readonly string[]
}): TokenAuthenticator {
  return {
    name: 'bootstrap tokens',
    authenticateToken(token, asked) {
      const [, id, secret] = tokenPattern.exec(token) ?? []
      if (!id || !secret) return undefined
      const found = options.secrets.get(`kube-system/bootstrap-token-${id}`)
      if (!found || found.metadata.deletionTimestamp || found.type !== 'bootstrap.kubernetes.io/token') return undefined
      const field = (name: string) => Buffer.from(found.data?.[name] ?? '', 'base64').toString()
      if (field('token-id') !== id || !sameText(field('token-secret'), secret)) return undefined
      if (field('usage-bootstrap-authentication') !== 'true') return undefined
      const expiration = field('expiration')
      // A date that cannot be read counts as past (KEP: bootstrap tokens fail closed).
      if (expiration !== '' && !(Date.parse(expiration) > options.clock.now())) return undefined
      const groups = extraGroups(field('auth-extra-groups'))
      const audiences = agnosticAudiences(asked, options.audiences)
      if (!groups || !audiences) return undefined
      return { user: { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...groups] }, audiences }
    },
  }
}

/** undefined when a group is not below system:bootstrappers: such a Secret could otherwise grant any group. */
function extraGroups(text: string): string[] | undefined {
  if (text === '') return []
  const groups = text.split(',').map((group) => group.trim())
  return groups.every((group) => groupPattern.test(group)) ? groups : undefined
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
