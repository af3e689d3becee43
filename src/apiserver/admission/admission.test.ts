import { describe, expect, it } from 'vitest'
import type { GroupVersionResource, KubeObject, UnknownObject } from '../../api/object.js'
import { StatusError } from '../../api/status.js'
import type { Pod } from '../../api/types/core-v1.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import type { UserInfo } from '../authn/authenticator.js'
import { rbacAuthorizer } from '../authz/rbac/rbac.js'
import { alwaysAllow } from '../authz/union.js'
import { defaultAdmission } from '../defaults.js'
import { Resources } from '../resources.js'
import { FakeAccess } from '../testdata/fake-access.js'
import type { AdmissionPlugin, AdmissionRequest, Operation } from './admission.js'
import { buildAdmission } from './plugins.js'

const admin: UserInfo = { name: 'admin', groups: ['system:masters'] }
const kubelet: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] }

interface Ask {
  operation?: Operation
  resource?: GroupVersionResource
  subresource?: string
  object?: object
  old?: object
  user?: UserInfo
  name?: string
  dryRun?: boolean
}

function setUp(choice: { enable?: string[] } = {}) {
  const access = new FakeAccess()
  access.add(resources.namespaces, { metadata: { name: 'ns' } })
  access.add(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'ns' } })
  const deps = { access, clock: new VirtualClock(), random: seededRandom(1), authorizer: alwaysAllow, resources: new Resources() }
  const chain = defaultAdmission(deps, undefined, choice)
  const warnings: string[] = []
  const admit = (ask: Ask) => run(chain, requestOf(ask, warnings))
  return { access, deps, admit, warnings }
}

function requestOf(ask: Ask, warnings: string[]): AdmissionRequest {
  const resource = ask.resource ?? resources.pods
  const namespaced = !['nodes', 'namespaces', 'priorityclasses', 'persistentvolumes', 'clusterroles'].includes(resource.resource)
  const object = ask.object && (structuredClone({ metadata: {}, ...ask.object }) as UnknownObject)
  if (object && namespaced) object.metadata.namespace = 'ns'
  return {
    operation: ask.operation ?? 'CREATE',
    resource,
    subresource: ask.subresource ?? '',
    kind: { group: resource.group, version: resource.version, kind: 'Kind' },
    namespace: namespaced ? 'ns' : '',
    name: ask.name ?? object?.metadata.name ?? '',
    user: ask.user ?? admin,
    dryRun: ask.dryRun ?? false,
    object,
    oldObject: ask.old as UnknownObject | undefined,
    options: {},
    warn: (message) => warnings.push(message),
  }
}

async function run(chain: readonly AdmissionPlugin[], request: AdmissionRequest): Promise<UnknownObject> {
  const mine = chain.filter((plugin) => plugin.handles(request.operation, request.resource, request.subresource))
  for (const plugin of mine) await plugin.mutate?.(request)
  for (const plugin of mine) await plugin.validate?.(request)
  return request.object as UnknownObject
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof StatusError)) throw new Error(`was not refused: ${String(error)}`)
  return `${error.code} ${error.message}`
}

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'p', ...metadata },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
})
const podOf = (object: UnknownObject) => object as unknown as Pod

describe('the chain', () => {
  it('keeps upstream order and refuses names it cannot serve', () => {
    const { deps } = setUp()
    const names = buildAdmission(deps, { enable: ['NodeRestriction'], disable: ['PodSecurity'] }).map((plugin) => plugin.name)
    expect(names.slice(0, 4)).toEqual(['NamespaceLifecycle', 'LimitRanger', 'ServiceAccount', 'NodeRestriction'])
    expect(names).not.toContain('PodSecurity')
    expect(names.at(-1)).toBe('ResourceQuota')
    expect(() => buildAdmission(deps, { enable: ['Nonsense'] })).toThrow(/no admission plugin "Nonsense"/)
    expect(() => buildAdmission(deps, { enable: ['Priority'], disable: ['Priority'] })).toThrow(/both/)
  })
})

