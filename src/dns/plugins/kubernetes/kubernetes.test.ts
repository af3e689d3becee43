/** The records of the DNS-Based Service Discovery specification, from objects of an API server in this process. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { GroupVersionResource, UnknownObject } from '../../../api/object.js'
import { resources } from '../../../client/resources.js'
import { type TestApiServer, testApiServer } from '../../../client/testdata/api-server.js'
import { FakeNetwork, type TestDns, testDns } from '../../testdata/dns-server.js'

let api: TestApiServer
let dns: TestDns
const network = new FakeNetwork()

const corefile = (more = 'pods insecure') => `
.:53 {
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ${more}
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    hosts none {
        192.0.2.80 www.example.com
        fallthrough
    }
}`

async function create(of: GroupVersionResource, object: UnknownObject): Promise<void> {
  await api.client.resource<UnknownObject>(of).create(object)
}

const service = (name: string, spec: Record<string, unknown>) =>
  create(resources.services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'test' }, spec })

interface SliceOptions {
  readonly name?: string
  readonly ports?: readonly Record<string, unknown>[]
  readonly addressType?: string
}

const slice = (
  of: string,
  endpoints: readonly Record<string, unknown>[],
  { name = `${of}-1`, ports = [], addressType = 'IPv4' }: SliceOptions = {},
) =>
  create(resources.endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'test', labels: { 'kubernetes.io/service-name': of } },
    addressType,
    endpoints,
    ports,
  })

const http = { name: 'http', port: 80, protocol: 'TCP' }
const dnsPort = { name: 'dns', port: 53, protocol: 'UDP' }

/** Objects come by watch. */
async function until(check: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await check()).toBe(true), { timeout: 10_000, interval: 2 })
}

beforeAll(async () => {
  api = await testApiServer()
  network.addresses.push('10.244.0.2')
  await create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'test' } })
  await create(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'test' } })
  await service('web', { clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'], ports: [http, dnsPort] })
  await slice('web', [{ addresses: ['10.244.1.1'], conditions: { ready: true } }], { ports: [{ ...http, port: 8080 }] })
  await service('head', { clusterIP: 'None', ports: [http] })
  await slice(
    'head',
    [
      { addresses: ['10.244.1.2'], conditions: { ready: true }, hostname: 'head-0', targetRef: { kind: 'Pod', name: 'head-0' } },
      { addresses: ['10.244.1.3'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'pod-b' } },
      { addresses: ['10.244.1.4'], conditions: { ready: false }, hostname: 'head-2' },
    ],
    { ports: [http] },
  )
  await slice('head', [{ addresses: ['fd00::3'], conditions: { ready: true }, hostname: 'head-0' }], {
    name: 'head-6',
    ports: [http],
    addressType: 'IPv6',
  })
  await service('bare', { clusterIP: 'None', selector: { app: 'bare' } })
  await slice('bare', [{ addresses: ['10.244.1.7'] }])
  await service('idle', { clusterIP: 'None', ports: [http] })
  await service('empty', { clusterIP: '10.96.0.60', ports: [http] })
  await service('inside', { type: 'ExternalName', externalName: 'web.test.svc.cluster.local' })
  await service('outside', { type: 'ExternalName', externalName: 'www.example.com' })
  await service('nowhere', { type: 'ExternalName', externalName: 'gone.test.svc.cluster.local' })
  await service('round', { type: 'ExternalName', externalName: 'about.test.svc.cluster.local' })
  await service('about', { type: 'ExternalName', externalName: 'round.test.svc.cluster.local' })
  await create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'test' },
    spec: { clusterIP: '10.96.0.10', ports: [dnsPort] },
  })
  await slice('kube-dns', [{ addresses: ['10.244.0.2'] }], { ports: [dnsPort] })
  dns = await testDns(corefile(), { client: api.client, network })
})

afterAll(async () => {
  await dns.stop()
  await api.stop()
})

const soa = 'cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. 30'

