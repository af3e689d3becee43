/** kubeadm's way, on hosts of their own: three control planes and a worker, one command each, behind a load balancer; one is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import { busyboxImage } from '../hosts/images.js'

const project = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
const missing = missingForHosts('etcd', 'nft', 'kubectl')
/** The fabric's own address: the load balancer is outside of every host. */
const endpoint = '10.89.0.1:6443'

describe.skipIf(missing !== undefined)(`quorate init, join and reset on hosts of their own${missing ? ` (${missing})` : ''}`, () => {
  let fabric: Fabric
  let first: Host
  let second: Host
  let third: Host
  let worker: Host
  let joinControlPlane: string[] = []
  let joinWorker: string[] = []
  let balancer: { kill(signal?: NodeJS.Signals): unknown } | undefined

  beforeAll(async () => {
    fabric = await openFabric({ binds: [project] })
    ;[first, second, third, worker] = (await Promise.all(['cp-1', 'cp-2', 'cp-3', 'worker-1'].map((name) => fabric.addHost(name)))) as [
      Host,
      Host,
      Host,
      Host,
    ]
  }, 60_000)
  afterAll(async () => {
    balancer?.kill('SIGTERM')
    await fabric?.close()
  })

  const command = [process.execPath, `${project}/bin/quorate.js`]
  const quorate = (host: Host, ...args: string[]) => host.exec([...command, ...args], { timeoutMs: 120_000 })
  const kubectl = (host: Host, ...args: string[]) => host.must(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args])
  const logOf = async (host: Host) => (await host.exec(['tail', '-n', '40', '/var/log/kubelet.log'])).stdout
  const flags = () => [
    '--pod-network-cidr=10.244.0.0/16',
    '--node-name=cp-1',
    `--apiserver-advertise-address=${first.ip}`,
    `--control-plane-endpoint=${endpoint}`,
  ]
  const done = async (host: Host, ...args: string[]) => {
    const { code, stdout, stderr } = await quorate(host, ...args)
    expect(code, `${stdout}\n${stderr}\n${code === 0 ? '' : await logOf(host)}`).toBe(0)
    return stdout
  }

  const expectNothingLeft = async (host: Host) => {
    for (const path of ['/etc/kubernetes/pki/ca.crt', '/etc/kubernetes/admin.conf', '/var/lib/kubelet/config.yaml', '/var/lib/etcd/member'])
      expect((await host.exec(['ls', path])).code, path).not.toBe(0)
    expect((await host.exec(['nft', 'list', 'tables'])).stdout).not.toMatch(/kube-proxy|quorate/)
    expect((await host.exec(['ip', '-o', 'link'])).stdout).not.toMatch(/cni0|vxlan|veth\w+@/)
    expect((await host.exec(['ctr', '-n', 'k8s.io', 'containers', 'list', '-q'])).stdout.trim()).toBe('')
    // 1: pgrep has found nothing.
    for (const pattern of ['quorate.js', '^etcd'])
      expect(await host.exec(['pgrep', '-f', pattern]), pattern).toMatchObject({ code: 1, stdout: '' })
  }

  it('says what is wrong with a machine, how it is mended, and leaves it as it was', { timeout: 60_000 }, async () => {
    const { code, stderr } = await quorate(first, 'init', ...flags())
    expect(code).toBe(1)
    expect(stderr).toContain('[ERROR FileContent--proc-sys-net-ipv4-ip_forward]')
    expect(stderr).toContain('sysctl -w net.ipv4.ip_forward=1')
    expect((await first.exec(['ls', '/etc/kubernetes/pki'])).code).not.toBe(0)
  })

  it('makes a control plane in one command', { timeout: 180_000 }, async () => {
    for (const host of [first, second, third, worker]) await host.must(['sysctl', '-w', 'net.ipv4.ip_forward=1'])
    await done(first, 'init', 'phase', 'certs', 'ca')
    const backends = [first, second, third].map((host) => `${host.name}=${host.ip}:6443`).join(',')
    balancer = fabric.spawn([
      ...command,
      'lb',
      `--listen=${endpoint}`,
      `--backends=${backends}`,
      `--ca-file=${first.path('/etc/kubernetes/pki/ca.crt')}`,
    ])
    const printed = await done(first, 'init', '--upload-certs', ...flags())
    const commands = [...printed.matchAll(/quorate (join .+)/g)].map(([, text = '']) => text.split(' '))
    joinControlPlane = commands.find((words) => words.includes('--control-plane')) ?? []
    joinWorker = commands.find((words) => !words.includes('--control-plane')) ?? []
    await kubectl(first, 'wait', '--for=condition=Ready', '-n', 'kube-system', 'pod', '-l', 'tier=control-plane', '--timeout=60s')
    const pods = await kubectl(first, 'get', 'pods', '-n', 'kube-system', '-o', 'name')
    for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) expect(pods).toContain(`pod/${name}-cp-1`)
    expect(await kubectl(first, 'get', 'node', 'cp-1', '-o', 'jsonpath={.spec.taints[*].key}')).toContain(
      'node-role.kubernetes.io/control-plane',
    )
  })

  it('takes a worker in by the command that init has printed', { timeout: 120_000 }, async () => {
    await done(worker, ...joinWorker, '--node-name=worker-1')
    const requests = await kubectl(
      first,
      'get',
      'csr',
      '-o',
      'jsonpath={range .items[*]}{.spec.username} {.status.conditions[*].type}{"\\n"}{end}',
    )
    expect(requests).toMatch(/system:bootstrap:\w{6} Approved/)
    expect((await worker.exec(['ls', '/etc/kubernetes/bootstrap-kubelet.conf'])).code).not.toBe(0)
  })

  it('runs DNS, Services and the pod network: a pod finds the API by name', { timeout: 180_000 }, async () => {
    for (const workload of ['daemonset/kube-proxy', 'daemonset/quorate-network', 'deployment/coredns'])
      await kubectl(first, 'rollout', 'status', '-n', 'kube-system', workload, '--timeout=120s')
    await kubectl(first, 'wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s')
    await worker.importImages(busyboxImage('docker.io/library/busybox:1.36'))
    await kubectl(first, 'run', 'asks', '--image=busybox:1.36', '--restart=Never', '--', 'nslookup', 'kubernetes.default.svc.cluster.local')
    await kubectl(first, 'wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/asks', '--timeout=60s')
    expect(await kubectl(first, 'logs', 'asks')).toContain('10.96.0.1')
    expect(await kubectl(first, 'get', 'pod', 'asks', '-o', 'jsonpath={.spec.nodeName}')).toBe('worker-1')
  })

  const members = (host: Host) => {
    const pki = '/etc/kubernetes/pki/etcd'
    const access = [`--cacert=${pki}/ca.crt`, `--cert=${pki}/healthcheck-client.crt`, `--key=${pki}/healthcheck-client.key`]
    return host.must(['env', 'ETCDCTL_API=3', 'etcdctl', `--endpoints=https://${host.ip}:2379`, ...access, 'member', 'list'])
  }
  const joins = (host: Host) => done(host, ...joinControlPlane, `--node-name=${host.name}`, `--apiserver-advertise-address=${host.ip}`)

  it('takes further control planes in, each with an etcd member that votes', { timeout: 240_000 }, async () => {
    for (const host of [second, third]) await joins(host)
    const all = await members(third)
    for (const host of [first, second, third]) expect(all).toMatch(new RegExp(`started, ${host.name}, .*, false`))
    const nodes = await kubectl(second, 'get', 'nodes', '-l', 'node-role.kubernetes.io/control-plane', '-o', 'name')
    expect(nodes.trim().split('\n')).toEqual(['node/cp-1', 'node/cp-2', 'node/cp-3'])
  })

  it('lets a control plane go by reset, with its etcd member, and takes it in again', { timeout: 240_000 }, async () => {
    await done(third, 'reset', '--force')
    await expectNothingLeft(third)
    expect(await members(second)).not.toContain('cp-3')
    await kubectl(second, 'delete', 'node', 'cp-3')
    await joins(third)
    expect(await members(second)).toMatch(/started, cp-3, .*, false/)
  })

  it('refuses a token, a hash and a name that are wrong, each by what it is', { timeout: 60_000 }, async () => {
    const [, , , token = '', , hash = ''] = joinWorker
    const other = (...args: string[]) => quorate(worker, 'join', endpoint, '--ignore-preflight-errors=all', ...args)
    const wrongHash = await other('--token', token, '--discovery-token-ca-cert-hash', `sha256:${'0'.repeat(64)}`)
    expect(wrongHash.stderr).toContain('which is not among those that are trusted')
    const wrongSecret = await other('--token', `${token.slice(0, 7)}${'f'.repeat(16)}`, '--discovery-token-ca-cert-hash', hash)
    expect(wrongSecret.stderr).toContain('its secret is wrong, or somebody stands between')
    const taken = await other('--token', token, '--discovery-token-ca-cert-hash', hash, '--node-name=cp-1')
    expect(taken.stderr).toContain('a node with name "cp-1" and status "Ready" already exists')
  })

  it('loses a control plane and goes on: nothing acknowledged is gone, and writes are taken again', { timeout: 120_000 }, async () => {
    await kubectl(second, 'create', 'configmap', 'before', '--from-literal=a=b')
    await first.powerCut()
    const startedAtMs = Date.now()
    for (;;) {
      const { code, stderr } = await second.exec([
        'kubectl',
        '--kubeconfig=/etc/kubernetes/admin.conf',
        '--request-timeout=5s',
        'create',
        'configmap',
        'after',
      ])
      if (code === 0 || stderr.includes('already exists')) break
      expect(Date.now() - startedAtMs, stderr).toBeLessThan(60_000)
      await sleep(200)
    }
    expect(await kubectl(second, 'get', 'configmap', 'before', '-o', 'jsonpath={.data.a}')).toBe('b')
  })

  it('is undone by reset: files, rules and processes, and a second reset finds nothing to do', { timeout: 180_000 }, async () => {
    const refused = await quorate(worker, 'reset')
    expect(refused.stderr).toContain('nothing was changed')
    for (let times = 0; times < 2; times++) await done(worker, 'reset', '--force')
    await expectNothingLeft(worker)
  })
})
