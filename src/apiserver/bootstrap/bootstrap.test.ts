import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../api/object.js'
import type { ClusterRole, ClusterRoleBinding } from '../../api/types/rbac-v1.js'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { FakeAccess } from '../testdata/fake-access.js'
import { fakeStore } from '../testdata/fake-store.js'
import { publishAuthenticationInfo } from './authentication-info.js'
import { bootstrap } from './bootstrap.js'
import { endpointReconciler } from './endpoint-reconciler.js'
import { identityLeaseHook } from './identity-lease.js'
import { ensureKubernetesService, ensureServiceCidr } from './kubernetes-service.js'
import { bootstrapSets, namespaceSet } from './objects.js'
import { endpointSlicesOf, endpointsOf, formatServer, parseServer } from './server-endpoints.js'

const count = bootstrapSets.reduce((sum, set) => sum + set.objects.length, namespaceSet.objects.length)

describe('bootstrap', () => {
  it('writes every default object once, however many servers start', async () => {
    const access = new FakeAccess()
    await Promise.all([1, 2, 3].map(() => bootstrap(access, silentLogger)))
    expect(access.writes).toHaveLength(count)
    expect(new Set(access.writes.map(({ verb }) => verb))).toEqual(new Set(['create']))
    await bootstrap(access, silentLogger)
    expect(access.writes).toHaveLength(count)
  })

  it('mends default roles and bindings but keeps what people added', async () => {
    const access = new FakeAccess()
    await bootstrap(access, silentLogger)
    const roles = access.client.resource<ClusterRole>(resources.clusterRoles)
    const role = await roles.get('', 'system:kube-scheduler')
    const extra = { apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }
    await roles.update({ ...role, rules: [...(role.rules ?? []).slice(1), extra] })
    const bindings = access.client.resource<ClusterRoleBinding>(resources.clusterRoleBindings)
    const binding = await bindings.get('', 'system:kube-scheduler')
    await bindings.update({ ...binding, subjects: [{ kind: 'User', name: 'jane' }] })
    const other = await bindings.get('', 'system:node-proxier')
    await bindings.update({ ...other, roleRef: { ...other.roleRef, name: 'view' } })

    await bootstrap(access, silentLogger)
    const mended = await roles.get('', 'system:kube-scheduler')
    expect(mended.rules).toContainEqual(role.rules?.[0])
    expect(mended.rules).toContainEqual(extra)
    expect((await bindings.get('', 'system:kube-scheduler')).subjects?.map(({ name }) => name)).toEqual(['jane', 'system:kube-scheduler'])
    expect((await bindings.get('', 'system:node-proxier')).roleRef.name).toBe('system:node-proxier')
  })

  it('leaves a role alone that says so', async () => {
    const access = new FakeAccess()
    await bootstrap(access, silentLogger)
    const roles = access.client.resource<ClusterRole>(resources.clusterRoles)
    const role = await roles.get('', 'system:kube-scheduler')
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
    await roles.update({ ...role, metadata: { ...role.metadata, annotations }, rules: [] })
    const writes = access.writes.length
    await bootstrap(access, silentLogger)
    expect(access.writes).toHaveLength(writes)
  })
})