describe('a new pod', () => {
  it('gets account, token, tolerations and priority', async () => {
    const { admit } = setUp()
    const { spec } = podOf(await admit({ object: pod() }))
    expect(spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    })
    expect(spec?.volumes).toHaveLength(1)
    expect(spec?.volumes?.[0]?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
    expect(spec?.volumes?.[0]?.projected?.sources?.[0]).toEqual({ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } })
    expect(spec?.containers[0]?.volumeMounts).toEqual([
      { name: spec?.volumes?.[0]?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ])
    expect(spec?.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds])).toEqual([
      ['node.kubernetes.io/not-ready', 300],
      ['node.kubernetes.io/unreachable', 300],
    ])
  })

  it('is refused without its account, class or namespace', async () => {
    const { admit, access } = setUp()
    expect(await refusal(admit({ object: pod({ serviceAccountName: 'none' }) }))).toBe(
      '403 pods "p" is forbidden: error looking up service account ns/none: serviceaccount "none" not found',
    )
    expect(await refusal(admit({ object: pod({ priorityClassName: 'none' }) }))).toMatch(/no PriorityClass with name none was found/)
    expect(await refusal(admit({ object: pod({ runtimeClassName: 'none' }) }))).toMatch(/RuntimeClass "none" not found/)
    await access.client.resource(resources.namespaces).delete('', 'ns')
    expect(await refusal(admit({ object: pod() }))).toBe('404 namespaces "ns" not found')
    access.add(resources.namespaces, { metadata: { name: 'ns', deletionTimestamp: '2026-01-01T00:00:00Z' } })
    expect(await refusal(admit({ object: pod() }))).toMatch(/^403 .*because it is being terminated$/)
  })

  it('mounts no token when pod or account says so, and keeps a mount of its own', async () => {
    const { admit } = setUp()
    expect(podOf(await admit({ object: pod({ automountServiceAccountToken: false }) })).spec?.volumes).toBeUndefined()
    const own = { name: 'mine', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
    const kept = podOf(await admit({ object: pod({ containers: [{ name: 'c', image: 'i', volumeMounts: [own] }] }) }))
    expect(kept.spec?.volumes).toBeUndefined()
  })

  it('gets overhead, selector and tolerations of its runtime class', async () => {
    const { admit, access } = setUp()
    const scheduling = { nodeSelector: { sandbox: 'yes' }, tolerations: [{ key: 'sandbox', operator: 'Exists' }] }
    access.add(resources.runtimeClasses, {
      metadata: { name: 'rc' },
      handler: 'h',
      overhead: { podFixed: { cpu: '50m' } },
      scheduling,
    } as KubeObject)
    const { spec } = podOf(await admit({ object: pod({ runtimeClassName: 'rc', overhead: { cpu: '0.05' } }) }))
    expect(spec).toMatchObject({ overhead: { cpu: '50m' }, nodeSelector: { sandbox: 'yes' } })
    expect(await refusal(admit({ object: pod({ runtimeClassName: 'rc', overhead: { cpu: '1' } }) }))).toMatch(/doesn't match/)
    expect(await refusal(admit({ object: pod({ overhead: { cpu: '1' } }) }))).toMatch(/without corresponding RuntimeClass/)
  })
})

describe('LimitRanger', () => {
  const range = (...limits: object[]) => ({ metadata: { name: 'lr', namespace: 'ns' }, spec: { limits } }) as KubeObject
  it('fills defaults and says so', async () => {
    const { admit, access } = setUp()
    access.add(
      resources.limitRanges,
      range({ type: 'Container', default: { cpu: '500m', memory: '256Mi' }, defaultRequest: { cpu: '100m' } }),
    )
    const admitted = podOf(await admit({ object: pod() }))
    expect(admitted.spec?.containers[0]?.resources).toEqual({ requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '256Mi' } })
    expect(admitted.metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c',
    )
  })

  it.each([
    [
      { type: 'Container', max: { cpu: '1' } },
      { limits: { cpu: '2' }, requests: { cpu: '1' } },
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    [
      { type: 'Container', min: { cpu: '100m' } },
      { requests: { cpu: '10m' } },
      'minimum cpu usage per Container is 100m, but request is 10m',
    ],
    [{ type: 'Pod', max: { memory: '1Gi' } }, {}, 'maximum memory usage per Pod is 1Gi.  No limit is specified'],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
      'ratio is 3.000000',
    ],
  ])('refuses %j for %j', async (limit, of, text) => {
    const { admit, access } = setUp()
    access.add(resources.limitRanges, range(limit))
    expect(await refusal(admit({ object: pod({ containers: [{ name: 'c', image: 'i', resources: of }] }) }))).toContain(text)
  })
})

