/** `quorate network` as a process of a host: with the rights of its own account and no more, its pages, what it leaves and removes. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { networkManifests } from '../../src/network/manifests.js'
import { kubeconfig, packageDir, quorate } from '../hosts/control-plane.js'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import type { Service } from '../hosts/service.js'

const why = missingForHosts('nft', 'kubectl')
const soon = { timeout: 20_000, interval: 100 }
const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: default}
spec: {podSelector: {}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec: {nodeName: one, containers: [{name: c, image: i}]}
`

describe.skipIf(why !== undefined)(`quorate network on a host${why ? ` (skipped: ${why})` : ''}`, () => {
  let fabric: Fabric
  let host: Host
  let agent: Service
  const kubectl = (args: readonly string[], stdin?: string) =>
    host.must(['kubectl', '--kubeconfig=/etc/admin.conf', ...args], stdin === undefined ? {} : { stdin })
  const page = async (path: string) => (await host.exec(['busybox', 'wget', '-qO-', `http://127.0.0.1:10264${path}`])).stdout
  const status = (kind: string, name: string, value: unknown) =>
    kubectl(['patch', kind, name, '--subresource=status', '-p', JSON.stringify({ status: value })])

  beforeAll(async () => {
    fabric = await openFabric({ binds: [packageDir] })
    host = await fabric.addHost('one', { containerd: false })
    host.write('/etc/tokens.csv', 'admin,admin,1,"system:masters"\nagent,system:serviceaccount:kube-system:quorate-network,2\n')
    host.write('/etc/admin.conf', kubeconfig('127.0.0.1', 'admin'))
    host.write('/etc/agent.conf', kubeconfig('127.0.0.1', 'agent'))
    await host
      .service({ name: 'etcd', argv: quorate('etcd', '--data-dir=/var/lib/etcd', '--listen-client-urls=unix:///run/etcd.sock') })
      .start()
    const flags = ['--etcd-servers=unix:///run/etcd.sock', '--token-auth-file=/etc/tokens.csv', '--authorization-mode=Node,RBAC']
    const network = ['--service-cluster-ip-range=10.96.0.0/12', `--advertise-address=${host.ip}`]
    await host.service({ name: 'apiserver', argv: quorate('kube-apiserver', ...flags, ...network) }).start()
    await vi.waitFor(() => kubectl(['get', '--raw', '/readyz']), soon)
    const items = networkManifests({ image: 'quorate/network:test', server: 'https://127.0.0.1:6443' })
    await kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'one' },
      spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] },
    }
    await kubectl(['create', '-f', '-'], JSON.stringify(node))
    await status('node', 'one', { addresses: [{ type: 'InternalIP', address: host.ip }] })
    agent = host.service({ name: 'network', argv: quorate('network', '--kubeconfig=/etc/agent.conf', '--hostname-override=one') })
  }, 90_000)
  afterAll(() => fabric?.close())

  it('brings the network up with the rights that its objects give', async () => {
    await agent.start()
    await vi.waitFor(async () => expect(await page('/readyz'), agent.log()).toBe('ok'), soon)
    const condition = '{.status.conditions[?(@.type=="NetworkUnavailable")].reason}'
    expect(await kubectl(['get', 'node', 'one', '-o', `jsonpath=${condition}`])).toBe('RouteCreated')
    expect(await host.must(['ls', '/etc/cni/net.d'])).toBe('10-quorate.conflist\n')
    expect(await host.must(['cat', '/proc/sys/net/ipv4/ip_forward'])).toBe('1\n')
    expect(agent.log()).not.toMatch(/forbidden/i)
  })

  it('follows policies and pods, and says what it has', async () => {
    await kubectl(['create', 'serviceaccount', 'default']).catch(() => undefined)
    await kubectl(['create', '-f', '-'], policy)
    await status('pod', 'web', { phase: 'Running', podIP: '10.244.0.9', podIPs: [{ ip: '10.244.0.9' }] })
    const map = ['nft', 'list', 'map', 'inet', 'quorate-network', 'ingress-4']
    await vi.waitFor(async () => expect(await host.must(map)).toMatch(/10\.244\.0\.9 : jump ingress-pods-1/), soon)
    expect(await page('/metrics')).toMatch(/^quorate_network_isolated_pods 1$/m)
  })

  it('leaves the network when it ends, and takes it away when it is told to', async () => {
    await agent.stop()
    expect(await host.must(['nft', 'list', 'tables'])).toContain('inet quorate-network')
    await host.must(quorate('network', '--cleanup'))
    expect(await host.must(['nft', 'list', 'tables'])).not.toContain('quorate-network')
    expect(await host.must(['ls', '/etc/cni/net.d'])).toBe('')
    expect(await host.must(['ip', '-br', 'link'])).not.toContain('quorate.1')
    await host.must(quorate('network', '--cleanup'))
  })
})
