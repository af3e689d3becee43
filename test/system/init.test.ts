/** kubeadm's way, on hosts of their own: one command makes a control plane, one makes a node of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'

const project = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
const missing = missingForHosts('etcd', 'nft', 'kubectl')

describe.skipIf(missing !== undefined)(`quorate init and join on hosts of their own${missing ? ` (${missing})` : ''}`, () => {
  let fabric: Fabric
  let controlPlane: Host
  let worker: Host
  let joinCommand: string[] = []
  beforeAll(async () => {
    fabric = await openFabric({ binds: [project] })
    controlPlane = await fabric.addHost('cp-1')
    worker = await fabric.addHost('worker-1')
  }, 60_000)
  afterAll(() => fabric?.close())

  const quorate = (host: Host, ...args: string[]) => host.exec([process.execPath, `${project}/bin/quorate.js`, ...args])
  const kubectl = (...args: string[]) => controlPlane.must(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args])
  const init = () =>
    quorate(
      controlPlane,
      'init',
      '--pod-network-cidr=10.244.0.0/16',
      '--node-name=cp-1',
      `--apiserver-advertise-address=${controlPlane.ip}`,
    )
  const logOf = async (host: Host) => (await host.exec(['tail', '-n', '40', '/var/log/kubelet.log'])).stdout

  it('says what is wrong with a machine, how it is mended, and leaves it as it was', { timeout: 60_000 }, async () => {
    const { code, stderr } = await init()
    expect(code).toBe(1)
    expect(stderr).toContain('[ERROR FileContent--proc-sys-net-ipv4-ip_forward]')
    expect(stderr).toContain('sysctl -w net.ipv4.ip_forward=1')
    expect((await controlPlane.exec(['ls', '/etc/kubernetes/pki'])).code).not.toBe(0)
  })

  it('makes a control plane in one command', { timeout: 180_000 }, async () => {
    for (const host of [controlPlane, worker]) await host.must(['sysctl', '-w', 'net.ipv4.ip_forward=1'])
    const { code, stdout, stderr } = await init()
    expect(code, `${stderr}\n${code === 0 ? '' : await logOf(controlPlane)}`).toBe(0)
    joinCommand = /quorate (join .+)/.exec(stdout)?.[1]?.split(' ') ?? []
    const pods = await kubectl('get', 'pods', '-n', 'kube-system', '-o', 'name')
    for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) expect(pods).toContain(`pod/${name}-cp-1`)
    await kubectl('wait', '--for=condition=Ready', '-n', 'kube-system', 'pod', '-l', 'tier=control-plane', '--timeout=60s')
    expect(await kubectl('get', 'node', 'cp-1', '-o', 'jsonpath={.spec.taints[*].key}')).toContain('node-role.kubernetes.io/control-plane')
  })

  it('takes a worker in by the command that init has printed', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await quorate(worker, ...joinCommand, '--node-name=worker-1')
    expect(code, `${stdout}\n${stderr}\n${code === 0 ? '' : await logOf(worker)}`).toBe(0)
    await kubectl('get', 'node', 'worker-1')
    const requests = await kubectl(
      'get',
      'csr',
      '-o',
      'jsonpath={range .items[*]}{.spec.username} {.status.conditions[*].type}{"\\n"}{end}',
    )
    expect(requests).toMatch(/system:bootstrap:\w{6} Approved/)
    expect((await worker.exec(['ls', '/etc/kubernetes/bootstrap-kubelet.conf'])).code).not.toBe(0)
  })

  it('refuses a token, a hash and a name that are wrong, each by what it is', { timeout: 60_000 }, async () => {
    const [, endpoint = '', , token = '', , hash = ''] = joinCommand
    const other = (...args: string[]) => quorate(worker, 'join', endpoint, '--ignore-preflight-errors=all', ...args)
    const wrongHash = await other('--token', token, '--discovery-token-ca-cert-hash', `sha256:${'0'.repeat(64)}`)
    expect(wrongHash.stderr).toContain('which is not among those that are trusted')
    const wrongSecret = await other('--token', `${token.slice(0, 7)}${'f'.repeat(16)}`, '--discovery-token-ca-cert-hash', hash)
    expect(wrongSecret.stderr).toContain('its secret is wrong, or somebody stands between')
    const taken = await other('--token', token, '--discovery-token-ca-cert-hash', hash, '--node-name=cp-1')
    expect(taken.stderr).toContain('a node with name "cp-1" and status "Ready" already exists')
  })

  it('is undone by reset: files, rules, routes, links and processes, and a second reset finds nothing to do', {
    timeout: 120_000,
  }, async () => {
    const refused = await quorate(worker, 'reset')
    expect(refused.stderr).toContain('nothing was changed')
    for (const host of [worker, controlPlane]) {
      for (let times = 0; times < 2; times++) {
        const { code, stdout, stderr } = await quorate(host, 'reset', '--force')
        expect(code, `${stdout}\n${stderr}`).toBe(0)
      }
      for (const path of [
        '/etc/kubernetes/pki/ca.crt',
        '/etc/kubernetes/admin.conf',
        '/var/lib/kubelet/config.yaml',
        '/var/lib/etcd/member',
      ])
        expect((await host.exec(['ls', path])).code, path).not.toBe(0)
      expect((await host.exec(['nft', 'list', 'tables'])).stdout).not.toMatch(/kube-proxy|quorate/)
      // 1: pgrep has found nothing.
      for (const pattern of ['quorate.js', '^etcd'])
        expect(await host.exec(['pgrep', '-f', pattern]), pattern).toMatchObject({ code: 1, stdout: '' })
    }
  })
})
