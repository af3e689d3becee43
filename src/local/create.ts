/** Makes a new cluster on disk: its ports, certificates, kubeconfigs and manifests. Nothing runs yet. */
import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { timestamp } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import { kubeconfigText } from '../pki/kubeconfig.js'
import {
  type ClusterState,
  type ControlPlane,
  type EtcdMember,
  listClusterNames,
  readState,
  type StoreKind,
  writeState,
} from './cluster-state.js'
import { type LocalCluster, type LocalContext, processesOf } from './context.js'
import {
  type AdminConfigs,
  createAdminConfigs,
  createAuthorities,
  type Credentials,
  writeControlPlaneCredentials,
  writeEtcdMemberCredentials,
  writeFleetCredentials,
} from './credentials.js'
import { type EtcdVersion, etcdPod } from '../node/static-pods/etcd.js'
import { manifestText } from '../node/static-pods/static-pod.js'
import { installedEtcd } from './installed-etcd.js'
import { makeDirectory, writeFileWhole } from '../base/node/files.js'
import { kubeletConfigText } from './kubelet-config.js'
import { controlPlaneManifests } from './manifests.js'
import { controlPlaneAddress, maxWorkers, workerAddress } from './node-addresses.js'
import { clusterPaths } from './paths.js'
import { allotBlock, controlPlanePorts, etcdMemberPorts, fleetPort, isPortFree, loadBalancerPort, seedOf } from './port-allotment.js'
import { storeSocketOnNodes } from './process-specs.js'
import { userKubeconfig } from './user-kubeconfig.js'

export interface ClusterShape {
  readonly name: string
  readonly controlPlanes: number
  readonly workers: number
  readonly store: StoreKind
  /** 0: any free port. */
  readonly apiPort: number
  readonly kubeconfig: string | undefined
}

export function checkWorkers(count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > maxWorkers)
    throw new QuorateError('BadUsage', `--workers ${count}: give a number from 0 to ${maxWorkers}`)
}

export async function createCluster(context: LocalContext, shape: ClusterShape): Promise<LocalCluster> {
  const { clock, home } = context
  const paths = clusterPaths(home, shape.name)
  const etcdVersion = shape.store === 'embedded' ? undefined : installedEtcd(context.platform, etcdVersionText)
  makeDirectory(paths.dir)
  const nowMs = clock.now()
  const [state, pki] = await Promise.all([plan(context, { ...shape, etcdVersion }, nowMs), createAuthorities(paths, nowMs)])
  const cluster: LocalCluster = { state, paths, processes: processesOf(context, paths) }
  const credentials: Credentials = { state, paths, pki, nowMs }
  const admins = await createAdminConfigs(credentials)
  writeFileWhole(paths.kubeconfig, kubeconfigText(admins.user))
  await Promise.all([
    writeFleetCredentials(credentials),
    ...state.controlPlanes.map((controlPlane) => writeControlPlane(credentials, controlPlane, admins)),
    ...state.etcdMembers.map((member) => writeEtcdMemberCredentials(credentials, member)),
  ])
  if (etcdVersion && shape.store === 'stacked') writeEtcdManifests(cluster, etcdVersion)
  // Last: a cluster without this file is none, and is made anew.
  writeState(paths, state)
  return cluster
}

type PlannedShape = ClusterShape & { readonly etcdVersion: EtcdVersion | undefined }

async function plan(context: LocalContext, { etcdVersion, ...shape }: PlannedShape, nowMs: number): Promise<ClusterState> {
  const { home } = context
  const taken = listClusterNames(home).flatMap((name) => readState(clusterPaths(home, name))?.portBlock ?? [])
  const block = await allotBlock({ seed: seedOf(shape.name), taken, isFree: isPortFree })
  return {
    version: 1,
    name: shape.name,
    createdAt: timestamp(nowMs),
    store: shape.store,
    apiPort: shape.apiPort || loadBalancerPort(block),
    portBlock: block,
    controlPlanes: Array.from({ length: shape.controlPlanes }, (_, index) => plannedControlPlane(block, index)),
    workers: Array.from({ length: shape.workers }, (_, index) => ({ name: `worker-${index + 1}`, address: workerAddress(index) })),
    etcdMembers: shape.store === 'external' ? plannedEtcdMembers(block) : [],
    ...(etcdVersion ? { etcdVersion } : {}),
    fleetPort: fleetPort(block),
    mergedInto: [resolve(userKubeconfig(context, shape.kubeconfig))],
  }
}

export function plannedControlPlane(block: number, index: number): ControlPlane {
  return { name: `cp-${index + 1}`, address: controlPlaneAddress(index), ports: controlPlanePorts(block, index) }
}

export async function writeControlPlane(credentials: Credentials, controlPlane: ControlPlane, admins: AdminConfigs): Promise<void> {
  const root = credentials.paths.node(controlPlane.name)
  const manifests = controlPlaneManifests({ controlPlane, etcdServers: etcdServersOf(credentials.state, controlPlane) })
  for (const [file, text] of Object.entries(manifests)) writeFileWhole(join(root, 'etc/kubernetes/manifests', file), text)
  writeFileWhole(join(root, 'var/lib/kubelet/config.yaml'), kubeletConfigText(controlPlane.ports))
  makeDirectory(join(root, 'var/log'))
  await writeControlPlaneCredentials(credentials, controlPlane, admins)
}

/** As many as survive one loss. */
const etcdMemberCount = 3

function plannedEtcdMembers(block: number): EtcdMember[] {
  return Array.from({ length: etcdMemberCount }, (_, index) => ({ name: `etcd-${index + 1}`, ...etcdMemberPorts(block, index) }))
}

function writeEtcdManifests({ state, paths }: LocalCluster, version: EtcdVersion): void {
  const initialCluster = state.controlPlanes.map(({ name, ports }) => ({ name, peerUrl: loopbackUrl(ports.etcdPeer) }))
  for (const { name, ports } of state.controlPlanes) {
    const pod = etcdPod({
      name,
      clientUrl: loopbackUrl(ports.etcdClient),
      peerUrl: loopbackUrl(ports.etcdPeer),
      metricsPort: ports.etcdMetrics,
      initialCluster,
      pki: '/etc/kubernetes/pki/etcd',
      dataDir: '/var/lib/etcd',
      version,
    })
    writeFileWhole(join(paths.node(name), 'etc/kubernetes/manifests/etcd.yaml'), manifestText(pod))
    makeDirectory(join(paths.node(name), 'var/lib/etcd'))
  }
}

function loopbackUrl(port: number): string {
  return `https://127.0.0.1:${port}`
}

function etcdVersionText(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8', windowsHide: true })
}

/** --etcd-servers of a control plane's API server: its own member first, and the others so that it outlives its own. */
function etcdServersOf({ store, controlPlanes, etcdMembers }: ClusterState, { name }: ControlPlane): string[] {
  if (store === 'embedded') return [`unix://${storeSocketOnNodes}`]
  if (store === 'external') return etcdMembers.map(({ clientPort }) => loopbackUrl(clientPort))
  return controlPlanes
    .toSorted((a, b) => Number(b.name === name) - Number(a.name === name))
    .map(({ ports }) => loopbackUrl(ports.etcdClient))
}
