/** `quorate kube-proxy` as a process of a host: its configuration, its rights, its pages, its rules, and what it leaves behind. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { kubeconfig, packageDir, quorate } from '../hosts/control-plane.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import type { Host } from '../hosts/host.js'
import type { Service } from '../hosts/service.js'

const why = missingForHosts('nft', 'conntrack', 'kubectl')
const soon = { timeout: 20_000, interval: 200 }
const config = (path: string) => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: ${path}}
clusterCIDR: 10.244.0.0/16
`
const web = (address: string) => `
apiVersion: v1
kind: Node
metadata: {name: one}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: NodePort, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: '', port: 8080}]
endpoints: [{addresses: ['${address}'], nodeName: one}]
`

describe.skipIf(why !== undefined)(`kube-proxy on a host (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let host: Host
  let proxy: Service
  const kubectl = (args: readonly string[], stdin?: string) =>
    host.must(['kubectl', '--kubeconfig=/etc/admin.conf', ...args], stdin === undefined ? {} : { stdin })
  const page = async (url: string) => (await host.exec(['busybox', 'wget', '-qO-', url])).stdout
  const tables = () => host.must(['nft', 'list', 'tables'])

  beforeAll(async () => {
    fabric = await openFabric({ binds: [packageDir] })
    host = await fabric.addHost('one', { containerd: false })
    host.write('/etc/tokens.csv', 'admin,admin,1,"system:masters"\nproxy,system:kube-proxy,2\n')
    host.write('/etc/admin.conf', kubeconfig('127.0.0.1', 'admin'))
    host.write('/etc/proxy.conf', kubeconfig('127.0.0.1', 'proxy'))
    host.write('/etc/config.conf', config('/etc/proxy.conf'))
    host.write('/srv/hello', 'hello')
    const etcd = quorate('etcd', '--data-dir=/var/lib/etcd', '--listen-client-urls=unix:///run/etcd.sock')
    await host.service({ name: 'etcd', argv: etcd }).start()
    const flags = ['--etcd-servers=unix:///run/etcd.sock', '--token-auth-file=/etc/tokens.csv', '--authorization-mode=Node,RBAC']
    const network = ['--service-cluster-ip-range=10.96.0.0/12', `--advertise-address=${host.ip}`]
    await host.service({ name: 'apiserver', argv: quorate('kube-apiserver', ...flags, ...network) }).start()
    await host.service({ name: 'web', argv: ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/srv'] }).start()
    await vi.waitFor(() => kubectl(['get', '--raw', '/readyz']), soon)
    await kubectl(['create', '-f', '-'], web(host.ip))
    await kubectl([
      'patch',
      'node',
      'one',
      '--subresource=status',
      '-p',
      `{"status":{"addresses":[{"type":"InternalIP","address":"${host.ip}"}]}}`,
    ])
    proxy = host.service({ name: 'kube-proxy', argv: quorate('kube-proxy', '--config=/etc/config.conf', '--hostname-override=one') })
  }, 90_000)
  afterAll(() => fabric?.close())

  it('ends over a kubeconfig that is not there, with its path', async () => {
    host.write('/etc/bad.conf', config('/absent/kubeconfig.conf'))
    const ran = await host.exec(quorate('kube-proxy', '--config=/etc/bad.conf'))
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain('/absent/kubeconfig.conf')
  })

  it('brings Services to their endpoints, with the rights of system:node-proxier', async () => {
    await proxy.start()
    await vi.waitFor(
      async () =>
        expect(await page('http://127.0.0.1:10249/metrics')).toMatch(/sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1/),
      soon,
    )
    const ip = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}'])
    expect(await page(`http://${ip}/hello`)).toBe('hello')
    expect(await fabric.must(['busybox', 'wget', '-qO-', `http://${host.ip}:30080/hello`])).toBe('hello')
    // The API server itself, by its own Service.
    const version = "require('https').get({host: '10.96.0.1', rejectUnauthorized: false, path: '/version'}, (r) => r.pipe(process.stdout))"
    expect(await host.must([process.execPath, '-e', version])).toMatch(/gitVersion|Unauthorized|forbidden/)
    expect(proxy.log()).not.toMatch(/forbidden/i)
  })

  it('says its mode and that it is well', async () => {
    expect(await page('http://127.0.0.1:10249/proxyMode')).toBe('nftables')
    expect(JSON.parse(await page('http://127.0.0.1:10256/healthz'))).toMatchObject({ nodeEligible: true })
    expect(JSON.parse(await page('http://127.0.0.1:10256/livez'))).toHaveProperty('lastUpdated')
  })

  it('leaves its rules when it ends, so that packets go on, and nothing after --cleanup', async () => {
    await proxy.stop()
    expect(await tables()).toContain('table ip kube-proxy')
    expect(await fabric.must(['busybox', 'wget', '-qO-', `http://${host.ip}:30080/hello`])).toBe('hello')
    await host.must(quorate('kube-proxy', '--cleanup'))
    expect(await tables()).not.toContain('kube-proxy')
    await host.must(quorate('kube-proxy', '--cleanup'))
  })
})
