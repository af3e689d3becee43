import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { describe, expect, it } from 'vitest'
import { StatusError } from '../../api/status.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { seededRandom } from '../../base/random.js'
import { resources } from '../../client/resources.js'
import { FakeAccess } from '../testdata/fake-access.js'
import type { Credentials, UserInfo } from './authenticator.js'
import { bootstrapTokens } from './bootstrap-token.js'
import { clientCertificate } from './client-certificate.js'
import { requestHeader } from './request-header.js'
import { serviceAccountTokens } from './service-account/authenticator.js'
import { openIdDocuments } from './service-account/discovery.js'
import { tokenIssuer } from './service-account/issuer.js'
import { jwksOf, parseSigningKey, parseVerificationKeys } from './service-account/keys.js'
import { parseTokenFile, staticTokens } from './static-token.js'
import { bearerToken, unionTokens } from './token-authenticator.js'
import { unionAuthenticators } from './union.js'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const audiences = [issuer]

function withHeaders(headers: Record<string, string>, more: Partial<Credentials> = {}): Credentials {
  return { header: (name) => headers[name], ...more }
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaPem = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string
const ecPem = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

function serviceAccounts(pem = rsaPem) {
  const access = new FakeAccess()
  const clock = new VirtualClock()
  access.add(resources.serviceAccounts, { metadata: { name: 'app', namespace: 'ns', uid: 'sa-1' } })
  access.add(resources.pods, { metadata: { name: 'p', namespace: 'ns', uid: 'pod-1' } })
  const key = parseSigningKey(pem)
  const tokens = serviceAccountTokens({ access, clock, issuers: [issuer], keys: parseVerificationKeys(pem) })
  const issue = tokenIssuer({ issuer, key, clock, random: seededRandom(1), ownAudiences: audiences, extendExpiration: true })
  const spec = { namespace: 'ns', account: { name: 'app', uid: 'sa-1' }, audiences, expirationSeconds: 600 }
  return { access, clock, tokens, issue, spec }
}

describe('static token file', () => {
  it('reads token, user, uid and quoted groups', () => {
    const users = parseTokenFile('admintoken,admin,admin-uid,"system:masters"\n# note\nt2,"a ""b""",2,"g1, g2"\n')
    expect(users.get('admintoken')).toEqual({ name: 'admin', uid: 'admin-uid', groups: ['system:masters'] })
    expect(users.get('t2')).toEqual({ name: 'a "b"', uid: '2', groups: ['g1', 'g2'] })
  })

  it('names the broken line without its text', () => {
    expect(() => parseTokenFile('ok,u,1\nverysecret,u')).toThrow(/line 2/)
    expect(() => parseTokenFile('verysecret')).not.toThrow(/verysecret/)
  })
})

describe('union', () => {
  const union = (anonymous: boolean) =>
    unionAuthenticators([clientCertificate(), bearerToken(unionTokens([staticTokens(parseTokenFile('t,u,1'), audiences)]), audiences)], {
      anonymous,
    })

  it('answers synchronously with the same user object for a static token', () => {
    const authenticator = union(true)
    const first = authenticator.authenticate(withHeaders({ authorization: 'Bearer t' }))
    expect(first).toEqual({ name: 'u', uid: '1', groups: ['system:authenticated'] })
    expect(authenticator.authenticate(withHeaders({ authorization: 'bearer t' }))).toBe(first)
  })

  it('takes the certificate subject', () => {
    const certificate = { commonName: 'kubernetes-admin', organizations: ['system:masters'] }
    expect(union(true).authenticate(withHeaders({}, { certificate }))).toMatchObject({ groups: ['system:masters', 'system:authenticated'] })
  })

  it('refuses an unknown token, and lets no token pass as anonymous', () => {
    expect(() => union(true).authenticate(withHeaders({ authorization: 'Bearer nobody' }))).toThrow(StatusError)
    expect(union(true).authenticate(withHeaders({}))).toMatchObject({ name: 'system:anonymous', groups: ['system:unauthenticated'] })
    expect(union(false).authenticate(withHeaders({}))).toBeUndefined()
  })

  it('lets a valid certificate pass beside a wrong token', () => {
    const certificate = { commonName: 'c', organizations: [] }
    expect(union(true).authenticate(withHeaders({ authorization: 'Bearer nobody' }, { certificate }))).toMatchObject({ name: 'c' })
  })
})

describe('bootstrap tokens', () => {
  const secretOf = (data: Record<string, string>) => ({
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  })
  const good = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
  }
  const ask = (data: Record<string, string>) => {
    const access = new FakeAccess()
    access.add(resources.secrets, secretOf(data))
    const tokens = bootstrapTokens({ secrets: access.lister(resources.secrets), clock: new VirtualClock(), audiences })
    return tokens.authenticateToken('abcdef.0123456789abcdef', audiences)
  }

  it('stands for system:bootstrap:<id> with its extra groups', () => {
    expect(ask(good)).toMatchObject({
      user: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:default-node-token'] },
    })
  })

  it.each([
    ['expired', { expiration: '2025-01-01T00:00:00Z' }],
    ['with an unreadable date', { expiration: 'soon' }],
    ['not meant for authentication', { 'usage-bootstrap-authentication': 'false' }],
    ['with another secret', { 'token-secret': '0123456789abcdee' }],
    ['that grants system:masters', { 'auth-extra-groups': 'system:masters' }],
  ])('does not know a token %s', (_, change) => {
    expect(ask({ ...good, ...change })).toBeUndefined()
  })
})