describe('the kubernetes Service', () => {
  const options = { cidrs: ['10.96.0.0/12'], port: 6443, clock: new VirtualClock(), signal: new AbortController().signal }

  it('has the first address of the range and its ServiceCIDR', async () => {
    const access = new FakeAccess()
    await Promise.all([ensureKubernetesService(access, options), ensureKubernetesService(access, options)])
    await ensureServiceCidr(access, options)
    await ensureServiceCidr(access, options)
    expect(access.lister(resources.services).get('default/kubernetes')).toMatchObject({
      spec: { clusterIP: '10.96.0.1', type: 'ClusterIP' },
    })
    expect(access.lister(resources.serviceCidrs).get('kubernetes')).toMatchObject({
      spec: { cidrs: ['10.96.0.0/12'] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    })
  })

  it('tells extension servers how to authenticate, keeping the certificates of others', async () => {
    const access = new FakeAccess()
    const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`
    await publishAuthenticationInfo(access, { clientCa: pem('A') })
    await publishAuthenticationInfo(access, { clientCa: pem('B') })
    const found = access.lister(resources.configMaps).get('kube-system/extension-apiserver-authentication')
    expect(found).toMatchObject({ data: { 'client-ca-file': pem('A') + pem('B') } })
    const writes = access.writes.length
    await publishAuthenticationInfo(access, { clientCa: pem('A') })
    expect(access.writes).toHaveLength(writes)
  })
})

describe('the identity lease', () => {
  it('is renewed every ten seconds and released on stop', async () => {
    const [access, clock] = [new FakeAccess(), new VirtualClock()]
    const hook = identityLeaseHook({ access, clock, logger: silentLogger, identity: 'apiserver-cp-1', hostname: 'cp-1' })
    await hook.start(new AbortController().signal)
    const lease = () => access.lister(resources.leases).get('kube-system/apiserver-cp-1') as { spec?: { renewTime?: string } } | undefined
    expect(lease()).toMatchObject({ spec: { holderIdentity: 'apiserver-cp-1', renewTime: '2026-01-01T00:00:00.000000Z' } })
    await clock.advance(10_000)
    expect(lease()?.spec?.renewTime).toBe('2026-01-01T00:00:10.000000Z')
    await hook.stop?.()
    expect(lease()).toBeUndefined()
  })
})

describe('endpoints of the API servers', () => {
  it('have a subset and a slice for each port', () => {
    const servers = [
      { ip: '192.0.2.1', port: 6444 },
      { ip: '192.0.2.1', port: 6443 },
      { ip: '10.0.0.2', port: 6443 },
    ]
    expect(endpointsOf(servers)).toMatchObject({
      subsets: [
        { addresses: [{ ip: '10.0.0.2' }, { ip: '192.0.2.1' }], ports: [{ port: 6443 }] },
        { addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6444 }] },
      ],
    })
    expect(endpointSlicesOf(servers).map(({ metadata, endpoints }) => [metadata.name, endpoints?.length])).toEqual([
      ['kubernetes', 2],
      ['kubernetes-6444-ipv4', 1],
    ])
  })

  it('know servers by address and port, of both families', () => {
    for (const server of [
      { ip: '10.0.0.1', port: 6443 },
      { ip: 'fd00::1', port: 6443 },
    ])
      expect(parseServer(formatServer(server))).toEqual(server)
  })

  it('list every live server; a dead one drops out with its lease, a stopping one at once', async () => {
    const [access, store, clock] = [new FakeAccess(), fakeStore(), new VirtualClock()]
    const start = async (port: number) => {
      const reconciler = endpointReconciler({ access, store, clock, logger: silentLogger, self: { ip: '192.0.2.1', port } })
      await reconciler.start()
      return reconciler
    }
    const ports = () => {
      const found = access.lister(resources.endpoints).get('default/kubernetes') as
        | (KubeObject & { subsets?: { ports: { port: number }[] }[] })
        | undefined
      return found?.subsets?.map((subset) => subset.ports[0]?.port)
    }
    const one = await start(6443)
    const two = await start(6444)
    const three = await start(6445)
    expect(ports()).toEqual([6443, 6444, 6445])
    expect(access.lister(resources.endpointSlices).list('default')).toHaveLength(3)

    await two.stop({ crash: true })
    store.endLease('2')
    await clock.advance(1)
    expect(ports()).toEqual([6443, 6445])
    expect(access.lister(resources.endpointSlices).list('default')).toHaveLength(2)

    await clock.advance(11_000)
    expect(ports()).toEqual([6443, 6445])
    await three.stop()
    expect(ports()).toEqual([6443])
    await one.stop()
    expect(ports()).toBeUndefined()
  })
})