describe('ResourceQuota', () => {
  const quota = (
    hard: object,
    used: object | undefined = hard && Object.fromEntries(Object.keys(hard).map((name) => [name, '0'])),
    spec: object = {},
  ) =>
    ({
      metadata: { name: 'q', namespace: 'ns' },
      spec: { hard, ...spec },
      status: { hard, ...(used ? { used } : {}) },
    }) as unknown as KubeObject
  const usedOf = (access: FakeAccess) =>
    (access.lister(resources.resourceQuotas).get('ns/q') as unknown as { status: { used: object } }).status.used

  it('charges what is created and refuses what goes over, also when requests come at once', async () => {
    const { admit, access } = setUp()
    access.add(resources.resourceQuotas, quota({ pods: '3', 'requests.cpu': '2' }))
    const ask = () => admit({ object: pod({ containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '500m' } } }] }) })
    const outcomes = await Promise.allSettled([ask(), ask(), ask(), ask(), ask()])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(usedOf(access)).toEqual({ pods: '3', 'requests.cpu': '1500m' })
    expect(await refusal(ask())).toBe('403 pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3')
  })

  it('charges nothing on dry run', async () => {
    const { admit, access } = setUp()
    access.add(resources.resourceQuotas, quota({ pods: '1' }))
    await admit({ object: pod(), dryRun: true })
    expect(usedOf(access)).toEqual({ pods: '0' })
  })

  it('refuses while the usage is not known, and pods that do not say what they take', async () => {
    const { admit, access } = setUp()
    access.add(resources.resourceQuotas, quota({ pods: '5' }, undefined))
    const unknown = { ...quota({ pods: '5' }), status: { hard: { pods: '5' } } } as KubeObject
    access.add(resources.resourceQuotas, unknown)
    expect(await refusal(admit({ object: pod() }))).toMatch(/status unknown for quota: q, resources: pods$/)
    access.add(resources.resourceQuotas, quota({ 'limits.cpu': '1' }))
    expect(await refusal(admit({ object: pod() }))).toMatch(/failed quota: q: must specify limits.cpu for: c$/)
  })

  it('counts only pods of its scopes, and only what an update adds', async () => {
    const { admit, access } = setUp()
    access.add(resources.resourceQuotas, quota({ pods: '0' }, { pods: '0' }, { scopes: ['NotBestEffort'] }))
    await admit({ object: pod() })
    access.add(resources.resourceQuotas, quota({ 'services.nodeports': '2', services: '5' }))
    const service = (type: string, ports: number) => ({
      metadata: { name: 's' },
      spec: { type, ports: Array.from({ length: ports }, (_, i) => ({ port: i + 1 })) },
    })
    await admit({ operation: 'UPDATE', resource: resources.services, object: service('NodePort', 2), old: service('ClusterIP', 2) })
    expect(usedOf(access)).toEqual({ 'services.nodeports': '2', services: '0' })
    expect(
      await refusal(
        admit({ operation: 'UPDATE', resource: resources.services, object: service('NodePort', 3), old: service('NodePort', 2) }),
      ),
    ).toMatch(/requested: services.nodeports=1, used: services.nodeports=2/)
  })
})

