/** The agent of a node with a real API server and a machine that only takes notes; packets are test/system/pod-network.test.ts. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Node } from '../api/types/core-v1.js'
import { silentLogger } from '../base/logger.js'
import { Metrics } from '../base/metrics.js'
import { seededRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import { resources } from '../client/resources.js'
import { type TestApiServer, testApiServer } from '../client/testdata/api-server.js'
import { type NetworkAgent, runNetwork } from './agent.js'
import { FakeHost } from './testdata/fake-host.js'

const clock = realClock()
let api: TestApiServer
let dir = ''
let host: FakeHost
let agent: NetworkAgent
let ending: AbortController
const metrics = () => new Metrics()

beforeEach(async () => {
  api = await testApiServer(clock)
  dir = mkdtempSync(join(tmpdir(), 'quorate-network-'))
  host = new FakeHost('192.0.2.1')
  ending = new AbortController()
})
afterEach(async () => {
  ending.abort()
  await agent.stopped()
  await api.stop()
  rmSync(dir, { recursive: true })
})

function start(): void {
  agent = runNetwork({
    ...{ client: api.client, clock, random: seededRandom(1), logger: silentLogger, metrics: metrics(), host, signal: ending.signal },
    network: {
      ...{ nodeName: 'one', cniConfDir: join(dir, 'net.d'), leases: '/run/leases', bridge: 'cni0', backend: 'auto', mtu: 0 },
      ...{ vxlan: { id: 1, port: 8472 }, masquerade: true, policies: true, syncPeriodMs: 60_000 },
    },
  })
}

const nodes = () => api.client.resource<Node>(resources.nodes)
async function addNode(name: string, address: string, podCIDR?: string): Promise<void> {
  const made = await nodes().create({ metadata: { name }, spec: podCIDR ? { podCIDR, podCIDRs: [podCIDR] } : {} })
  await nodes().updateStatus({ ...made, status: { addresses: [{ type: 'InternalIP', address }] } })
}
const conflist = () => join(dir, 'net.d/10-quorate.conflist')
const condition = async () => (await nodes().get('', 'one')).status?.conditions?.find(({ type }) => type === 'NetworkUnavailable')

describe('the agent', () => {
  it('writes policies, then routes, then the configuration, and then says that the network is available', async () => {
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    await addNode('two', '192.0.2.2', '10.244.1.0/24')
    await addNode('far', '198.51.100.3', '10.244.2.0/24')
    start()
    expect(() => agent.check()).toThrow('the node one has not been seen')
    await agent.up
    const order = ['nft', 'link add quorate.1', 'fdb replace', 'route replace 10.244.1.0/24 via 192.0.2.2 dev eth0 proto 81']
    const at = order.map((text) => host.changes.findIndex((change) => change.includes(text)))
    expect(at).toEqual([...at].sort((a, b) => a - b))
    expect(at).not.toContain(-1)
    expect(host.settings.get('net/ipv4/ip_forward')).toBe('1')
    expect(JSON.parse(readFileSync(conflist(), 'utf8'))).toMatchObject({ plugins: [{ mtu: 1450 }, {}] })
    expect(await condition()).toMatchObject({ status: 'False', reason: 'RouteCreated' })
    await vi.waitFor(() => agent.check())
  })

  it('tells a node that was made anew, too', async () => {
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    start()
    await agent.up
    await nodes().delete('', 'one')
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    await vi.waitFor(async () => expect(await condition()).toMatchObject({ status: 'False' }), { timeout: 5_000 })
  })

  it('waits for a pod range', async () => {
    await addNode('one', '192.0.2.1')
    start()
    await vi.waitFor(() => expect(() => agent.check()).toThrow('the network is not up yet'))
    expect(existsSync(conflist())).toBe(false)
    await nodes().patch('', 'one', { type: 'merge', body: { spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] } } })
    await agent.up
    expect(existsSync(conflist())).toBe(true)
  })

  it('writes of a policy only what it changes', async () => {
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    start()
    await agent.up
    const before = host.changes.length
    const spec = { podSelector: {}, policyTypes: ['Ingress' as const] }
    await api.client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
    const pods = api.client.resource(resources.pods)
    const pod = { metadata: { name: 'a', namespace: 'default' }, spec: { nodeName: 'one', containers: [{ name: 'c', image: 'i' }] } }
    const made = await pods.create(pod)
    await pods.updateStatus({ ...made, ...{ status: { phase: 'Running', podIP: '10.244.0.5', podIPs: [{ ip: '10.244.0.5' }] } } })
    await vi.waitFor(() => expect(host.changes.slice(before).join('')).toContain('add element inet quorate-network known-4 { 10.244.0.5 }'))
    await api.client.resource(resources.networkPolicies).create({ ...{ metadata: { name: 'deny', namespace: 'default' } }, ...{ spec } })
    await vi.waitFor(() =>
      expect(host.changes.at(-1)).toBe(
        'nft -f -\n' +
          'add chain inet quorate-network ingress-pods-1\n' +
          'add rule inet quorate-network ingress-pods-1 counter drop\n' +
          'add element inet quorate-network ingress-4 { 10.244.0.5 : jump ingress-pods-1 }\n',
      ),
    )
  })

  it('says what is wrong, begins no pod on half a network, and mends it', async () => {
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    host.failing.set('nft', 'Error: Could not process rule: Operation not permitted')
    start()
    await vi.waitFor(() => expect(() => agent.check()).toThrow('Operation not permitted'))
    expect(existsSync(conflist())).toBe(false)
    expect(await condition()).toBeUndefined()
    host.failing.clear()
    await agent.up
    expect(host.changes[0]).toContain('delete table inet quorate-network')
    await vi.waitFor(() => agent.check())
  })

  it('leaves all to another network whose configuration comes first', async () => {
    mkdirSync(join(dir, 'net.d'))
    writeFileSync(join(dir, 'net.d/10-flannel.conflist'), '{}')
    await addNode('one', '192.0.2.1', '10.244.0.0/24')
    start()
    await agent.up
    expect(existsSync(conflist())).toBe(false)
    expect(host.changes).toEqual(['nft -f -\nadd table inet quorate-network\ndelete table inet quorate-network\n'])
    expect(await condition()).toBeUndefined()
    agent.check()
  })
})
