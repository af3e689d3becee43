import { describe, expect, it } from 'vitest'
import { resources } from '../../client/resources.js'
import { FakeAccess } from '../testdata/fake-access.js'
import type { UserInfo } from '../authn/authenticator.js'
import type { Attributes } from './authorizer.js'
import { forbiddenRequest } from './forbidden.js'
import { nodeAuthorizer } from './node/node.js'
import { rbacAuthorizer } from './rbac/rbac.js'
import { alwaysDeny, privilegedGroup, unionAuthorizers } from './union.js'

const jane: UserInfo = { name: 'jane', groups: ['dev', 'system:authenticated'] }
const api = 'rbac.authorization.k8s.io'

function ask(
  user: UserInfo,
  verb: string,
  what: string,
  namespace = '',
  more: Partial<NonNullable<Attributes['resource']>> = {},
): Attributes {
  const [path = '', group = ''] =
    what.split('.', 2).length > 1 ? [what.slice(0, what.indexOf('.')), what.slice(what.indexOf('.') + 1)] : [what]
  const [resource = '', subresource = ''] = path.split('/')
  return { user, verb, resource: { group, version: 'v1', resource, subresource, namespace, name: '', ...more } }
}

function rbac() {
  const access = new FakeAccess()
  access.add(
    resources.clusterRoles,
    { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }] } as never,
    { metadata: { name: 'scaler' }, rules: [{ apiGroups: ['*'], resources: ['*/scale'], verbs: ['update'] }] } as never,
    { metadata: { name: 'health' }, rules: [{ nonResourceURLs: ['/healthz', '/metrics/*'], verbs: ['get'] }] } as never,
  )
  access.add(resources.roles, {
    metadata: { name: 'one-secret', namespace: 'ns' },
    rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['get'] }],
  } as never)
  return { access, authorizer: rbacAuthorizer(access) }
}
const bind = (access: FakeAccess, name: string, role: string, subject: object, namespace = '') =>
  access.add(namespace ? resources.roleBindings : resources.clusterRoleBindings, {
    metadata: { name, ...(namespace ? { namespace } : {}) },
    roleRef: { apiGroup: api, kind: role === 'one-secret' ? 'Role' : 'ClusterRole', name: role },
    subjects: [subject],
  } as never)

describe('RBAC', () => {
  it('allows by user, group and service account, in the binding namespace only', () => {
    const { access, authorizer } = rbac()
    bind(access, 'b', 'reader', { kind: 'Group', name: 'dev' }, 'ns')
    bind(access, 's', 'reader', { kind: 'ServiceAccount', name: 'app', namespace: 'ns' })
    expect(authorizer.authorize(ask(jane, 'list', 'pods', 'ns'))).toMatchObject({
      verdict: 'allow',
      reason: 'RBAC: allowed by RoleBinding "b/ns" of ClusterRole "reader" to Group "dev"',
    })
    expect(authorizer.authorize(ask(jane, 'get', 'pods/log', 'ns'))).toMatchObject({ verdict: 'allow' })
    for (const refused of [
      ask(jane, 'list', 'pods', 'other'),
      ask(jane, 'list', 'pods'),
      ask(jane, 'delete', 'pods', 'ns'),
      ask(jane, 'get', 'pods/exec', 'ns'),
      ask(jane, 'list', 'pods.metrics.k8s.io', 'ns'),
    ])
      expect(authorizer.authorize(refused)).toMatchObject({ verdict: 'no opinion' })
    const account: UserInfo = { name: 'system:serviceaccount:ns:app', groups: [] }
    expect(authorizer.authorize(ask(account, 'list', 'pods', 'anywhere'))).toMatchObject({ verdict: 'allow' })
  })

  it('follows changes of roles and bindings', async () => {
    const { access, authorizer } = rbac()
    bind(access, 'b', 'reader', { kind: 'User', name: 'jane' })
    expect(authorizer.authorize(ask(jane, 'get', 'pods', 'ns'))).toMatchObject({ verdict: 'allow' })
    access.add(resources.clusterRoles, { metadata: { name: 'reader' }, rules: [] } as never)
    expect(authorizer.authorize(ask(jane, 'get', 'pods', 'ns'))).toMatchObject({ verdict: 'no opinion' })
    bind(access, 'b', 'scaler', { kind: 'User', name: 'jane' })
    expect(authorizer.authorize(ask(jane, 'update', 'deployments/scale.apps', 'ns'))).toMatchObject({ verdict: 'allow' })
    await access.client.resource(resources.clusterRoleBindings).delete('', 'b')
    expect(authorizer.authorize(ask(jane, 'update', 'deployments/scale.apps', 'ns'))).toMatchObject({ verdict: 'no opinion' })
  })

  it('limits by resource name and matches paths with a trailing star', () => {
    const { access, authorizer } = rbac()
    bind(access, 'b', 'one-secret', { kind: 'User', name: 'jane' }, 'ns')
    bind(access, 'h', 'health', { kind: 'User', name: 'jane' })
    expect(authorizer.authorize(ask(jane, 'get', 'secrets', 'ns', { name: 'mine' }))).toMatchObject({ verdict: 'allow' })
    expect(authorizer.authorize(ask(jane, 'get', 'secrets', 'ns', { name: 'theirs' }))).toMatchObject({ verdict: 'no opinion' })
    const path = (at: string) => authorizer.authorize({ user: jane, verb: 'get', path: at })
    expect(
      [path('/healthz'), path('/metrics/a/b'), path('/metrics'), path('/healthz/x')].map((one) => (one as { verdict: string }).verdict),
    ).toEqual(['allow', 'allow', 'no opinion', 'no opinion'])
  })

  it('lists the rules of a user', () => {
    const { access, authorizer } = rbac()
    bind(access, 'b', 'one-secret', { kind: 'User', name: 'jane' }, 'ns')
    expect(authorizer.rulesFor(jane, 'ns')).toEqual({
      resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] }],
      nonResourceRules: [],
      incomplete: false,
    })
  })
})

