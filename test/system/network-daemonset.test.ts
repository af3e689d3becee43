/** The pod network as the DaemonSet of a cluster made by init and join: real containers of two hosts, with and without a policy. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import { busyboxImage } from '../hosts/images.js'

const project = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
const missing = missingForHosts('etcd', 'nft', 'kubectl')
const image = 'docker.io/library/busybox:1.36'
const socket = '--cri-socket=unix:///run/containerd/containerd.sock'
const deny = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: default}
spec: {podSelector: {matchLabels: {run: web}}}
`

describe.skipIf(missing !== undefined)(`the pod network in a cluster${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let fabric: Fabric
  let controlPlane: Host
  let worker: Host
  const quorate = (host: Host, ...args: string[]) =>
    host.must([process.execPath, `${project}/bin/quorate.js`, ...args], { timeoutMs: 90_000 })
  const kubectl = (args: readonly string[], stdin = '') =>
    controlPlane.must(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args], { stdin, timeoutMs: 70_000 })
  const run = (name: string, nodeName: string, ...argv: string[]) => {
    const overrides = JSON.stringify({ spec: { nodeName, tolerations: [{ operator: 'Exists' }] } })
    return kubectl(['run', name, `--image=${image}`, '--image-pull-policy=Never', `--overrides=${overrides}`, '--command', '--', ...argv])
  }

  beforeAll(async () => {
    fabric = await openFabric({ binds: [project] })
    controlPlane = await fabric.addHost('cp-1')
    worker = await fabric.addHost('worker-1')
    for (const host of [controlPlane, worker]) {
      await host.must(['sysctl', '-w', 'net.ipv4.ip_forward=1'])
      await host.importImages(busyboxImage(image))
    }
    const address = `--apiserver-advertise-address=${controlPlane.ip}`
    const said = await quorate(controlPlane, 'init', '--pod-network-cidr=10.244.0.0/16', '--node-name=cp-1', socket, address)
    await quorate(worker, ...(/quorate (join .+)/.exec(said)?.[1]?.split(' ') ?? []), '--node-name=worker-1', socket)
  }, 150_000)
  afterAll(() => fabric?.close())

  it('makes the nodes Ready, connects pods of two hosts, and keeps apart what a policy keeps apart', async () => {
    await kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s'])
    await kubectl(['rollout', 'status', '-n', 'kube-system', 'daemonset/quorate-network', '--timeout=60s'])
    await vi.waitFor(() => run('web', 'worker-1', 'httpd', '-f', '-p', '80', '-h', '/'), { timeout: 20_000, interval: 500 })
    await run('client', 'cp-1', 'sleep', '1000')
    await kubectl(['wait', '--for=condition=Ready', 'pod', 'web', 'client', '--timeout=60s'])
    const ip = await kubectl(['get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}'])
    expect(ip).toMatch(/^10\.244\./)
    const ping = () => kubectl(['exec', 'client', '--', 'ping', '-c1', '-W1', ip])
    await ping()
    await kubectl(['create', '-f', '-'], deny)
    await vi.waitFor(() => expect(ping()).rejects.toThrow('exit code 1'), { timeout: 10_000 })
    // The node's own word to its pod is allowed.
    await worker.must(['busybox', 'ping', '-c1', ip])
    await kubectl(['delete', 'networkpolicy', 'deny'])
    await vi.waitFor(ping, { timeout: 10_000 })
  }, 150_000)
})