describe('PodSecurity', () => {
  const labelled = (access: FakeAccess, labels: Record<string, string>) =>
    access.add(resources.namespaces, { metadata: { name: 'ns', labels } })
  const privileged = { containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] }

  it('refuses by the enforced level and warns by the other', async () => {
    const { admit, access, warnings } = setUp()
    labelled(access, { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'restricted' })
    expect(await refusal(admit({ object: pod(privileged) }))).toBe(
      '403 pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    )
    await admit({ object: pod() })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(
      /^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c" must set/,
    )
    await admit({ resource: resources.deployments, object: { metadata: { name: 'd' }, spec: { template: pod(privileged) } } })
    expect(warnings).toHaveLength(2)
  })

  it('lets a pod that meets the restricted level pass', async () => {
    const { admit, access } = setUp()
    labelled(access, { 'pod-security.kubernetes.io/enforce': 'restricted' })
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
    await admit({
      object: pod({
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ name: 'c', image: 'i', securityContext }],
      }),
    })
    expect(await refusal(admit({ object: pod({ hostNetwork: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }) }))).toMatch(
      /host namespaces \(hostNetwork=true\), hostPath volumes \(volume "v"\)/,
    )
  })

  it('lets labels of a running pod change whatever the level', async () => {
    const { admit, access } = setUp()
    labelled(access, { 'pod-security.kubernetes.io/enforce': 'baseline' })
    await admit({ operation: 'UPDATE', object: pod(privileged, { labels: { x: 'y' } }), old: pod(privileged) })
  })

  it('refuses labels that mean nothing', async () => {
    const { admit } = setUp()
    const labels = { 'pod-security.kubernetes.io/enforce': 'strict', 'pod-security.kubernetes.io/warn-version': 'v0.x' }
    expect(await refusal(admit({ resource: resources.namespaces, object: { metadata: { name: 'n', labels } } }))).toMatch(
      /^422 Namespace "n" is invalid/,
    )
  })
})

describe('NodeRestriction', () => {
  const node = (metadata: object, spec: object = {}) => ({ metadata: { name: 'n1', ...metadata }, spec })
  it('lets a kubelet write its own Node but not restricted labels and taints', async () => {
    const { admit } = setUp({ enable: ['NodeRestriction'] })
    const write = (object: object, old?: object) =>
      admit({ resource: resources.nodes, user: kubelet, object, ...(old ? { operation: 'UPDATE' as const, old } : {}) })
    await write(node({ labels: { 'kubernetes.io/hostname': 'n1', 'example.com/a': 'b', 'node.kubernetes.io/x': 'y' } }))
    for (const label of ['node-restriction.kubernetes.io/a', 'kubernetes.io/made-up', 'node-role.kubernetes.io/worker'])
      expect(await refusal(write(node({ labels: { [label]: '' } })))).toContain(`is not allowed to modify labels: ${label}`)
    expect(await refusal(write(node({ name: 'n2' })))).toMatch(/not allowed to modify node "n2"/)
    expect(await refusal(write(node({}, { taints: [] }), node({}, { taints: [{ key: 'k', effect: 'NoSchedule' }] })))).toMatch(
      /modify taints/,
    )
  })

  it('lets it create mirror pods of its own alone', async () => {
    const { admit, access } = setUp({ enable: ['NodeRestriction'] })
    access.add(resources.nodes, { metadata: { name: 'n1', uid: 'u1' } })
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true }
    const mirror = (owners: object[], spec: object = {}) =>
      admit({
        user: kubelet,
        object: pod({ nodeName: 'n1', ...spec }, { annotations: { 'kubernetes.io/config.mirror': 'h' }, ownerReferences: owners }),
      })
    await mirror([owner])
    expect(await refusal(mirror([]))).toMatch(/single owner reference/)
    expect(await refusal(mirror([{ ...owner, uid: 'u2' }]))).toMatch(/UID of its Node/)
    expect(await refusal(mirror([owner], { volumes: [{ name: 'v', configMap: { name: 'c' } }] }))).toMatch(/reference configmaps/)
    expect(await refusal(admit({ user: kubelet, object: pod({ nodeName: 'n1' }) }))).toMatch(/can only create mirror pods/)
  })

  it('gives it tokens of its own pods for audiences they ask for', async () => {
    const { admit, access } = setUp({ enable: ['NodeRestriction'] })
    const volumes = [{ name: 't', projected: { sources: [{ serviceAccountToken: { audience: 'vault', path: 't' } }] } }]
    access.add(resources.pods, { metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { nodeName: 'n1', volumes } } as KubeObject)
    access.add(resources.pods, { metadata: { name: 'q', namespace: 'ns', uid: 'v' }, spec: { nodeName: 'n2', volumes } } as KubeObject)
    const token = (name: string, uid: string, audiences: string[]) =>
      admit({
        resource: resources.serviceAccounts,
        subresource: 'token',
        user: kubelet,
        name: 'default',
        object: { spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } } },
      })
    await token('p', 'u', ['vault'])
    expect(await refusal(token('p', 'u', ['elsewhere']))).toMatch(/audience "elsewhere" not found/)
    expect(await refusal(token('p', 'u', ['vault', 'elsewhere']))).toMatch(/0 or 1 audiences/)
    expect(await refusal(token('q', 'v', ['vault']))).toMatch(/different node/)
  })
})

