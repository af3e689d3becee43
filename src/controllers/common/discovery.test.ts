import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Client, TransportRequest } from '../../client/client.js'
import { type TestApiServer, testApiServer } from '../../client/testdata/api-server.js'
import { type Discovery, discover, supports } from './discovery.js'

/** A client that answers paths with these documents, and 503 to the rest. */
function clientOf(documents: Readonly<Record<string, unknown>>): Client {
  const raw = async ({ path }: TransportRequest) => {
    const found = documents[path]
    const text = JSON.stringify(found ?? { kind: 'Status', message: 'no server', code: 503, reason: 'ServiceUnavailable' })
    return { status: found ? 200 : 503, headers: {}, body: new TextEncoder().encode(text) }
  }
  return { raw } as unknown as Client
}
const names = ({ preferred }: Discovery) => preferred.map(({ resource, group, version }) => `${resource}.${group}/${version}`)

describe('discovery for controllers', () => {
  let api: TestApiServer | undefined
  afterEach(() => api?.stop())

  it('finds every resource once, in its preferred version, with scope and verbs', async () => {
    api = await testApiServer(new VirtualClock())
    const discovery = await discover(api.client)
    const of = (resource: string, group = '') => discovery.preferred.filter((each) => each.resource === resource && each.group === group)
    expect(of('pods')).toMatchObject([{ version: 'v1', kind: 'Pod', namespaced: true }])
    expect(of('nodes')).toMatchObject([{ namespaced: false }])
    expect(of('horizontalpodautoscalers', 'autoscaling')).toMatchObject([{ version: 'v2' }])
    expect(of('tokenreviews', 'authentication.k8s.io').map((each) => supports(each, 'delete', 'list'))).toEqual([false])
    expect(discovery.failures.size).toBe(0)
  })

  it('goes group by group where a server does not aggregate, and names the groups that do not answer', async () => {
    const verbs = ['delete', 'list']
    const group = (name: string) => ({ name, versions: [{ groupVersion: `${name}/v1`, version: 'v1' }] })
    const discovery = await discover(
      clientOf({
        '/api': { kind: 'APIVersions', versions: ['v1'] },
        '/apis': { kind: 'APIGroupList', groups: [group('apps'), group('metrics.k8s.io')] },
        '/api/v1': {
          resources: [
            { name: 'pods', kind: 'Pod', namespaced: true, verbs },
            { name: 'pods/log', kind: 'Pod', namespaced: true, verbs: ['get'] },
          ],
        },
        '/apis/apps/v1': { resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true, verbs }] },
      }),
    )
    expect(names(discovery)).toEqual(['pods./v1', 'deployments.apps/v1'])
    expect([...discovery.failures.keys()]).toEqual(['metrics.k8s.io/v1'])
  })

  it('takes a stale answer of an aggregated group for a failure', async () => {
    const resource = { resource: 'nodes', responseKind: { kind: 'NodeMetrics' }, scope: 'Cluster', verbs: ['get'] }
    const items = [{ metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', freshness: 'Stale', resources: [resource] }] }]
    const discovery = await discover(
      clientOf({ '/api': { kind: 'APIGroupDiscoveryList', items: [] }, '/apis': { kind: 'APIGroupDiscoveryList', items } }),
    )
    expect([...discovery.failures.keys()]).toEqual(['metrics.k8s.io/v1beta1'])
    expect(names(discovery)).toEqual(['nodes.metrics.k8s.io/v1beta1'])
  })
})
