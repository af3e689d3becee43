/** The cluster's DNS on hosts: its own objects, kubeadm's Corefile, packets to the Service's address, and a loop that ends it. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { dnsManifests } from '../../src/dns/manifests.js'
import { kubeconfig, packageDir, quorate } from '../hosts/control-plane.js'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import type { Service } from '../hosts/service.js'

const why = missingForHosts('nft', 'conntrack', 'kubectl', 'dig')
const soon = { timeout: 20_000, interval: 200 }
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: /etc/proxy.conf}
clusterCIDR: 10.244.0.0/16
`
/** Stands for the servers of the site. */
const outside = '. {\n template IN A {\n answer "{{ .Name }} 60 A 192.0.2.80"\n }\n}\n'

const objects = (ip: string) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    ...dnsManifests({ serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local', tag: 'v0' }),
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kube-dns-1', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      addressType: 'IPv4',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
      endpoints: [{ addresses: [ip] }],
    },
  ],
})

describe.skipIf(why !== undefined)(`cluster DNS on hosts (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let host: Host
  let dns: Service
  const kubectl = (args: readonly string[], stdin?: string) =>
    host.must(['kubectl', '--kubeconfig=/etc/admin.conf', ...args], stdin === undefined ? {} : { stdin })
  const dig = async (...args: string[]) => (await host.exec(['dig', '@10.96.0.10', '+time=2', '+tries=1', '+short', ...args])).stdout

  beforeAll(async () => {
    fabric = await openFabric({ binds: [packageDir] })
    const [site, one] = [await fabric.addHost('site', { containerd: false }), await fabric.addHost('one', { containerd: false })]
    host = one
    site.write('/etc/Corefile', outside)
    await site.service({ name: 'dns', argv: quorate('coredns', '-conf', '/etc/Corefile') }).start()
    const users = ['admin,admin,1,"system:masters"', 'proxy,system:kube-proxy,2', 'dns,system:serviceaccount:kube-system:coredns,3']
    host.write('/etc/tokens.csv', `${users.join('\n')}\n`)
    for (const user of ['admin', 'proxy', 'dns']) host.write(`/etc/${user}.conf`, kubeconfig('127.0.0.1', user))
    host.write('/etc/config.conf', proxyConfig)
    host.write('/etc/resolv.conf', `nameserver ${site.ip}\n`)
    const etcd = quorate('etcd', '--data-dir=/var/lib/etcd', '--listen-client-urls=unix:///run/etcd.sock')
    await host.service({ name: 'etcd', argv: etcd }).start()
    const flags = ['--etcd-servers=unix:///run/etcd.sock', '--token-auth-file=/etc/tokens.csv', '--authorization-mode=Node,RBAC']
    const network = ['--service-cluster-ip-range=10.96.0.0/12', `--advertise-address=${host.ip}`]
    await host.service({ name: 'apiserver', argv: quorate('kube-apiserver', ...flags, ...network) }).start()
    await vi.waitFor(() => kubectl(['get', '--raw', '/readyz']), soon)
    await kubectl(['create', '-f', '-'], JSON.stringify(objects(host.ip)))
    await host.service({ name: 'proxy', argv: quorate('kube-proxy', '--config=/etc/config.conf', '--hostname-override=one') }).start()
    // Here it is no pod, whose service account would lead it to the API.
    const text = await kubectl(['-n', 'kube-system', 'get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}'])
    host.write('/etc/coredns/Corefile', text.replace('pods insecure', 'kubeconfig /etc/dns.conf\n       pods insecure'))
    dns = host.service({ name: 'dns', argv: quorate('coredns', '-conf', '/etc/coredns/Corefile') })
    await dns.start()
  }, 90_000)
  afterAll(() => fabric?.close())

  it("answers at the Service's address, over UDP and TCP, for the cluster and for what is outside", { timeout: 30_000 }, async () => {
    const name = 'kubernetes.default.svc.cluster.local'
    await vi.waitFor(async () => expect(await dig(name)).toBe('10.96.0.1\n'), soon)
    expect(await dig(name, '+tcp')).toBe('10.96.0.1\n')
    expect(await dig('-x', '10.96.0.10')).toBe('kube-dns.kube-system.svc.cluster.local.\n')
    expect(await dig('www.example.com')).toBe('192.0.2.80\n')
    expect(await host.must(['busybox', 'wget', '-qO-', 'http://127.0.0.1:8181/ready'])).toBe('OK')
    expect(await host.must(['busybox', 'wget', '-qO-', 'http://127.0.0.1:9153/metrics'])).toContain('coredns_dns_requests_total')
    expect(dns.log()).not.toMatch(/forbidden/i)
  })

  it('a new Service has its name within a moment', async () => {
    await kubectl(['create', 'service', 'clusterip', 'late', '--clusterip=10.96.0.77', '--tcp=80'])
    await vi.waitFor(async () => expect(await dig('late.default.svc.cluster.local')).toBe('10.96.0.77\n'), soon)
  })

  it('a resolv.conf that leads back to the server ends it, and the loop is named', { timeout: 40_000 }, async () => {
    await dns.stop()
    host.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
    const ran = await host.exec(quorate('coredns', '-conf', '/etc/coredns/Corefile'))
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toMatch(
      /\[FATAL\] plugin\/loop: Loop \(127\.0\.0\.1:\d+ -> :53\) detected for zone "\.", see https:\/\/coredns\.io\/plugins\/loop#troubleshooting/,
    )
  })
})
