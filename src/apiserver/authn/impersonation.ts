import { badRequest } from '../../api/status.js'
import type { Attributes, Authorizer } from '../authz/authorizer.js'
import { forbiddenRequest } from '../authz/forbidden.js'
import type { UserInfo } from './authenticator.js'
import { groupsOf, parseUserName } from './service-account/claims.js'

/** The Impersonate-* headers of a request; each value apart, since group names may hold commas. */
export interface ImpersonationHeaders {
  /** Every value of a header by lower-case name; empty when it is absent. */
  values(name: string): readonly string[]
  /** Lower-case names of all headers. */
  names(): Iterable<string>
}

const extraPrefix = 'impersonate-extra-'
const authenticationGroup = 'authentication.k8s.io'

/** True when the request asks to act as somebody else (the cheap check of every request). */
export function asksToImpersonate(headers: ImpersonationHeaders): boolean {
  for (const name of headers.names()) if (name.startsWith('impersonate-')) return true
  return false
}

/**
 * The user that the request is to act as, once the real one has been found to have the right to be each part of it:
 * verb impersonate on users, groups, serviceaccounts, uids and userextras. Throws BadRequest or Forbidden.
 */
export async function impersonate(real: UserInfo, headers: ImpersonationHeaders, authorizer: Authorizer): Promise<UserInfo> {
  const [name = ''] = headers.values('impersonate-user')
  const groups = headers.values('impersonate-group')
  const [uid = ''] = headers.values('impersonate-uid')
  const extra = extraOf(headers)
  if (name === '') {
    const asked = groups.length > 0 || uid !== '' || Object.keys(extra).length > 0
    if (asked) throw badRequest('requested groups, uid or extra without impersonating a user')
    return real
  }
  const account = parseUserName(name)
  const wanted: Resource[] = [
    account ? of('', 'serviceaccounts', account.name, account.namespace) : of('', 'users', name),
    ...groups.map((group) => of('', 'groups', group)),
    ...(uid ? [of(authenticationGroup, 'uids', uid)] : []),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ ...of(authenticationGroup, 'userextras', value), subresource: key })),
    ),
  ]
  for (const resource of wanted) {
    const asked: Attributes = { user: real, verb: 'impersonate', resource }
    const { verdict, reason } = await authorizer.authorize(asked)
    if (verdict !== 'allow') throw forbiddenRequest(asked, reason)
  }
  return {
    name,
    groups: completeGroups(name, groups.length === 0 && account ? groupsOf(account.namespace) : groups),
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

type Resource = NonNullable<Attributes['resource']>

function of(group: string, resource: string, name: string, namespace = ''): Resource {
  return { group, version: 'v1', resource, subresource: '', namespace, name }
}

function completeGroups(name: string, groups: readonly string[]): readonly string[] {
  const anonymous = name === 'system:anonymous' || groups.includes('system:unauthenticated')
  const group = anonymous ? 'system:unauthenticated' : 'system:authenticated'
  return groups.includes(group) ? groups : [...groups, group]
}

function extraOf(headers: ImpersonationHeaders): Record<string, string[]> {
  const extra = Object.create(null) as Record<string, string[]>
  for (const header of headers.names()) {
    if (!header.startsWith(extraPrefix)) continue
    const key = decodeKey(header.slice(extraPrefix.length)).toLowerCase()
    extra[key] = [...(extra[key] ?? []), ...headers.values(header)]
  }
  return { ...extra }
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