describe('service-account tokens', () => {
  it.each([
    ['RS256', rsaPem],
    ['ES256', ecPem],
  ])('are issued and recognized (%s)', async (_, pem) => {
    const { tokens, issue, spec } = serviceAccounts(pem)
    const { token, expirationTimestamp, id } = await issue.issue({ ...spec, pod: { name: 'p', uid: 'pod-1' } })
    expect(expirationTimestamp).toBe('2026-01-01T00:10:00Z')
    const answer = await tokens.authenticateToken(token, audiences)
    expect(answer).toEqual({
      audiences,
      user: {
        name: 'system:serviceaccount:ns:app',
        uid: 'sa-1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:ns'],
        extra: {
          'authentication.kubernetes.io/credential-id': [`JTI=${id}`],
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': ['pod-1'],
        },
      },
    })
  })

  it('answer synchronously once the signature has been verified', async () => {
    const { tokens, issue, spec } = serviceAccounts()
    const { token } = await issue.issue(spec)
    await tokens.authenticateToken(token, audiences)
    expect(tokens.authenticateToken(token, audiences)).not.toBeInstanceOf(Promise)
  })

  it('are refused when expired, for another audience, forged, or their objects are gone', async () => {
    const { access, clock, tokens, issue, spec } = serviceAccounts()
    const { token } = await issue.issue({ ...spec, pod: { name: 'p', uid: 'pod-1' } })
    await tokens.authenticateToken(token, audiences)
    expect(() => tokens.authenticateToken(token, ['other'])).toThrow(StatusError)
    await expect(Promise.resolve().then(() => tokens.authenticateToken(`${token.slice(0, -8)}AAAAAAAA`, audiences))).rejects.toThrow(
      'Unauthorized',
    )
    await access.client.resource(resources.pods).delete('ns', 'p')
    await expect(Promise.resolve().then(() => tokens.authenticateToken(token, audiences))).rejects.toThrow('Unauthorized')
    access.add(resources.pods, { metadata: { name: 'p', namespace: 'ns', uid: 'pod-1' } })
    expect(tokens.authenticateToken(token, audiences)).toMatchObject({ audiences })
    await clock.advance(11 * 60_000 + 1000)
    expect(() => tokens.authenticateToken(token, audiences)).toThrow(StatusError)
  })

  it('are known although the cacher lags behind the store', async () => {
    const { access, tokens, issue, spec } = serviceAccounts()
    access.lag(resources.serviceAccounts)
    const created = await access.client.resource(resources.serviceAccounts).create({ metadata: { name: 'new', namespace: 'ns' } })
    const { token } = await issue.issue({ ...spec, account: { name: 'new', uid: created.metadata.uid ?? '' } })
    expect(await tokens.authenticateToken(token, audiences)).toMatchObject({ user: { name: 'system:serviceaccount:ns:new' } })
  })

  it('live a year when a pod asked for 3607 s, while the answer says 3607 s', async () => {
    const { clock, tokens, issue, spec } = serviceAccounts()
    const { token, expirationTimestamp } = await issue.issue({ ...spec, expirationSeconds: 3607, pod: { name: 'p', uid: 'pod-1' } })
    expect(expirationTimestamp).toBe('2026-01-01T01:00:07Z')
    await clock.advance(30 * 24 * 3600_000)
    expect(await tokens.authenticateToken(token, audiences)).toBeDefined()
  })

  it('of other issuers are not known', async () => {
    const { tokens, spec, clock } = serviceAccounts()
    const foreign = tokenIssuer({
      issuer: 'https://elsewhere',
      key: parseSigningKey(rsaPem),
      clock,
      random: seededRandom(2),
      ownAudiences: audiences,
      extendExpiration: true,
    })
    const { token } = await foreign.issue(spec)
    expect(tokens.authenticateToken(token, audiences)).toBeUndefined()
  })

  it('can be verified by others, who find key and issuer in the OpenID documents', async () => {
    const { issue, spec } = serviceAccounts()
    const documents = openIdDocuments(issuer, `${issuer}/openid/v1/jwks`, parseVerificationKeys(rsaPem))
    const read = async (path: string) => JSON.parse((await documents.get(path)?.())?.body ?? '') as Record<string, unknown>
    expect(await read('/.well-known/openid-configuration')).toMatchObject({ issuer, jwks_uri: `${issuer}/openid/v1/jwks` })
    const { token } = await issue.issue(spec)
    const keys = createLocalJWKSet((await read('/openid/v1/jwks')) as unknown as JSONWebKeySet)
    const { payload } = await jwtVerify(token, keys, { issuer, currentDate: new Date('2026-01-01T00:00:01Z') })
    expect(payload.sub).toBe('system:serviceaccount:ns:app')
    expect(openIdDocuments('legacy', '', parseVerificationKeys(rsaPem)).size).toBe(0)
  })

  it('publish their public keys without private parts', async () => {
    const { keys } = await jwksOf(parseVerificationKeys(rsaPem))
    expect(keys).toHaveLength(1)
    expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' })
    expect(keys[0]).not.toHaveProperty('d')
  })
})

describe('front proxy', () => {
  const authenticator = requestHeader({
    usernameHeaders: ['x-remote-user'],
    uidHeaders: ['x-remote-uid'],
    groupHeaders: ['x-remote-group'],
    extraHeaderPrefixes: ['x-remote-extra-'],
    allowedNames: ['front-proxy-client'],
  })
  const ask = (commonName: string | undefined): UserInfo | undefined =>
    authenticator.authenticate(
      Object.assign(withHeaders({ 'x-remote-user': 'jane', 'x-remote-group': 'a, b', 'x-remote-extra-acme.com%2fproject': 'x' }), {
        headerNames: () => ['x-remote-user', 'x-remote-extra-acme.com%2fproject'],
        ...(commonName ? { frontProxyCertificate: { commonName } } : {}),
      }),
    ) as UserInfo | undefined

  it('is believed only with a certificate of an allowed name', () => {
    expect(ask('front-proxy-client')).toMatchObject({ name: 'jane', groups: ['a', 'b'], extra: { 'acme.com/project': ['x'] } })
    expect(ask('someone')).toBeUndefined()
    expect(ask(undefined)).toBeUndefined()
  })
})