async function nothing(name: string, type: string, rcode: string, on = dns): Promise<void> {
  const reply = await on.ask(name, type)
  expect([name, type, reply.rcode, reply.answers, reply.authority, reply.packet.flag_aa]).toEqual([name, type, rcode, [], [soa], true])
}

describe('a Service with a ClusterIP', () => {
  it('has its address', async () => {
    const reply = await dns.ask('web.test.svc.cluster.local')
    expect(reply).toMatchObject({ rcode: 'NOERROR', answers: ['web.test.svc.cluster.local. 30 A 10.96.0.50'], authority: [] })
    expect(reply.packet.flag_aa).toBe(true)
  })

  it('has SRV for each named port, and for all at its own name', async () => {
    expect((await dns.ask('_http._tcp.web.test.svc.cluster.local', 'SRV')).answers).toEqual([
      '_http._tcp.web.test.svc.cluster.local. 30 SRV 0 100 80 web.test.svc.cluster.local.',
    ])
    const all = await dns.ask('web.test.svc.cluster.local', 'SRV')
    expect(all.answers).toEqual([
      'web.test.svc.cluster.local. 30 SRV 0 50 80 web.test.svc.cluster.local.',
      'web.test.svc.cluster.local. 30 SRV 0 50 53 web.test.svc.cluster.local.',
    ])
    expect(all.additional).toEqual(['web.test.svc.cluster.local. 30 A 10.96.0.50'])
  })

  it('has names of its endpoints by their addresses', async () => {
    expect((await dns.ask('10-244-1-1.web.test.svc.cluster.local')).answers).toEqual([
      '10-244-1-1.web.test.svc.cluster.local. 30 A 10.244.1.1',
    ])
    await nothing('10-244-1-9.web.test.svc.cluster.local', 'A', 'NXDOMAIN')
  })

  it('has a PTR record', async () => {
    expect((await dns.ask('50.0.96.10.in-addr.arpa', 'PTR')).answers).toEqual([
      '50.0.96.10.in-addr.arpa. 30 PTR web.test.svc.cluster.local.',
    ])
  })

  it('has no data of another type, and what is not there is NXDOMAIN for every type', async () => {
    for (const type of ['AAAA', 'TXT', 'MX', 'CNAME', 'NS', 'CAA']) await nothing('web.test.svc.cluster.local', type, 'NOERROR')
    for (const type of ['A', 'AAAA', 'TXT', 'SRV', 'MX']) await nothing('none.test.svc.cluster.local', type, 'NXDOMAIN')
    await nothing('_gone._tcp.web.test.svc.cluster.local', 'SRV', 'NXDOMAIN')
    await nothing('_http._udp.web.test.svc.cluster.local', 'SRV', 'NXDOMAIN')
    await nothing('web.nowhere.svc.cluster.local', 'A', 'NXDOMAIN')
    await nothing('a.b.c.web.test.svc.cluster.local', 'A', 'NXDOMAIN')
  })

  it('exists without endpoints', async () => {
    expect((await dns.ask('empty.test.svc.cluster.local')).answers).toEqual(['empty.test.svc.cluster.local. 30 A 10.96.0.60'])
  })
})

