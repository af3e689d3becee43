/** What a machine must be like before it becomes a control plane, or joins (kubeadm's preflight checks, by their ids). */
import { isSubdomain } from '../../api/validation/names.js'
import type { ClusterConfiguration, NodeRegistration } from '../config/types.js'
import { socketPath } from '../machine/cri-socket.js'
import { manifestDirectory } from '../manifests/manifests.js'
import type { Check, Finding } from './check.js'
import type { CheckedMachine } from './machine.js'

export interface PreflightContext {
  readonly machine: CheckedMachine
  readonly node: NodeRegistration
}

export interface ControlPlanePreflight extends PreflightContext {
  readonly cluster: ClusterConfiguration
  readonly bindPort: number
}

const kubeletPort = 10_250
const cpuCountMin = 2
const memoryBytesMin = 1700 * 2 ** 20
/** etcd's own advice: the 99th percentile of a write to disk stays below 10 ms. */
const syncMsMax = 10

const fail = (cause: string, remedy: string): Finding => ({ cause, remedy })
const warn = (cause: string, remedy: string): Finding => ({ cause, remedy, warning: true })

/** Of every node. */
export const nodeChecks: readonly Check<PreflightContext>[] = [
  {
    id: 'IsPrivilegedUser',
    run: ({ machine }) => (machine.isRoot() ? undefined : fail('user is not running as root', 'Run it again as root: sudo quorate ...')),
  },
  {
    id: 'Hostname',
    run: ({ node }) =>
      isSubdomain(node.name) ? undefined : fail(`the node name "${node.name}" is no DNS name`, 'Give another one: --node-name NAME.'),
  },
  port(kubeletPort),
  {
    id: 'Swap',
    run: ({ machine }) =>
      (machine.files.read('/proc/swaps') ?? '').trim().split('\n').length > 1
        ? warn('swap is supported for cgroup v2 only and is on here', 'Turn it off: swapoff -a')
        : undefined,
  },
  {
    id: 'CRI',
    run({ machine, node }) {
      const path = socketPath(node.criSocket)
      if (machine.isSocket(path)) return undefined
      return fail(
        `container runtime is not running: there is no socket ${path}`,
        'Install and start it (apt-get install containerd; systemctl start containerd), or name another: --cri-socket.',
      )
    },
  },
  proc('FileContent--proc-sys-net-ipv4-ip_forward', '/proc/sys/net/ipv4/ip_forward', 'sysctl -w net.ipv4.ip_forward=1'),
  {
    id: 'FileExisting-nft',
    run: ({ machine }) => (machine.hasProgram('nft') ? undefined : fail('nft is not there', 'Install it: apt-get install nftables')),
  },
  ...['conntrack', 'mount', 'ip'].map(
    (name): Check<PreflightContext> => ({
      id: `FileExisting-${name}`,
      run: ({ machine }) =>
        machine.hasProgram(name)
          ? undefined
          : warn(`${name} not found in system path`, `Install it: apt-get install ${packages[name] ?? name}`),
    }),
  ),
  {
    id: 'MachineID',
    run: ({ machine }) =>
      (machine.files.read('/etc/machine-id') ?? '').trim() === ''
        ? warn('/etc/machine-id is empty: clones of a machine cannot be told apart', 'Make one: systemd-machine-id-setup')
        : undefined,
  },
]

const packages: Readonly<Record<string, string>> = { ip: 'iproute2' }

/** Of a machine that is to be a control plane. */
export const controlPlaneChecks: readonly Check<ControlPlanePreflight>[] = [
  {
    id: 'NumCPU',
    run: ({ machine }) =>
      machine.cpuCount() >= cpuCountMin
        ? undefined
        : fail(
            `the number of available CPUs ${machine.cpuCount()} is less than the required ${cpuCountMin}`,
            'Give the machine more CPUs.',
          ),
  },
  {
    id: 'Mem',
    run: ({ machine }) =>
      machine.memoryBytes() >= memoryBytesMin
        ? undefined
        : fail(
            `the system RAM (${Math.floor(machine.memoryBytes() / 2 ** 20)} MB) is less than the minimum ${memoryBytesMin / 2 ** 20} MB`,
            'Give the machine more memory.',
          ),
  },
  { id: 'Port-API', run: (context) => portFinding(context, context.bindPort) },
  ...[10_257, 10_259].map((number): Check<ControlPlanePreflight> => port(number)),
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map(
    (name): Check<ControlPlanePreflight> => ({
      id: `FileAvailable--etc-kubernetes-manifests-${name}.yaml`,
      run: ({ machine }) => {
        const path = `${manifestDirectory}/${name}.yaml`
        return machine.files.exists(path)
          ? fail(`${path} already exists`, 'This machine is a control plane already; to begin anew: quorate reset')
          : undefined
      },
    }),
  ),
  ...[2379, 2380].map(
    (number): Check<ControlPlanePreflight> => ({
      id: `Port-${number}`,
      run: (context) => (context.cluster.etcd.local ? portFinding(context, number) : undefined),
    }),
  ),
  {
    id: 'DirAvailable--var-lib-etcd',
    run({ cluster, machine }) {
      const dir = cluster.etcd.local?.dataDir
      if (dir === undefined || machine.files.list(dir).length === 0) return undefined
      return fail(`${dir} is not empty`, `It holds another cluster's data: quorate reset, or move it away.`)
    },
  },
  {
    id: 'ExternalEtcdClientCertificates',
    run({ cluster, machine }) {
      const { caFile = '', certFile = '', keyFile = '' } = cluster.etcd.external ?? {}
      const missing = [caFile, certFile, keyFile].filter((file) => file !== '' && !machine.files.exists(file))
      return missing.length > 0 ? fail(`${missing.join(', ')} cannot be read`, 'Copy the client certificates of etcd there.') : undefined
    },
  },
  {
    id: 'EtcdDiskSync',
    run({ cluster, machine }) {
      const dir = cluster.etcd.local?.dataDir
      const ms = dir === undefined ? undefined : machine.syncMs(dir)
      if (ms === undefined || ms <= syncMsMax) return undefined
      return warn(
        `a write to ${dir ?? ''} takes ${ms.toFixed(0)} ms until it is on disk: etcd wants less than ${syncMsMax}`,
        'Put it on a faster disk: etcd.local.dataDir.',
      )
    },
  },
]

/** Of a machine that joins. */
export const joinChecks: readonly Check<PreflightContext>[] = ['kubelet.conf', 'bootstrap-kubelet.conf'].map((name) => ({
  id: `FileAvailable--etc-kubernetes-${name}`,
  run({ machine }) {
    const path = `/etc/kubernetes/${name}`
    return machine.files.exists(path)
      ? fail(`${path} already exists`, 'This machine is a node already; to begin anew: quorate reset')
      : undefined
  },
}))

function port(number: number): Check<PreflightContext> {
  return { id: `Port-${number}`, run: (context) => portFinding(context, number) }
}

async function portFinding({ machine }: PreflightContext, number: number): Promise<Finding | undefined> {
  return (await machine.isPortFree(number)) ? undefined : fail(`port ${number} is in use`, `See who has it: ss -ltnp 'sport = :${number}'`)
}

function proc(id: string, path: string, remedy: string): Check<PreflightContext> {
  return {
    id,
    run: ({ machine }) => ((machine.files.read(path) ?? '').trim() === '1' ? undefined : fail(`${path} contents are not set to 1`, remedy)),
  }
}
