/** The built-in pod network by its packets: three namespace hosts, two on one link, the third behind a router. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Node } from '../../src/api/types/core-v1.js'
import type { NetworkPolicySpec } from '../../src/api/types/networking-v1.js'
import { resources } from '../../src/client/resources.js'
import type { Host } from '../hosts/host.js'
import { missingForHosts } from '../hosts/hosts.js'
import { Lab, type LabPod, type Protocol } from '../network/lab.js'

const missing = missingForHosts('nft', 'bridge')

describe.skipIf(missing !== undefined)(`the pod network${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab
  let one: Host
  let two: Host
  let far: Host
  let web: LabPod
  let neighbor: LabPod
  let remote: LabPod
  let distant: LabPod

  beforeAll(async () => {
    lab = await Lab.open(2)
    await lab.addNamespace('other', { team: 'blue' })
    one = await lab.addNode('one', 0, ['10.244.0.0/24', 'fd00:10:244::/64'])
    two = await lab.addNode('two', 0, ['10.244.1.0/24', 'fd00:10:244:1::/64'])
    far = await lab.addNode('far', 1, ['10.244.2.0/24', 'fd00:10:244:2::/64'])
    const ports = [{ port: 80, name: 'http' }, { port: 81 }]
    const add = (host: Host, name: string, app: string, namespace = 'default') =>
      lab.addPod(host, name, { namespace, labels: { app }, ports })
    ;[web, neighbor, remote, distant] = await Promise.all([
      add(one, 'web', 'web'),
      add(one, 'neighbor', 'client'),
      add(two, 'remote', 'client'),
      add(far, 'distant', 'client', 'other'),
    ])
    // The bridges have been there for a moment only: their IPv6 addresses are being looked for elsewhere (RFC 4862).
    for (const host of [one, two, far])
      await vi.waitFor(async () => expect(await host.must(['ip', '-6', 'address', 'show', 'tentative'])).toBe(''), { timeout: 10_000 })
  }, 60_000)
  afterAll(async () => lab?.close(), 30_000)
  afterEach(async () => {
    await lab.deletePolicies()
    await settled()
  })

  /** By both families, which must agree. */
  const connects = async (sender: LabPod, receiver: LabPod, port = 80, protocol: Protocol = 'tcp') => {
    const addresses = [receiver.ipv4, receiver.ipv6]
    const [v4, v6] = await Promise.all(addresses.map((address) => lab.connects(sender, address, port, protocol)))
    expect(v4, `IPv4 and IPv6 from ${sender.name} to ${receiver.name}`).toBe(v6)
    return v4
  }
  /** Who reaches a pod, by name. */
  const reaching = async (receiver: LabPod, port = 80, protocol: Protocol = 'tcp') => {
    const senders = [neighbor, remote, distant, web].filter((sender) => sender !== receiver)
    const found = await Promise.all(
      senders.map(async (sender) => ((await connects(sender, receiver, port, protocol)) ? [sender.name] : [])),
    )
    return found.flat()
  }
  /** Policies are in the kernel: the last thing told is. */
  const settled = () => vi.waitFor(async () => expect(await lab.isSettled()).toBe(true), { timeout: 5_000, interval: 20 })
  const apply = async (spec: NetworkPolicySpec) => {
    await lab.setPolicy('test', spec)
    await settled()
  }
  const selectsWeb = { podSelector: { matchLabels: { app: 'web' } } }

  it('routes to a node on the link directly, to one behind a router through VXLAN', async () => {
    await vi.waitFor(async () => expect(await one.must(['ip', 'route'])).toContain('10.244.2.0/24'), { timeout: 10_000 })
    expect(await one.must(['ip', 'route'])).toContain(`10.244.1.0/24 via ${two.ip} dev eth0 proto 81`)
    expect(await one.must(['ip', 'route'])).toContain('10.244.2.0/24 via 10.244.2.0 dev quorate.1 proto 81 onlink')
    expect(await one.must(['ip', '-6', 'route'])).toContain(`fd00:10:244:1::/64 via fd89::11 dev eth0 proto 81`)
    for (const receiver of [neighbor, remote, distant, web]) {
      expect([receiver.name, await reaching(receiver)]).toEqual([
        receiver.name,
        [neighbor, remote, distant, web].map(({ name }) => name).filter((name) => name !== receiver.name),
      ])
      expect([receiver.name, await reaching(receiver, 81, 'udp')]).toMatchObject([receiver.name, { length: 3 }])
    }
  }, 20_000)

  it('carries packets of every size', async () => {
    for (const receiver of [neighbor, remote, distant])
      for (const address of [receiver.ipv4, receiver.ipv6])
        for (const size of ['1300', '1472', '9000']) {
          const ping = await lab.run(web, ['busybox', 'ping', '-c1', '-W2', '-s', size, address])
          expect([receiver.name, address, size, ping.code]).toEqual([receiver.name, address, size, 0])
        }
  }, 30_000)

  it('gives pods the MTU of the uplink, less what VXLAN adds where it is used', async () => {
    expect(await lab.run(distant, ['ip', 'link', 'show', 'eth0'])).toMatchObject({ stdout: expect.stringContaining('mtu 1450') })
    expect(await far.must(['ip', 'link', 'show', 'quorate.1'])).toContain('mtu 1450')
  })

  it('lets pods out of the cluster under the address of their node', async () => {
    const script = "require('node:net').createServer((s) => s.end(s.remoteAddress + '\\n')).listen(7000, '::', () => console.log('up'))"
    const outside = lab.fabric.spawn([process.execPath, '-e', script])
    await new Promise((resolve) => outside.stdout.once('data', resolve))
    const seenBy = (address: string) => lab.run(web, ['timeout', '2', 'bash', '-c', `head -n1 <>/dev/tcp/${address}/7000`])
    expect(await seenBy('10.89.0.1')).toMatchObject({ stdout: `::ffff:${one.ip}\n` })
    expect(await seenBy('fd89::1')).toMatchObject({ stdout: 'fd89::10\n' })
    outside.kill('SIGKILL')
  }, 10_000)

  it('says that the network of a node is available', async () => {
    for (const name of ['one', 'far']) {
      const { status } = await lab.api.client.resource<Node>(resources.nodes).get('', name)
      expect(status?.conditions).toMatchObject([{ type: 'NetworkUnavailable', status: 'False', reason: 'RouteCreated' }])
    }
  })

  describe('a NetworkPolicy', () => {
    it('isolates the pods that it selects, on their bridge too, and no others', async () => {
      await apply({ ...selectsWeb, policyTypes: ['Ingress'] })
      expect(await reaching(web)).toEqual([])
      expect(await reaching(neighbor)).toEqual(['remote', 'distant', 'web'])
      // What the node itself says to its pod is allowed: probes.
      expect(await one.exec(['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${web.ipv4}/80`])).toMatchObject({ code: 0 })
      expect(await one.exec(['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${web.ipv6}/80`])).toMatchObject({ code: 0 })
    })

    it('lets in pods by labels of theirs, of their namespaces, and of both', async () => {
      await apply({ ...selectsWeb, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] })
      expect(await reaching(web)).toEqual(['neighbor', 'remote'])
      await lab.deletePolicies()
      await settled()
      await apply({
        ...selectsWeb,
        ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'blue' } }, podSelector: { matchLabels: { app: 'client' } } }] }],
      })
      expect(await reaching(web)).toEqual(['distant'])
    })

    it('lets in by port, by a port’s name, and by protocol', async () => {
      await apply({ ...selectsWeb, ingress: [{ ports: [{ port: 'http' }, { port: 81, protocol: 'UDP' }] }] })
      expect(await reaching(web, 80)).toHaveLength(3)
      expect(await reaching(web, 81)).toEqual([])
      expect(await reaching(web, 81, 'udp')).toHaveLength(3)
      expect(await reaching(web, 80, 'udp')).toEqual([])
    })

    it('lets in blocks without what they except', async () => {
      const from = [
        { ipBlock: { cidr: '10.244.0.0/16', except: [`${remote.ipv4}/32`] } },
        { ipBlock: { cidr: 'fd00:10:244::/48', except: [`${remote.ipv6}/128`] } },
      ]
      await apply({ ...selectsWeb, ingress: [{ from, ports: [{ port: 80, endPort: 90 }] }] })
      expect(await reaching(web)).toEqual(['neighbor', 'distant'])
    })

    it('holds in egress, with answers to what came in', async () => {
      await apply({
        ...selectsWeb,
        policyTypes: ['Egress'],
        egress: [{ to: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port: 'http' }] }],
      })
      const reached = await Promise.all([neighbor, remote, distant].map((receiver) => connects(web, receiver)))
      expect(reached).toEqual([true, true, false])
      expect(await connects(web, neighbor, 81)).toBe(false)
      expect(await reaching(web)).toEqual(['neighbor', 'remote', 'distant'])
    })

    it('holds from the first packet of a pod, when nobody knows its address yet', async () => {
      await apply({ podSelector: { matchLabels: { app: 'late' } }, policyTypes: ['Ingress'] })
      const late = await lab.addPod(one, 'late', { labels: { app: 'late' }, ports: [{ port: 80 }], isUnreported: true })
      expect(await reaching(late)).toEqual([])
      expect(await connects(late, remote)).toBe(true)
      await lab.reportPod(late)
      const free = await lab.addPod(one, 'free', { labels: { app: 'free' }, ports: [{ port: 80 }], isUnreported: true })
      await vi.waitFor(async () => expect(await connects(remote, free)).toBe(true), { timeout: 10_000 })
      expect(await reaching(late)).toEqual([])
    }, 20_000)

    it('is not passed by with addresses of the link', async () => {
      const linkAddress = (text: string) => `${/inet6 (fe80:[0-9a-f:]+)/.exec(text)?.[1]}%eth0`
      const ofWeb = linkAddress((await lab.run(web, ['ip', '-6', 'address', 'show', 'eth0'])).stdout)
      const ofNode = linkAddress(await one.must(['ip', '-6', 'address', 'show', 'cni0']))
      const answers = async (pod: LabPod, address: string) => (await lab.run(pod, ['busybox', 'ping', '-c1', '-W1', address])).code === 0
      expect([await answers(web, ofWeb), await answers(neighbor, ofNode), await answers(neighbor, ofWeb)]).toEqual([true, true, false])
    })

    it('ends connections that were there before it', async () => {
      const script = `exec 3<>/dev/udp/${web.ipv4}/80; echo 1 >&3; head -n1 <&3; read -r _; echo 2 >&3; timeout 1 head -n1 <&3`
      const child = neighbor.host.spawn(['nsenter', '--net=/run/netns/default-neighbor', 'bash', '-c', script])
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      await vi.waitFor(() => expect(text).toBe('default-web\n'), { timeout: 5_000 })
      await apply({ ...selectsWeb })
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.stdin.write('go on\n')
      await ended
      expect(text).toBe('default-web\n')
    })
  })

  it('judges a Service by the pods behind it', async () => {
    // As kube-proxy does it: the packet has its pod's address before it is forwarded.
    const service = '10.96.0.77'
    await one.must(['nft', '-f', '-'], {
      stdin: `table ip service {
        chain prerouting {
          type nat hook prerouting priority dstnat
          ip daddr ${service} tcp dport 80 dnat to ${remote.ipv4}
        }
      }`,
    })
    const toClients = { to: [{ podSelector: { matchLabels: { app: 'client' } } }] }
    expect(await lab.connects(web, service, 80)).toBe(true)
    await apply({ ...selectsWeb, policyTypes: ['Egress'], egress: [toClients] })
    expect(await lab.connects(web, service, 80)).toBe(true)
    await lab.deletePolicies()
    await settled()
    await apply({ ...selectsWeb, policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: '10.96.0.0/12' } }] }] })
    expect(await lab.connects(web, service, 80)).toBe(false)
    await one.must(['nft', 'delete', 'table', 'ip', 'service'])
  })

  it('goes on when a cable is back, and when a host has been started again', async () => {
    await two.cut()
    expect(await lab.connects(web, remote.ipv4, 80)).toBe(false)
    await two.plug()
    await vi.waitFor(async () => expect(await connects(web, remote)).toBe(true), { timeout: 10_000 })
    await lab.stopAgent('two')
    await two.reboot()
    expect(await two.must(['ip', 'route'])).not.toContain('proto 81')
    // Its card is another one, unlike that of a real machine: the neighbours are told, which they would find out in half a minute.
    for (const address of [one.ip, one.ipv6]) await two.must(['busybox', 'ping', '-c1', address])
    await lab.startAgent(two)
    remote = await lab.addPod(two, 'again', { labels: { app: 'client' }, ports: [{ port: 80, name: 'http' }, { port: 81 }] })
    // What the pods before it had is free: they went with the host.
    expect(remote.ipv4).toBe('10.244.1.2')
    await vi.waitFor(async () => expect(await connects(web, remote)).toBe(true), { timeout: 10_000 })
    expect(await connects(remote, web)).toBe(true)
  }, 40_000)

  it('mends what others have removed: routes at once, its table with the next look', async () => {
    await one.must(['ip', 'route', 'del', '10.244.1.0/24'])
    await vi.waitFor(async () => expect(await one.must(['ip', 'route'])).toContain('10.244.1.0/24'), { timeout: 5_000 })
    await lab.stopAgent('one')
    await one.must(['nft', 'flush', 'ruleset'])
    await lab.startAgent(one, { syncPeriodMs: 200 })
    await one.must(['nft', 'flush', 'ruleset'])
    await vi.waitFor(async () => expect(await one.must(['nft', 'list', 'tables'])).toContain('inet quorate-network'), { timeout: 5_000 })
  })

  it('forgets nodes that are gone', async () => {
    await lab.api.client.resource<Node>(resources.nodes).delete('', 'far')
    await vi.waitFor(
      async () => {
        expect(await one.must(['ip', 'route'])).not.toContain('10.244.2.0/24')
        expect(await one.must(['ip', 'neigh', 'show', 'dev', 'quorate.1'])).toBe('')
        expect(await one.must(['bridge', 'fdb', 'show', 'dev', 'quorate.1'])).not.toContain('dst')
      },
      { timeout: 5_000 },
    )
  })

  it('stands back for another network whose configuration comes first', async () => {
    await two.must(['sh', '-c', 'echo {} > /etc/cni/net.d/05-other.conflist'])
    await lab.stopAgent('two')
    await lab.startAgent(two)
    expect(await two.must(['ls', '/etc/cni/net.d'])).toBe('05-other.conflist\n')
    expect(await two.must(['nft', 'list', 'tables'])).not.toContain('quorate-network')
    expect(await two.must(['ip', 'route'])).not.toContain('proto 81')
  })

  it('leaves nothing behind when it is cleaned up', async () => {
    await lab.cleanUp(one)
    expect(await one.must(['ls', '/etc/cni/net.d'])).toBe('')
    expect(await one.must(['nft', 'list', 'tables'])).not.toContain('quorate-network')
    expect(await one.must(['ip', '-br', 'link'])).not.toContain('quorate.1')
    expect(await one.must(['ip', 'route'])).not.toContain('proto 81')
  })
})
