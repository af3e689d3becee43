/** The processes that a cluster is made of, and how each is started. */
import { join } from 'node:path'
import type { MachineConfig } from '../node/machine/machine.js'
import type { ClusterState, ControlPlane, EtcdMember } from './cluster-state.js'
import type { LocalCluster, LocalContext } from './context.js'
import { etcdFlags, type EtcdVersion } from '../node/static-pods/etcd.js'
import { makeDirectory, writeFileWhole } from '../base/node/files.js'
import { fleetFiles, writeFleetNodes } from './fleet-nodes.js'
import { simulatedPrefix } from './node-addresses.js'
import type { ProcessSpec } from './process-table.js'

export const storeProcess = 'store'
export const balancerProcess = 'lb'
export const fleetProcess = 'fleet'

/** What the nodes of a cluster know the store's socket as; see node-root.ts. */
export const storeSocketOnNodes = '/run/quorate/store.sock'

/** Every process that runs when the whole cluster does, in the order in which their absence is told. */
export function processNames({ store, controlPlanes, etcdMembers }: ClusterState): string[] {
  return [
    ...(store === 'embedded' ? [storeProcess] : []),
    ...etcdMembers.map(({ name }) => name),
    ...controlPlanes.map(({ name }) => name),
    balancerProcess,
    fleetProcess,
  ]
}

export function processSpec(context: LocalContext, cluster: LocalCluster, name: string): ProcessSpec {
  if (name === storeProcess) return storeSpec(context, cluster)
  if (name === balancerProcess) return balancerSpec(context, cluster)
  if (name === fleetProcess) return fleetSpec(context, cluster)
  const member = cluster.state.etcdMembers.find((each) => each.name === name)
  return member ? etcdMemberSpec(context, cluster, member) : machineSpec(context, cluster, name)
}

/**
 * Node's own memory: garbage is taken before it doubles what is resident. Half a dozen processes share one machine, and each would
 * grow as if it had it to itself; measured, a third of the memory goes and no speed.
 */
const smallHeap = ['--max-semi-space-size=4', '--heap-growing-percent=30']

function nodeCommand({ launcher }: LocalContext, name: string, flags: readonly string[], args: readonly string[]): ProcessSpec {
  return { name, command: launcher.node, args: [...flags, launcher.entry, ...args] }
}

function storeSpec(context: LocalContext, { paths }: LocalCluster): ProcessSpec {
  const socket = context.platform.socketAddress(paths.socket(storeProcess)).replaceAll('\\', '/')
  return nodeCommand(context, storeProcess, smallHeap, [
    'etcd',
    '--name=store',
    `--data-dir=${paths.store}`,
    `--listen-client-urls=unix://${socket}`,
  ])
}

function etcdMemberSpec(context: LocalContext, { state, paths }: LocalCluster, { name, ...ports }: EtcdMember): ProcessSpec {
  const url = (port: number) => `https://127.0.0.1:${port}`
  const flags = etcdFlags({
    name,
    clientUrl: url(ports.clientPort),
    peerUrl: url(ports.peerPort),
    metricsPort: ports.metricsPort,
    initialCluster: state.etcdMembers.map((member) => ({ name: member.name, peerUrl: url(member.peerPort) })),
    pki: join(paths.node(name), 'etc/kubernetes/pki/etcd'),
    dataDir: join(paths.store, name),
    version: state.etcdVersion as EtcdVersion,
  })
  return nodeCommand(context, name, [], ['etcd-host', ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)])
}

function balancerSpec(context: LocalContext, { state, paths }: LocalCluster): ProcessSpec {
  const backends = state.controlPlanes.map(({ name, ports }) => `${name}=127.0.0.1:${ports.apiServer}`)
  return nodeCommand(context, balancerProcess, smallHeap, [
    'lb',
    `--listen=127.0.0.1:${state.apiPort}`,
    `--backends=${backends.join(',')}`,
    `--ca-file=${join(paths.pki, 'ca.crt')}`,
  ])
}

function fleetSpec(context: LocalContext, { state, paths }: LocalCluster): ProcessSpec {
  const files = fleetFiles(paths)
  return nodeCommand(context, fleetProcess, smallHeap, [
    'fleet',
    `--kubeconfig=${files.kubeconfig}`,
    `--config=${files.nodes}`,
    '--address=127.0.0.1',
    `--port=${state.fleetPort}`,
    `--tls-cert-file=${files.cert}`,
    `--tls-private-key-file=${files.key}`,
    `--client-ca-file=${join(paths.pki, 'ca.crt')}`,
  ])
}

function machineSpec(context: LocalContext, { paths }: LocalCluster, name: string): ProcessSpec {
  return nodeCommand(context, name, smallHeap, ['node', '--config', machineConfigFile(paths.node(name))])
}

function machineConfigFile(nodeDirectory: string): string {
  return join(nodeDirectory, 'machine.json')
}

/** Writes what a process reads as it starts. Anew at every start: a home may have moved. */
export function prepareProcess(context: LocalContext, cluster: LocalCluster, name: string): void {
  const controlPlane = cluster.state.controlPlanes.find((each) => each.name === name)
  if (name === fleetProcess) writeFleetNodes(cluster)
  if (controlPlane) writeMachineConfig(context, cluster, controlPlane)
  if (cluster.state.etcdMembers.some((member) => member.name === name)) makeDirectory(join(cluster.paths.store, name))
}

function writeMachineConfig(context: LocalContext, { paths }: LocalCluster, { name, address }: ControlPlane): void {
  const { platform } = context
  const config: MachineConfig = {
    name,
    root: paths.node(name),
    shared: { 'store.sock': platform.socketAddress(paths.socket(storeProcess)) },
    simulatedNetwork: simulatedPrefix,
    controlSocket: platform.socketAddress(paths.socket(name)),
    kubeletFlags: [
      '--config=/var/lib/kubelet/config.yaml',
      '--kubeconfig=/etc/kubernetes/kubelet.conf',
      `--hostname-override=${name}`,
      `--node-ip=${address}`,
      '--register-with-taints=node-role.kubernetes.io/control-plane:NoSchedule',
    ],
  }
  writeFileWhole(machineConfigFile(paths.node(name)), `${JSON.stringify(config, null, 2)}\n`)
}