describe('a headless Service', () => {
  it('has the addresses of all ready endpoints, of the family asked for', async () => {
    expect((await dns.ask('head.test.svc.cluster.local')).answers).toEqual([
      'head.test.svc.cluster.local. 30 A 10.244.1.2',
      'head.test.svc.cluster.local. 30 A 10.244.1.3',
    ])
    expect((await dns.ask('head.test.svc.cluster.local', 'AAAA')).answers).toEqual(['head.test.svc.cluster.local. 30 AAAA fd00::3'])
  })

  it('has the hostname of each endpoint, else its address, as a label', async () => {
    expect((await dns.ask('head-0.head.test.svc.cluster.local')).answers).toEqual(['head-0.head.test.svc.cluster.local. 30 A 10.244.1.2'])
    expect((await dns.ask('head-0.head.test.svc.cluster.local', 'AAAA')).answers).toEqual([
      'head-0.head.test.svc.cluster.local. 30 AAAA fd00::3',
    ])
    expect((await dns.ask('10-244-1-3.head.test.svc.cluster.local')).answers).toHaveLength(1)
    await nothing('head-2.head.test.svc.cluster.local', 'A', 'NXDOMAIN')
    await nothing('pod-b.head.test.svc.cluster.local', 'A', 'NXDOMAIN')
  })

  it('has SRV that point at the endpoints, with their addresses', async () => {
    const reply = await dns.ask('_http._tcp.head.test.svc.cluster.local', 'SRV')
    expect(reply.answers).toEqual([
      '_http._tcp.head.test.svc.cluster.local. 30 SRV 0 33 80 head-0.head.test.svc.cluster.local.',
      '_http._tcp.head.test.svc.cluster.local. 30 SRV 0 33 80 10-244-1-3.head.test.svc.cluster.local.',
    ])
    expect([...reply.additional].sort()).toEqual([
      '10-244-1-3.head.test.svc.cluster.local. 30 A 10.244.1.3',
      'head-0.head.test.svc.cluster.local. 30 A 10.244.1.2',
      'head-0.head.test.svc.cluster.local. 30 AAAA fd00::3',
    ])
  })

  it('has PTR only for endpoints with a hostname', async () => {
    expect((await dns.ask('2.1.244.10.in-addr.arpa', 'PTR')).answers).toEqual([
      '2.1.244.10.in-addr.arpa. 30 PTR head-0.head.test.svc.cluster.local.',
    ])
    const v6 = `3.${'0.'.repeat(29)}d.f.ip6.arpa`
    expect((await dns.ask(v6, 'PTR')).answers).toHaveLength(1)
    expect((await dns.ask('3.1.244.10.in-addr.arpa', 'PTR')).rcode).toBe('SERVFAIL')
  })

  it('without ports has addresses and no SRV', async () => {
    expect((await dns.ask('bare.test.svc.cluster.local')).answers).toHaveLength(1)
    await nothing('bare.test.svc.cluster.local', 'SRV', 'NOERROR')
  })

  it('without endpoints is NXDOMAIN, as with CoreDNS', async () => {
    await nothing('idle.test.svc.cluster.local', 'A', 'NXDOMAIN')
  })
})

describe('an ExternalName', () => {
  it('is an alias', async () => {
    expect((await dns.ask('outside.test.svc.cluster.local', 'CNAME')).answers).toEqual([
      'outside.test.svc.cluster.local. 30 CNAME www.example.com.',
    ])
  })

  it('is followed within the cluster, and outside of it by the server itself', async () => {
    expect((await dns.ask('inside.test.svc.cluster.local')).answers).toEqual([
      'inside.test.svc.cluster.local. 30 CNAME web.test.svc.cluster.local.',
      'web.test.svc.cluster.local. 30 A 10.96.0.50',
    ])
    expect((await dns.ask('outside.test.svc.cluster.local')).answers).toEqual([
      'outside.test.svc.cluster.local. 30 CNAME www.example.com.',
      'www.example.com. 3600 A 192.0.2.80',
    ])
  })

  it('that leads back to itself by way of a rewrite ends', async () => {
    const text = `.:53 {\n rewrite name www.example.com outside.test.svc.cluster.local\n kubernetes cluster.local\n}`
    const other = await testDns(text, { client: api.client, network: new FakeNetwork() })
    const reply = await other.ask('outside.test.svc.cluster.local')
    expect(reply.answers.length).toBeLessThan(20)
    await other.stop()
  })

  it('that leads nowhere or round has no data', async () => {
    await nothing('nowhere.test.svc.cluster.local', 'A', 'NOERROR')
    await nothing('round.test.svc.cluster.local', 'A', 'NOERROR')
  })

  it('has nothing below it', async () => {
    await nothing('x.outside.test.svc.cluster.local', 'A', 'NXDOMAIN')
    await nothing('outside.test.svc.cluster.local', 'SRV', 'NOERROR')
  })
})

