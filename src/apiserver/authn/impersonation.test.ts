import { describe, expect, it } from 'vitest'
import { StatusError } from '../../api/status.js'
import type { Attributes, Authorizer } from '../authz/authorizer.js'
import { alwaysAllow } from '../authz/union.js'
import type { UserInfo } from './authenticator.js'
import { asksToImpersonate, impersonate, type ImpersonationHeaders } from './impersonation.js'

const admin: UserInfo = { name: 'admin', groups: ['system:masters'] }

function headersOf(values: Record<string, string[]>): ImpersonationHeaders {
  return { values: (name) => values[name] ?? [], names: () => Object.keys(values) }
}
const as = (values: Record<string, string[]>, authorizer: Authorizer = alwaysAllow) => impersonate(admin, headersOf(values), authorizer)

describe('impersonation', () => {
  it('makes the user that the headers describe', async () => {
    expect(await as({ 'impersonate-user': ['jane'] })).toEqual({ name: 'jane', groups: ['system:authenticated'] })
    expect(
      await as({
        'impersonate-user': ['jane'],
        'impersonate-uid': ['u-7'],
        'impersonate-group': ['devs', 'a,b'],
        'impersonate-extra-scopes': ['one', 'two'],
        'impersonate-extra-example.com%2fkey': ['v'],
      }),
    ).toEqual({
      name: 'jane',
      uid: 'u-7',
      groups: ['devs', 'a,b', 'system:authenticated'],
      extra: { scopes: ['one', 'two'], 'example.com/key': ['v'] },
    })
  })

  it('gives a service account its groups unless others are named', async () => {
    const robot = { 'impersonate-user': ['system:serviceaccount:ns:robot'] }
    expect((await as(robot)).groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'])
    expect((await as({ ...robot, 'impersonate-group': ['only'] })).groups).toEqual(['only', 'system:authenticated'])
    expect((await as({ 'impersonate-user': ['system:anonymous'] })).groups).toEqual(['system:unauthenticated'])
  })

  it('asks for the right to each part', async () => {
    const asked: string[] = []
    const authorizer: Authorizer = {
      name: 'spy',
      authorize({ verb, resource }: Attributes) {
        asked.push(`${verb} ${resource?.resource}/${resource?.subresource} ${resource?.name}`)
        return { verdict: resource?.name === 'admins' ? 'no opinion' : 'allow', reason: '' }
      },
    }
    await as({ 'impersonate-user': ['jane'], 'impersonate-extra-k': ['v'] }, authorizer)
    expect(asked).toEqual(['impersonate users/ jane', 'impersonate userextras/k v'])
    await expect(as({ 'impersonate-user': ['jane'], 'impersonate-group': ['admins'] }, authorizer)).rejects.toThrow(
      'groups "admins" is forbidden: User "admin" cannot impersonate resource "groups"',
    )
  })

  it('is refused without a user, and not asked for without headers', async () => {
    await expect(as({ 'impersonate-group': ['devs'] })).rejects.toThrow(StatusError)
    expect(asksToImpersonate(headersOf({ accept: ['x'] }))).toBe(false)
    expect(asksToImpersonate(headersOf({ 'impersonate-user': ['x'] }))).toBe(true)
  })
})