describe('refusals', () => {
  it('say who may not do what where', () => {
    expect(forbiddenRequest(ask(jane, 'get', 'pods', 'default', { name: 'p' }), '').message).toBe(
      'pods "p" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"',
    )
    expect(forbiddenRequest(ask(jane, 'list', 'deployments/scale.apps'), 'why').message).toBe(
      'deployments.apps is forbidden: User "jane" cannot list resource "deployments/scale" in API group "apps" at the cluster scope: why',
    )
    expect(forbiddenRequest({ user: jane, verb: 'get', path: '/x' }, '').message).toBe('forbidden: User "jane" cannot get path "/x"')
  })
})

describe('union', () => {
  it('lets system:masters pass first and joins reasons', () => {
    const union = unionAuthorizers([privilegedGroup, alwaysDeny])
    expect(union.authorize(ask({ name: 'r', groups: ['system:masters'] }, 'delete', 'nodes'))).toMatchObject({ verdict: 'allow' })
    expect(union.authorize(ask(jane, 'delete', 'nodes'))).toEqual({ verdict: 'no opinion', reason: 'Everything is forbidden.' })
  })
})

describe('Node authorizer', () => {
  const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] }
  const pod = (name: string, spec: object, annotations?: Record<string, string>) =>
    ({ metadata: { name, namespace: 'ns', annotations }, spec: { containers: [], ...spec } }) as never
  const setUp = () => {
    const access = new FakeAccess()
    const rules = [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'delete'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'create'] },
    ]
    const authorizer = nodeAuthorizer(access, rules)
    const verdict = (asked: Attributes) => (authorizer.authorize(asked) as { verdict: string }).verdict
    return { access, verdict }
  }

  it('opens the secrets of a node its own pods, until they are gone', async () => {
    const { access, verdict } = setUp()
    access.add(
      resources.pods,
      pod('p', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 's' } }], serviceAccountName: 'app' }),
    )
    access.add(resources.pods, pod('q', { nodeName: 'n2', volumes: [{ name: 'v', secret: { secretName: 'other' } }] }))
    access.add(resources.pods, pod('m', { nodeName: 'n1', imagePullSecrets: [{ name: 'sneaky' }] }, { 'kubernetes.io/config.mirror': 'h' }))
    const secret = (name: string, verb = 'get') => verdict(ask(node, verb, 'secrets', 'ns', { name }))
    expect([secret('s'), secret('s', 'watch'), secret('other'), secret('sneaky'), secret('s', 'update'), secret('')]).toEqual([
      'allow',
      'allow',
      'no opinion',
      'no opinion',
      'no opinion',
      'no opinion',
    ])
    expect(verdict(ask(node, 'create', 'serviceaccounts/token', 'ns', { name: 'app' }))).toBe('allow')
    expect(verdict(ask(node, 'create', 'serviceaccounts/token', 'ns', { name: 'default' }))).toBe('no opinion')
    await access.client.resource(resources.pods).delete('ns', 'p')
    expect(secret('s')).toBe('no opinion')
  })

  it('follows claim and volume to the pod', () => {
    const { access, verdict } = setUp()
    access.add(resources.persistentVolumes, {
      metadata: { name: 'pv' },
      spec: {
        claimRef: { namespace: 'ns', name: 'c' },
        csi: { driver: 'd', volumeHandle: 'h', nodeStageSecretRef: { name: 'stage', namespace: 'x' } },
      },
    } as never)
    expect(verdict(ask(node, 'get', 'persistentvolumes', '', { name: 'pv' }))).toBe('no opinion')
    access.add(resources.pods, pod('p', { nodeName: 'n1', volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }))
    expect(verdict(ask(node, 'get', 'persistentvolumes', '', { name: 'pv' }))).toBe('allow')
    expect(verdict(ask(node, 'get', 'persistentvolumeclaims', 'ns', { name: 'c' }))).toBe('allow')
    expect(verdict(ask(node, 'get', 'secrets', 'x', { name: 'stage' }))).toBe('allow')
  })

  it('narrows pods and nodes to its own, and its lease to its name', () => {
    const { access, verdict } = setUp()
    access.add(resources.pods, pod('p', { nodeName: 'n1' }), pod('q', { nodeName: 'n2' }))
    expect(verdict(ask(node, 'get', 'pods', 'ns', { name: 'p' }))).toBe('allow')
    expect(verdict(ask(node, 'get', 'pods', 'ns', { name: 'q' }))).toBe('no opinion')
    expect(verdict(ask(node, 'watch', 'pods', '', { fieldSelector: 'spec.nodeName=n1' }))).toBe('allow')
    expect(verdict(ask(node, 'list', 'pods'))).toBe('no opinion')
    expect(verdict(ask(node, 'get', 'nodes', '', { name: 'n1' }))).toBe('allow')
    expect(verdict(ask(node, 'get', 'nodes', '', { name: 'n2' }))).toBe('no opinion')
    expect(verdict(ask(node, 'update', 'leases.coordination.k8s.io', 'kube-node-lease', { name: 'n1' }))).toBe('allow')
    expect(verdict(ask(node, 'update', 'leases.coordination.k8s.io', 'kube-node-lease', { name: 'n2' }))).toBe('no opinion')
    expect(verdict(ask({ name: 'system:node:n1', groups: [] }, 'get', 'nodes', '', { name: 'n1' }))).toBe('no opinion')
  })
})
