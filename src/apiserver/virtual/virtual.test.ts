import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { KubeObject, UnknownObject } from '../../api/object.js'
import { StatusError } from '../../api/status.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import type { UserInfo } from '../authn/authenticator.js'
import { defaultAuthenticators, defaultAuthorizers, virtualResources } from '../defaults.js'
import { FakeAccess } from '../testdata/fake-access.js'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const pem = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const admin: UserInfo = { name: 'admin', groups: ['system:masters'] }

function setUp() {
  const access = new FakeAccess()
  const deps = { access, clock: new VirtualClock(), random: seededRandom(3) }
  access.add(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'ns', uid: 'sa' } })
  access.add(resources.clusterRoles, {
    metadata: { name: 'r' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }],
  } as KubeObject)
  access.add(resources.clusterRoleBindings, {
    metadata: { name: 'b' },
    roleRef: { kind: 'ClusterRole', name: 'r', apiGroup: 'rbac.authorization.k8s.io' },
    subjects: [{ kind: 'User', name: 'jane' }],
  } as KubeObject)
  const authentication = defaultAuthenticators(
    {
      clientCertificates: true,
      tokenFile: 't,jane,1',
      bootstrapTokens: true,
      anonymous: true,
      serviceAccounts: { issuers: [issuer], keyPems: [], signingKeyPem: pem },
    },
    deps,
  )
  const { authorizer } = defaultAuthorizers(['Node', 'RBAC'], access)
  const all = virtualResources(deps, authentication, authorizer)
  const create = (key: string, spec: object, user = admin, metadata: object = {}) => {
    const resource = all.get(key)
    if (!resource) throw new Error(`no virtual resource ${key}`)
    const [name = ''] = key.endsWith('/eviction') ? ['p'] : ['default']
    return resource.create({ metadata, ...spec } as UnknownObject, {
      user,
      namespace: 'ns',
      name,
      dryRun: false,
      updateParent: (change: (old: UnknownObject) => UnknownObject) => Promise.resolve(change({ metadata: {} })),
    })
  }
  return { access, create }
}

async function refusal(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof StatusError)) throw new Error(`was not refused: ${String(error)}`)
  return { code: error.code, details: error.status.details, causes: error.status.details?.causes?.map(({ field }) => field) }
}

describe('access reviews', () => {
  const reviews = 'authorization.k8s.io/subjectaccessreviews'
  it('answer for a subject and for oneself, with the reason', async () => {
    const { create } = setUp()
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'ns' }
    const allowed = { allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane"' }
    expect((await create(reviews, { spec: { user: 'jane', resourceAttributes } }))['status']).toEqual(allowed)
    expect((await create(reviews, { spec: { user: 'joe', resourceAttributes } }))['status']).toEqual({ allowed: false })
    const self = 'authorization.k8s.io/selfsubjectaccessreviews'
    expect((await create(self, { spec: { resourceAttributes } }, { name: 'jane', groups: [] }))['status']).toEqual(allowed)
    expect((await create(self, { spec: { nonResourceAttributes: { path: '/x', verb: 'get' } } }))['status']).toEqual({ allowed: true })
  })

  it('are refused when they ask for nothing, for both, or elsewhere', async () => {
    const { create } = setUp()
    const at = async (key: string, spec: object) => (await refusal(create(key, { spec }))).causes
    expect(await at(reviews, { resourceAttributes: { verb: 'get' } })).toEqual(['spec.user'])
    expect(await at(reviews, { user: 'z' })).toEqual(['spec.resourceAttributes'])
    expect(await at(reviews, { user: 'z', resourceAttributes: { labelSelector: {} } })).toEqual([
      'spec.resourceAttributes.labelSelector.requirements',
    ])
    const local = 'authorization.k8s.io/localsubjectaccessreviews'
    expect(await at(local, { user: 'z', resourceAttributes: { namespace: 'other' } })).toEqual(['spec.resourceAttributes.namespace'])
    const { details } = await refusal(create(reviews, { spec: { user: 'z' } }))
    expect(details).not.toHaveProperty('kind')
  })

  it('list the rules of a user', async () => {
    const { create } = setUp()
    const key = 'authorization.k8s.io/selfsubjectrulesreviews'
    const review = await create(key, { spec: { namespace: 'ns' } }, { name: 'jane', groups: [] })
    expect(review['status']).toEqual({
      resourceRules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }],
      nonResourceRules: [],
      incomplete: false,
    })
    expect(await refusal(create(key, { spec: {} }))).toMatchObject({ code: 400 })
  })
})

