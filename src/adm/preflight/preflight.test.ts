import { describe, expect, it } from 'vitest'
import { loadInit } from '../config/load.js'
import type { NodeFiles } from '../machine/node-files.js'
import { type Check, runChecks } from './check.js'
import { type ControlPlanePreflight, controlPlaneChecks, joinChecks, nodeChecks } from './init-checks.js'

interface Fake {
  readonly files?: Readonly<Record<string, string>>
  readonly busy?: readonly number[]
  readonly root?: boolean
  readonly programs?: readonly string[]
  readonly cpus?: number
  readonly memory?: number
  readonly syncMs?: number
  readonly config?: string
}

/** A machine on which everything is as it should be, but for what is given. */
function context(fake: Fake = {}): ControlPlanePreflight {
  const texts: Record<string, string> = {
    '/proc/sys/net/ipv4/ip_forward': '1\n',
    '/proc/swaps': 'Filename Type Size Used Priority\n',
    '/etc/machine-id': 'a\n',
    '/var/run/containerd/containerd.sock': 'socket',
    ...fake.files,
  }
  const files = {
    read: (path: string) => texts[path],
    exists: (path: string) => path in texts,
    list: (path: string) => Object.keys(texts).filter((each) => each.startsWith(`${path}/`)),
  } as unknown as NodeFiles
  const text = fake.config ?? 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n'
  const { init, cluster } = loadInit({ text, name: 'c' }, { hostname: 'cp-1', address: '10.0.0.1' })
  return {
    machine: {
      files,
      isRoot: () => fake.root ?? true,
      isPortFree: async (port) => !(fake.busy ?? []).includes(port),
      hasProgram: (name) => (fake.programs ?? ['nft', 'conntrack', 'mount', 'ip']).includes(name),
      isSocket: (path) => path in texts && texts[path] !== '',
      cpuCount: () => fake.cpus ?? 2,
      memoryBytes: () => fake.memory ?? 2 ** 31,
      syncMs: () => fake.syncMs ?? 1,
    },
    ...{ node: init.nodeRegistration, cluster, bindPort: init.localAPIEndpoint.bindPort },
  }
}

const all: readonly Check<ControlPlanePreflight>[] = [...nodeChecks, ...controlPlaneChecks, ...joinChecks]
const external = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd: { external: { endpoints: ['https://a:2379'], caFile: /etc/etcd/ca.crt, certFile: /etc/etcd/c.crt, keyFile: /etc/etcd/c.key } }`

describe('preflight', () => {
  it('finds nothing on a machine that is as it should be', async () => {
    expect(await runChecks(all, context(), [])).toEqual({ warnings: [] })
  })

  it.each<[string, Fake]>([
    ['IsPrivilegedUser', { root: false }],
    ['Port-10250', { busy: [10_250] }],
    ['Port-API', { busy: [6443] }],
    ['Port-10257', { busy: [10_257] }],
    ['Port-2379', { busy: [2379] }],
    ['CRI', { files: { '/var/run/containerd/containerd.sock': '' } }],
    ['FileContent--proc-sys-net-ipv4-ip_forward', { files: { '/proc/sys/net/ipv4/ip_forward': '0\n' } }],
    ['FileExisting-nft', { programs: ['conntrack', 'mount', 'ip'] }],
    ['NumCPU', { cpus: 1 }],
    ['Mem', { memory: 2 ** 30 }],
    ['FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml', { files: { '/etc/kubernetes/manifests/kube-apiserver.yaml': 'x' } }],
    ['FileAvailable--etc-kubernetes-kubelet.conf', { files: { '/etc/kubernetes/kubelet.conf': 'x' } }],
    ['DirAvailable--var-lib-etcd', { files: { '/var/lib/etcd/member': 'x' } }],
    ['ExternalEtcdClientCertificates', { config: external }],
  ])('%s fails with its id and the way to mend it', async (id, fake) => {
    const error = await runChecks(all, context(fake), []).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PreflightFailed' })
    expect((error as Error).message).toMatch(new RegExp(`\\[ERROR ${id.replaceAll('.', '\\.')}\\]: .+\\n\\t.+`))
    const { warnings } = await runChecks(all, context(fake), [id])
    expect(warnings).toEqual([expect.stringContaining(`[WARNING ${id}]`)])
  })

  it.each<[string, Fake]>([
    ['Swap', { files: { '/proc/swaps': 'Filename\n/dev/sda2 partition\n' } }],
    ['FileExisting-conntrack', { programs: ['nft', 'mount', 'ip'] }],
    ['MachineID', { files: { '/etc/machine-id': '' } }],
    ['EtcdDiskSync', { syncMs: 40 }],
  ])('%s is a warning', async (id, fake) => {
    const { warnings } = await runChecks(all, context(fake), [])
    expect(warnings).toEqual([expect.stringContaining(`[WARNING ${id}]`)])
  })

  it('says every failure at once, and "all" makes each a warning', async () => {
    const bad = context({ root: false, cpus: 1, busy: [6443, 10_250] })
    const error = await runChecks(all, bad, []).catch((thrown: unknown) => thrown)
    for (const id of ['IsPrivilegedUser', 'NumCPU', 'Port-API', 'Port-10250']) expect((error as Error).message).toContain(`[ERROR ${id}]`)
    expect((await runChecks(all, bad, ['all'])).warnings).toHaveLength(4)
  })
})