describe('the zone itself', () => {
  it('has SOA, NS with the address of this service, and the version of the specification', async () => {
    expect((await dns.ask('cluster.local', 'SOA')).answers).toEqual([soa])
    const reply = await dns.ask('cluster.local', 'NS')
    expect(reply.answers).toEqual(['cluster.local. 30 NS kube-dns.test.svc.cluster.local.'])
    expect(reply.additional).toEqual(['kube-dns.test.svc.cluster.local. 30 A 10.96.0.10'])
    expect((await dns.ask('dns-version.cluster.local', 'TXT')).answers).toEqual(['dns-version.cluster.local. 28800 TXT "1.1.0"'])
    expect((await dns.ask('ns.dns.cluster.local')).answers).toEqual(['ns.dns.cluster.local. 30 A 10.96.0.10'])
  })

  it('has names that are only there for others below them: no data', async () => {
    for (const name of ['cluster.local', 'svc.cluster.local', 'pod.cluster.local', 'test.svc.cluster.local', 'test.pod.cluster.local'])
      await nothing(name, 'A', 'NOERROR')
    await nothing('_tcp.web.test.svc.cluster.local', 'SRV', 'NOERROR')
    await nothing('_udp.head.test.svc.cluster.local', 'SRV', 'NXDOMAIN')
  })

  it('has no wildcards and no other kinds', async () => {
    for (const name of ['*.test.svc.cluster.local', '*.*.svc.cluster.local', 'x.cluster.local', 'web.test.cluster.local'])
      await nothing(name, 'A', 'NXDOMAIN')
  })

  it('is not given away, and ANY gets the least', async () => {
    expect((await dns.ask('cluster.local', 'AXFR')).rcode).toBe('REFUSED')
    expect((await dns.ask('web.test.svc.cluster.local', 'ANY')).answers).toEqual([])
  })

  it('answers in the case of the question', async () => {
    expect((await dns.ask('WeB.tEst.SVC.cluster.LOCAL')).answers).toEqual(['WeB.tEst.SVC.cluster.LOCAL. 30 A 10.96.0.50'])
  })
})

describe('pods', () => {
  it('insecure: any address of a namespace that is there', async () => {
    expect((await dns.ask('1-2-3-4.test.pod.cluster.local')).answers).toEqual(['1-2-3-4.test.pod.cluster.local. 30 A 1.2.3.4'])
    expect((await dns.ask('fd00--5.test.pod.cluster.local', 'AAAA')).answers).toEqual(['fd00--5.test.pod.cluster.local. 30 AAAA fd00::5'])
    await nothing('1-2-3-4.test.pod.cluster.local', 'AAAA', 'NOERROR')
    await nothing('1-2-3-4.none.pod.cluster.local', 'A', 'NXDOMAIN')
    await nothing('1-2-3-400.test.pod.cluster.local', 'A', 'NXDOMAIN')
    await nothing('x.1-2-3-4.test.pod.cluster.local', 'A', 'NXDOMAIN')
  })

  it('disabled: none; verified: those that are there', async () => {
    const off = await testDns(corefile('pods disabled'), { client: api.client, network: new FakeNetwork() })
    await nothing('1-2-3-4.test.pod.cluster.local', 'A', 'NXDOMAIN', off)
    await off.stop()

    const pods = api.client.resource<UnknownObject>(resources.pods)
    await pods.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'test' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    })
    const verified = await testDns(corefile('pods verified'), { client: api.client, network: new FakeNetwork() })
    await nothing('10-244-1-66.test.pod.cluster.local', 'A', 'NXDOMAIN', verified)
    const pod = await pods.get('test', 'p')
    await pods.updateStatus({ ...pod, status: { phase: 'Running', podIP: '10.244.1.66', podIPs: [{ ip: '10.244.1.66' }] } })
    await until(async () => (await verified.ask('10-244-1-66.test.pod.cluster.local')).answers.length === 1)
    await nothing('10-244-1-66.default.pod.cluster.local', 'A', 'NXDOMAIN', verified)
    await pods.delete('test', 'p', { gracePeriodSeconds: 0 })
    await until(async () => (await verified.ask('10-244-1-66.test.pod.cluster.local')).rcode === 'NXDOMAIN')
    await verified.stop()
  })
})