describe('token reviews and requests', () => {
  const request = '/serviceaccounts/token'
  const reviews = 'authentication.k8s.io/tokenreviews'
  it('recognize what was requested, for its audience', async () => {
    const { create } = setUp()
    const made = await create(request, { spec: { audiences: ['aud-one'] } })
    expect(made).toMatchObject({ metadata: { name: 'default', namespace: 'ns' }, spec: { expirationSeconds: 3600, boundObjectRef: null } })
    const { token } = made['status'] as { token: string }
    const review = async (audiences?: string[]) =>
      (await create(reviews, { spec: { token, audiences } }))['status'] as Record<string, unknown>
    expect(await review(['aud-one', 'aud-two'])).toMatchObject({
      authenticated: true,
      audiences: ['aud-one'],
      user: {
        username: 'system:serviceaccount:ns:default',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
      },
    })
    expect((await review(['aud-two']))['authenticated']).toBeUndefined()
    expect((await review())['authenticated']).toBeUndefined()
  })

  it('know static tokens, and refuse an empty one', async () => {
    const { create } = setUp()
    expect((await create(reviews, { spec: { token: 't' } }))['status']).toMatchObject({ authenticated: true, user: { username: 'jane' } })
    expect((await create(reviews, { spec: { token: 'garbage' } }))['status']).toEqual({ user: {} })
    expect(await refusal(create(reviews, { spec: {} }))).toMatchObject({ code: 400 })
  })

  it('are checked', async () => {
    const { create, access } = setUp()
    access.add(resources.pods, {
      metadata: { name: 'p', namespace: 'ns', uid: 'pod' },
      spec: { serviceAccountName: 'default', nodeName: 'n' },
    } as KubeObject)
    const ask = (spec: object) => create(request, { spec })
    expect(await refusal(ask({ expirationSeconds: 30 }))).toMatchObject({ code: 422, causes: ['spec.expirationSeconds'] })
    expect(await refusal(ask({ boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'a' } }))).toMatchObject({ code: 400 })
    expect(await refusal(ask({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'none' } }))).toMatchObject({ code: 404 })
    expect(await refusal(ask({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'other' } }))).toMatchObject({ code: 409 })
    await ask({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod' } })
  })

  it('say who asks', async () => {
    const { create } = setUp()
    const review = await create('authentication.k8s.io/selfsubjectreviews', {}, { name: 'jane', groups: ['g'] })
    expect(review['status']).toEqual({ userInfo: { username: 'jane', groups: ['g'] } })
  })
})

describe('evictions', () => {
  const pod = (phase: string, ready = 'True') =>
    ({
      metadata: { name: 'p', namespace: 'ns', labels: { app: 'web' } },
      status: { phase, conditions: [{ type: 'Ready', status: ready }] },
    }) as KubeObject
  const budget = (status: object, spec: object = {}) =>
    ({
      metadata: { name: 'guard', namespace: 'ns', generation: 1 },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
      status: { observedGeneration: 1, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed: 0, ...status },
    }) as KubeObject
  const exists = (access: FakeAccess) => access.lister(resources.pods).get('ns/p') !== undefined

  it('take from the budget and refuse when it is spent', async () => {
    const { access, create } = setUp()
    access.add(resources.pods, pod('Running'))
    access.add(resources.podDisruptionBudgets, budget({ disruptionsAllowed: 1 }))
    expect(await create('/pods/eviction', {})).toMatchObject({ status: 'Success', code: 201 })
    expect(exists(access)).toBe(false)
    expect(access.lister(resources.podDisruptionBudgets).get('ns/guard')).toMatchObject({
      status: {
        disruptionsAllowed: 0,
        disruptedPods: { p: '2026-01-01T00:00:00Z' },
        conditions: [{ type: 'DisruptionAllowed', status: 'False' }],
      },
    })
    access.add(resources.pods, pod('Running'))
    expect(await refusal(create('/pods/eviction', {}))).toMatchObject({ code: 429, details: { causes: [{ reason: 'DisruptionBudget' }] } })
    expect(exists(access)).toBe(true)
  })

  it.each<[string, KubeObject, KubeObject]>([
    ['a pod that does not run', pod('Pending'), budget({})],
    ['an unhealthy pod when the healthy suffice', pod('Running', 'False'), budget({})],
    [
      'any unhealthy pod when told so',
      pod('Running', 'False'),
      budget({ currentHealthy: 0 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }),
    ],
  ])('spend nothing on %s', async (_, one, guard) => {
    const { access, create } = setUp()
    access.add(resources.pods, one)
    access.add(resources.podDisruptionBudgets, guard)
    await create('/pods/eviction', {})
    expect(exists(access)).toBe(false)
  })
})