describe('defaults of other kinds', () => {
  it('mark volumes, claims, nodes, ingresses', async () => {
    const { admit, access } = setUp()
    const mark = (name: string) => ({ metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } })
    access.add(resources.storageClasses, mark('b'), mark('a'))
    const claim = await admit({ resource: resources.persistentVolumeClaims, object: { metadata: { name: 'c' }, spec: {} } })
    expect(claim).toMatchObject({ metadata: { finalizers: ['kubernetes.io/pvc-protection'] }, spec: { storageClassName: 'a' } })
    const none = await admit({
      resource: resources.persistentVolumeClaims,
      object: { metadata: { name: 'c' }, spec: { storageClassName: '' } },
    })
    expect(none).toMatchObject({ spec: { storageClassName: '' } })
    const node = await admit({ resource: resources.nodes, object: { metadata: { name: 'n' } } })
    expect(node).toMatchObject({ spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] } })
  })

  it('let a claim grow only where its class allows it', async () => {
    const { admit, access } = setUp()
    const claim = (size: string, phase = 'Bound') => ({
      metadata: { name: 'c' },
      spec: { storageClassName: 'fast', resources: { requests: { storage: size } } },
      status: { phase },
    })
    const grow = (old: object) => admit({ operation: 'UPDATE', resource: resources.persistentVolumeClaims, object: claim('2Gi'), old })
    expect(await refusal(grow(claim('1Gi', 'Pending')))).toMatch(/Only bound/)
    expect(await refusal(grow(claim('1Gi')))).toMatch(/only dynamically provisioned/)
    access.add(resources.storageClasses, { metadata: { name: 'fast' }, allowVolumeExpansion: true } as KubeObject)
    await grow(claim('1Gi'))
  })

  it('keep the cluster own namespaces', async () => {
    const { admit } = setUp()
    expect(await refusal(admit({ operation: 'DELETE', resource: resources.namespaces, name: 'kube-system' }))).toBe(
      '403 namespaces "kube-system" is forbidden: this namespace may not be deleted',
    )
  })

  it('let one PriorityClass be the default', async () => {
    const { admit, access } = setUp()
    access.add(resources.priorityClasses, { metadata: { name: 'one' }, value: 42, globalDefault: true } as KubeObject)
    expect(podOf(await admit({ object: pod() })).spec).toMatchObject({ priority: 42, priorityClassName: 'one' })
    expect(
      await refusal(admit({ resource: resources.priorityClasses, object: { metadata: { name: 'two' }, value: 1, globalDefault: true } })),
    ).toMatch(/PriorityClass one is already marked as default/)
  })
})

describe('RBAC escalation', () => {
  it('lets nobody give what he has not', async () => {
    const { access, deps } = setUp()
    const rbac = rbacAuthorizer(access)
    const chain = defaultAdmission({ ...deps, authorizer: rbac, resources: new Resources() }, rbac)
    const jane: UserInfo = { name: 'jane', groups: [] }
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
    access.add(resources.clusterRoles, { metadata: { name: 'view-pods' }, rules } as KubeObject)
    access.add(resources.clusterRoleBindings, {
      metadata: { name: 'b' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view-pods' },
      subjects: [{ kind: 'User', name: 'jane' }],
    } as KubeObject)
    const role = (verbs: string[]) =>
      run(
        chain,
        requestOf({ resource: resources.roles, user: jane, object: { metadata: { name: 'r' }, rules: [{ ...rules[0], verbs }] } }, []),
      )
    await role(['get'])
    expect(await refusal(role(['get', 'delete']))).toMatch(/attempting to grant RBAC permissions not currently held:\n.*"delete"/)
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view-pods' }
    const binding = (name: string) =>
      run(
        chain,
        requestOf(
          {
            resource: resources.roleBindings,
            user: jane,
            object: { metadata: { name: 'r' }, roleRef: { ...roleRef, name }, subjects: [] },
          },
          [],
        ),
      )
    await binding('view-pods')
    access.add(resources.clusterRoles, {
      metadata: { name: 'all' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    } as KubeObject)
    expect(await refusal(binding('all'))).toMatch(/not currently held/)
  })
})