describe('changes', () => {
  it('of services, endpoints and namespaces are seen by the next query', async () => {
    await service('late', { clusterIP: 'None', ports: [http] })
    const slices = api.client.resource<UnknownObject>(resources.endpointSlices)
    await slice('late', [{ addresses: ['10.244.9.1'] }], { ports: [http] })
    await until(async () => (await dns.ask('late.test.svc.cluster.local')).answers.length === 1)
    const stored = await slices.get('test', 'late-1')
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() }
    await slices.update({
      ...stored,
      metadata: { ...stored.metadata, annotations },
      endpoints: [{ addresses: ['10.244.9.1'], conditions: { ready: false } }, { addresses: ['10.244.9.2'] }],
    })
    await until(async () => (await dns.ask('late.test.svc.cluster.local')).answers[0]?.endsWith('10.244.9.2') === true)
    expect(dns.metrics.text()).toContain(
      'coredns_kubernetes_dns_programming_duration_seconds_count{service_kind="headless_with_selector"} 1',
    )
    await slices.delete('test', 'late-1')
    await until(async () => (await dns.ask('late.test.svc.cluster.local')).rcode === 'NXDOMAIN')
    await api.client.resource(resources.services).delete('test', 'late')
  })
})

describe('options', () => {
  it('endpoint_pod_names: pods name endpoints that have no hostname', async () => {
    const other = await testDns(corefile('endpoint_pod_names'), { client: api.client, network: new FakeNetwork() })
    expect((await other.ask('pod-b.head.test.svc.cluster.local')).answers).toHaveLength(1)
    await other.stop()
  })

  it('namespaces, noendpoints and ignore empty_service', async () => {
    const network = () => ({ client: api.client, network: new FakeNetwork() })
    const some = await testDns(corefile('namespaces default'), network())
    await nothing('web.test.svc.cluster.local', 'A', 'NXDOMAIN', some)
    await some.stop()
    const few = await testDns(corefile('noendpoints'), network())
    await nothing('head.test.svc.cluster.local', 'A', 'NXDOMAIN', few)
    expect((await few.ask('web.test.svc.cluster.local')).answers).toHaveLength(1)
    await few.stop()
    const strict = await testDns(corefile('ignore empty_service'), network())
    await nothing('empty.test.svc.cluster.local', 'A', 'NXDOMAIN', strict)
    expect((await strict.ask('web.test.svc.cluster.local')).answers).toHaveLength(1)
    await strict.stop()
  })

  it('before the first state is there, what is not found is SERVFAIL: absence must not be remembered', async () => {
    const never = {
      ...api.client,
      resource: () => ({
        of: resources.pods,
        list: () => new Promise(() => undefined),
        watchBatches: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
      }),
    }
    const early = await testDns(corefile('startup_timeout 1ms'), { client: never as never, network: new FakeNetwork() })
    expect((await early.ask('web.test.svc.cluster.local')).rcode).toBe('SERVFAIL')
    expect(early.log.join()).toContain('plugin/kubernetes: starting server with unsynced Kubernetes API')
    await early.stop()
  })

  it.each([
    ['pods maybe', 'wrong value for pods: maybe, must be one of: disabled, verified, insecure'],
    ['ttl 4000', 'ttl must be in range [0, 3600]: 4000'],
    ['upstream', "unknown property 'upstream'"],
    ['zonal', "the property 'zonal' is known to CoreDNS but not implemented by Quorate"],
  ])('%s is refused by name', async (property, message) => {
    await expect(testDns(corefile(property), { client: api.client })).rejects.toThrow(
      `plugin/kubernetes: Corefile:4 - Error during parsing: ${message}`,
    )
  })
})
