/** A proxier between a real API server and a node's namespace: what changes through the API is judged by packets. */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it, vi } from 'vitest'
import type { Node, Service } from '../api/types/core-v1.js'
import type { EndpointSlice } from '../api/types/discovery-v1.js'
import { silentLogger } from '../base/logger.js'
import { Metrics } from '../base/metrics.js'
import { seededRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import { resources } from '../client/resources.js'
import { type TestApiServer, testApiServer } from '../client/testdata/api-server.js'
import { ProxyHealth } from './health/proxy-health.js'
import { ServiceHealth } from './health/service-health.js'
import { Proxier } from './proxier.js'
import { proxyMetrics } from './proxy-metrics.js'
import { missingForPackets, TestNetwork } from './testdata/network.js'
import { slice } from './testdata/objects.js'

const why = missingForPackets()
const soon = { timeout: 10_000, interval: 20 }

describe.skipIf(why !== '')(`a proxier${why && ` (skipped: ${why})`}`, () => {
  let network: TestNetwork
  let api: TestApiServer
  let proxier: Proxier
  let metrics: Metrics
  let serviceHealth: ServiceHealth
  const failures: string[] = []
  const clock = realClock()
  beforeAll(async () => {
    network = await TestNetwork.create('proxier', ['a', 'b', 'c'])
  }, 60_000)
  afterAll(() => network?.remove())

  const services = () => api.client.resource<Service>(resources.services)
  const slices = () => api.client.resource<EndpointSlice>(resources.endpointSlices)

  const start = async () => {
    metrics = new Metrics()
    const health = new ProxyHealth(clock, 60_000)
    serviceHealth = new ServiceHealth({
      ...{ nodeName: 'here', logger: silentLogger, addresses: () => ['127.0.0.1'], isProxyHealthy: () => health.isHealthy },
      failed: (key, message) => void failures.push(`${key} ${message}`),
    })
    proxier = new Proxier({
      ...{ client: api.client, clock, random: seededRandom(1), logger: silentLogger, nodeName: 'here', families: ['IPv4', 'IPv6'] },
      rules: {
        ...{ masqueradeBit: 14, masqueradeAll: false, nodePortAddresses: 'primary' as const },
        bindAddress: '',
        detectLocal: { mode: 'ClusterCIDR', ranges: ['10.244.0.0/16', 'fd00::/16'] },
      },
      ...{ minSyncMs: 20, syncMs: 300, run: network.onNode, health, serviceHealth, metrics: proxyMetrics(metrics, ['IPv4', 'IPv6']) },
    })
    await proxier.ready
  }
  const stop = async () => {
    await proxier.stop()
    await serviceHealth.close()
  }

  beforeEach(async () => {
    api = await testApiServer()
    const node: Node = { metadata: { name: 'here' } }
    await api.client.resource<Node>(resources.nodes).create(node)
    await api.client.resource<Node>(resources.nodes).updateStatus({
      ...(await api.client.resource<Node>(resources.nodes).get('', 'here')),
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
    })
    await start()
  })
  afterEach(async () => {
    await stop()
    await api.stop()
  })

  const create = async (name: string, spec: Service['spec'] = {}, endpoints: Parameters<typeof slice>[1] = []) => {
    const protocol = spec.ports?.[0]?.protocol ?? 'TCP'
    const ports = spec.ports ?? [{ port: 80 }]
    const made = await services().create({ metadata: { name, namespace: 'default' }, spec: { selector: { app: name }, ports, ...spec } })
    await slices().create(slice(name, endpoints, { protocol }))
    return made.spec?.clusterIP ?? ''
  }
  const setEndpoints = async (name: string, endpoints: Parameters<typeof slice>[1], protocol: 'TCP' | 'UDP' = 'TCP') => {
    const old = await slices().get('default', `${name}-1`)
    await slices().update({ ...old, endpoints: slice(name, endpoints, { protocol }).endpoints ?? [] })
  }
  // Packets for a Service that the rules do not know yet are answered by nobody: the next try is not to wait long for it.
  const from = (agent: string) => ({
    tcp: (host: string, port: number) => network.agent(agent).tcp(host, port, { timeoutMs: 300 }),
    udp: (host: string, port: number, more: { sourcePort: number }) => network.agent(agent).udp(host, port, more),
  })
  const [b, c] = [{ address: '10.244.1.2' }, { address: '10.244.2.2' }]

  it('follows Services and EndpointSlices', async () => {
    const ip = await create('s', {}, [b])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toBe('b 10.244.0.2'), soon)
    await setEndpoints('s', [c])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toBe('c 10.244.0.2'), soon)
    await setEndpoints('s', [])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toBe('ECONNREFUSED'), soon)
    await services().delete('default', 's')
    await vi.waitFor(async () => expect(await network.onNode('nft', ['list', 'table', 'ip', 'kube-proxy'])).not.toContain(ip), soon)
  })

  it('leaves alone what has a proxy of its own and what is headless', async () => {
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' }
    const spec = { ports: [{ port: 80 }], selector: { app: 'own' } }
    const own = await services().create({ metadata: { name: 'own', namespace: 'default', labels }, spec })
    await slices().create(slice('own', [b]))
    await create('headless', { clusterIP: 'None' }, [b])
    const ip = await create('s', {}, [b])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^b /), soon)
    const table = await network.onNode('nft', ['list', 'table', 'ip', 'kube-proxy'])
    expect(table).not.toContain(own.spec?.clusterIP)
  })

  it('brings a node port in by the address that the Node says, also when that changes', async () => {
    const made = await services().create({
      metadata: { name: 's', namespace: 'default' },
      spec: { type: 'NodePort', selector: { app: 's' }, ports: [{ port: 80 }] },
    })
    const port = made.spec?.ports?.[0]?.nodePort ?? 0
    await slices().create(slice('s', [b]))
    await vi.waitFor(async () => expect(await from('outside').tcp('192.0.2.1', port)).toMatch(/^b /), soon)
    const nodes = api.client.resource<Node>(resources.nodes)
    const node = await nodes.get('', 'here')
    await nodes.updateStatus({ ...node, status: { addresses: [{ type: 'InternalIP', address: '10.244.0.1' }] } })
    await vi.waitFor(async () => expect(await from('a').tcp('10.244.0.1', port)).toMatch(/^b /), soon)
    expect(await from('outside').tcp('192.0.2.1', port)).toBe('ECONNREFUSED')
  })

  it('sends UDP clients that keep their port to endpoints that are there (stale conntrack)', async () => {
    const udp = { ports: [{ port: 53, protocol: 'UDP' as const }] }
    const ip = await create('dns', udp, [b])
    const ask = () => from('a').udp(ip, 53, { sourcePort: 5_555 })
    await vi.waitFor(async () => expect(await ask()).toBe('b 10.244.0.2'), soon)
    await setEndpoints('dns', [c], 'UDP')
    await vi.waitFor(async () => expect(await ask()).toBe('c 10.244.0.2'), soon)
    expect(metrics.text()).toMatch(/kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} [1-9]/)
  })

  it('sends UDP clients that came before the first endpoint to it', async () => {
    const udp = { type: 'NodePort' as const, ports: [{ port: 53, protocol: 'UDP' as const, nodePort: 30_053 }] }
    const ip = await create('dns', udp)
    // Before the Service is known at all its packets go out of the node, and are remembered as such.
    const ask = () => from('a').udp(ip, 53, { sourcePort: 5_556 })
    const outer = () => from('outside').udp('192.0.2.1', 30_053, { sourcePort: 5_557 })
    await Promise.all([ask(), outer()])
    await setEndpoints('dns', [c], 'UDP')
    await vi.waitFor(async () => expect(await Promise.all([ask(), outer()])).toEqual(['c 10.244.0.2', 'c 10.244.2.1']), soon)
  })

  it('writes all anew when somebody flushed the machine, and takes over from a proxy before it', async () => {
    const ip = await create('s', {}, [b])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^b /), soon)
    await network.onNode('nft', ['flush', 'ruleset'])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^b /), soon)
    await stop()
    await services().delete('default', 's')
    const other = await create('t', {}, [c])
    expect(await from('a').tcp(ip, 80)).toMatch(/^b /)
    await start()
    expect(await from('a').tcp(other, 80)).toMatch(/^c /)
    expect(await network.onNode('nft', ['list', 'table', 'ip', 'kube-proxy'])).not.toContain(ip)
  })

  it('remembers the clients of session affinity over a restart', async () => {
    const ip = await create('s', { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] }, [b, c])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^[bc] /), soon)
    const chosen = await from('a').tcp(ip, 80)
    await stop()
    await start()
    for (let i = 0; i < 10; i++) expect(await from('a').tcp(ip, 80)).toBe(chosen)
  })

  it('writes all anew after a difference that nft refuses', async () => {
    const ip = await create('s', {}, [b])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^b /), soon)
    // What the proxier believes to be there is not.
    await network.onNode('nft', ['flush', 'map', 'ip', 'kube-proxy', 'endpoints-tcp'])
    await setEndpoints('s', [c])
    await vi.waitFor(async () => expect(await from('a').tcp(ip, 80)).toMatch(/^c /), soon)
    expect(metrics.text()).toMatch(/kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} [1-9]/)
  })

  it('tells load balancers whether a node has endpoints (healthCheckNodePort)', async () => {
    const spec = { type: 'LoadBalancer' as const, externalTrafficPolicy: 'Local' as const, ports: [{ port: 80 }] }
    await create('lb', spec, [{ ...b, nodeName: 'here' }, c])
    const made = await services().get('default', 'lb')
    const ask = async () => {
      const response = await fetch(`http://127.0.0.1:${made.spec?.healthCheckNodePort}/`)
      return { status: response.status, weight: response.headers.get('x-load-balancing-endpoint-weight'), body: await response.json() }
    }
    const body = { service: { namespace: 'default', name: 'lb' }, localEndpoints: 1, serviceProxyHealthy: true }
    await vi.waitFor(async () => expect(await ask()).toEqual({ status: 200, weight: '1', body }), soon)
    await setEndpoints('lb', [c])
    await vi.waitFor(async () => expect(await ask()).toMatchObject({ status: 503, body: { localEndpoints: 0 } }), soon)
    expect(metrics.text()).toContain('kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 1')
    await services().delete('default', 'lb')
    await vi.waitFor(async () => expect(await ask().catch(() => 'closed')).toBe('closed'), soon)
    expect(failures).toEqual([])
  })

  it('measures from the change of an endpoint until packets follow (network programming SLI)', async () => {
    await services().create({ metadata: { name: 's', namespace: 'default' }, spec: { selector: { app: 's' }, ports: [{ port: 80 }] } })
    const made = slice('s', [b])
    made.metadata.annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date(clock.now()).toISOString() }
    await slices().create(made)
    const count = () => /kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} (\d+)/.exec(metrics.text())?.[1]
    await vi.waitFor(() => expect(count()).toBe('1'), soon)
    expect(metrics.text()).toMatch(/kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} [1-9]/)
  })
})
