/**
 * `quorate status`: what a cluster is made of, what of it works, who leads, and how much more may fail. Everything is asked at once and
 * with a bound, so that a cluster that hangs is shown as one.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Lease } from '../api/types/coordination-v1.js'
import type { Node, Pod } from '../api/types/core-v1.js'
import type { Client } from '../client/client.js'
import { resources } from '../client/resources.js'
import { readyzCheck } from '../lb/readyz.js'
import { connectAsSuperAdmin } from './api-access.js'
import type { ClusterState, ControlPlane } from './cluster-state.js'
import { type LocalCluster, type LocalContext, openCluster } from './context.js'
import { apiUrl, contextName } from './credentials.js'
import { type MemberHealth, memberHealth } from './etcd-health.js'
import { machinePods, manifestFaults } from './machine-access.js'
import { fleetProcess, processNames, storeProcess } from './process-specs.js'
import { quorumOf } from './quorum.js'
import { isReady } from './ready.js'
import { componentNames } from './targets.js'

export interface ClusterStatus {
  readonly name: string
  /** Of the cluster's processes. */
  readonly state: 'Running' | 'Degraded' | 'Down'
  readonly server: string
  readonly context: string
  /** Whether the API answers through the load balancer. */
  readonly apiAnswers: boolean
  readonly nodes: readonly NodeStatus[]
  readonly components: readonly ComponentStatus[]
  readonly processes: readonly ProcessStatus[]
  /** Component → node. */
  readonly leaders: Readonly<Record<string, string>>
  readonly store: StoreStatus
  readonly survives: Survival
}

export interface NodeStatus {
  readonly name: string
  readonly role: 'control-plane' | 'worker'
  readonly address: string
  /** Whether the machine is on. */
  readonly machine: 'on' | 'off'
  /** The Ready condition; undefined when the API does not tell. */
  readonly ready?: boolean
}

export interface ComponentStatus {
  readonly name: string
  readonly node: string
  /** The container's state ("Running", "CrashLoopBackOff", "Error"); "Off" with its machine. */
  readonly state: string
  readonly ready: boolean
  readonly restarts: number
  readonly leads: boolean
  /** Why it does not run. */
  readonly message?: string
}

export interface ProcessStatus {
  readonly name: string
  readonly pid?: number
}

export interface StoreStatus {
  readonly kind: ClusterState['store']
  readonly members: readonly MemberHealth[]
  readonly quorum: number
}

/** How many more losses of which kind the cluster survives. */
export interface Survival {
  readonly losses: number
  readonly because: string
}

const timeoutMs = 2_000

export async function clusterStatus(context: LocalContext, name: string): Promise<ClusterStatus> {
  const cluster = openCluster(context, name)
  const { state, processes } = cluster
  const running = processNames(state).map((process) => ({ name: process, record: processes.running(process) }))
  const isOn = (process: string) => running.some((each) => each.name === process && each.record !== undefined)
  const [seen, readyServers, members, components] = await Promise.all([
    ask(context, cluster),
    Promise.all(state.controlPlanes.map(async (each) => isOn(each.name) && serves(cluster, each))),
    storeMembers(context, cluster, isOn),
    Promise.all(state.controlPlanes.map((each) => componentsOf(context, cluster, { controlPlane: each, on: isOn(each.name) }))),
  ])
  const leaders = leadersOf(seen?.leases ?? [])
  const store: StoreStatus = { kind: state.store, members, quorum: quorumOf(members.length) }
  const up = running.filter(({ record }) => record !== undefined).length
  return {
    name,
    state: up === 0 ? 'Down' : up === running.length && seen ? 'Running' : 'Degraded',
    server: apiUrl(state),
    context: contextName(name),
    apiAnswers: seen !== undefined,
    nodes: nodeStatuses(state, seen?.nodes, isOn),
    components: components.flat().map((each) => ({ ...each, leads: leaders[each.name] === each.node && each.state === 'Running' })),
    processes: running.map(({ name: process, record }) => ({ name: process, ...(record ? { pid: record.pid } : {}) })),
    leaders,
    store,
    survives: survival(store, readyServers.filter(Boolean).length),
  }
}

interface Seen {
  readonly nodes: readonly Node[]
  readonly leases: readonly Lease[]
}

/** undefined when the API does not answer in time. */
async function ask(context: LocalContext, cluster: LocalCluster): Promise<Seen | undefined> {
  const client = connectAsSuperAdmin(context, cluster)
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const [nodes, leases] = await Promise.all([
      list<Node>(client, 'nodes', { signal }),
      list<Lease>(client, 'leases', { signal, namespace: 'kube-system' }),
    ])
    return { nodes, leases }
  } catch {
    return undefined
  } finally {
    await client.close()
  }
}

async function list<T extends Node | Lease>(
  client: Client,
  of: 'nodes' | 'leases',
  options: { signal: AbortSignal; namespace?: string },
): Promise<readonly T[]> {
  return (await client.resource<T>(resources[of]).list(options)).items
}

/** Whether an API server is ready, asked at its own port. */
export async function serves({ paths }: LocalCluster, { name, ports }: ControlPlane): Promise<boolean> {
  const check = readyzCheck(readFileSync(join(paths.pki, 'ca.crt')), { keepAlive: false })
  return check({ name, host: '127.0.0.1', port: ports.apiServer }, AbortSignal.timeout(timeoutMs)).catch(() => false)
}

async function storeMembers(
  { platform }: LocalContext,
  { state, paths }: LocalCluster,
  isOn: (process: string) => boolean,
): Promise<MemberHealth[]> {
  if (state.store === 'embedded') {
    const endpoint = `unix://${platform.socketAddress(paths.socket(storeProcess))}`
    return [{ name: storeProcess, endpoint, healthy: isOn(storeProcess), leader: isOn(storeProcess) }]
  }
  const [first] = state.controlPlanes
  const pki = join(paths.node(first?.name ?? ''), 'etc/kubernetes/pki')
  const members =
    state.store === 'external'
      ? state.etcdMembers.map(({ name, clientPort }) => ({ name, clientPort }))
      : state.controlPlanes.map(({ name, ports }) => ({ name, clientPort: ports.etcdClient }))
  return Promise.all(members.map((member) => memberHealth({ ...member, pki }, timeoutMs)))
}

function nodeStatuses(
  { controlPlanes, workers }: ClusterState,
  seen: readonly Node[] | undefined,
  isOn: (process: string) => boolean,
): NodeStatus[] {
  const byName = new Map(seen?.map((node) => [node.metadata.name, node]))
  const ready = (name: string) => {
    const node = byName.get(name)
    return seen ? { ready: node !== undefined && isReady(node) } : {}
  }
  return [
    ...controlPlanes.map(({ name, address }) => ({
      ...{ name, role: 'control-plane' as const, address, machine: isOn(name) ? ('on' as const) : ('off' as const) },
      ...ready(name),
    })),
    ...workers.map(({ name, address, stopped }) => ({
      ...{ name, role: 'worker' as const, address, machine: stopped || !isOn(fleetProcess) ? ('off' as const) : ('on' as const) },
      ...ready(name),
    })),
  ]
}

/** A node's own word about its static pods: it holds when no API server answers. */
async function componentsOf(
  context: LocalContext,
  cluster: LocalCluster,
  { controlPlane: { name: node }, on }: { controlPlane: ControlPlane; on: boolean },
): Promise<Omit<ComponentStatus, 'leads'>[]> {
  const asked = on
    ? await Promise.all([machinePods(context, cluster, node, timeoutMs), manifestFaults(context, cluster, node, timeoutMs)]).catch(
        () => undefined,
      )
    : undefined
  const [pods, faults = {}] = asked ?? []
  return componentNames(cluster.state).map((name) => {
    if (!on) return { name, node, state: 'Off', ready: false, restarts: 0 }
    const pod = pods?.find(({ metadata }) => metadata.labels?.component === name)
    const fault = Object.entries(faults).find(([file]) => basename(file) === `${name}.yaml`)?.[1]
    const state = stateOf(pod, asked !== undefined)
    return { name, node, ...state, ...(fault ? { state: pod ? state.state : 'BadManifest', message: fault } : {}) }
  })
}

function stateOf(pod: Pod | undefined, answers: boolean): Pick<ComponentStatus, 'state' | 'ready' | 'restarts' | 'message'> {
  const container = pod?.status?.containerStatuses?.[0]
  if (!pod) return { state: answers ? 'NoManifest' : 'Unknown', ready: false, restarts: 0 }
  if (!container) return { state: 'Pending', ready: false, restarts: 0 }
  const { state = {}, lastState, ready, restartCount } = container
  const ended = state.terminated ?? lastState?.terminated
  const why = state.running ? undefined : (ended?.message ?? state.waiting?.message)
  return {
    state: state.running ? 'Running' : (state.waiting?.reason ?? state.terminated?.reason ?? 'Pending'),
    ready,
    restarts: restartCount,
    ...(why ? { message: why.trim() } : {}),
  }
}

/** Of leases that are held: an identity is the node's name, an underscore and something unique. */
export function leadersOf(leases: readonly Lease[]): Record<string, string> {
  const leaders: Record<string, string> = {}
  for (const { metadata, spec } of leases) {
    const { name = '' } = metadata
    if (name !== 'kube-controller-manager' && name !== 'kube-scheduler') continue
    const holder = spec?.holderIdentity?.split('_')[0]
    if (holder) leaders[name] = holder
  }
  return leaders
}

/** What of the store and of the API servers may still be lost, whichever is less. */
export function survival({ kind, members, quorum }: StoreStatus, servers: number): Survival {
  const healthy = members.filter((member) => member.healthy).length
  if (servers === 0) return { losses: 0, because: 'no API server is ready' }
  if (kind === 'embedded') {
    if (healthy === 0) return { losses: 0, because: 'the store does not run' }
    return {
      losses: servers - 1,
      because: `${count(servers, 'API server')} ${servers === 1 ? 'is' : 'are'} ready; the embedded store is one process, which keeps its data and can be started again`,
    }
  }
  const margin = healthy - quorum
  if (margin < 0)
    return {
      losses: 0,
      because: `${healthy} of ${count(members.length, 'etcd member')} healthy, and the quorum is ${quorum}: nothing can be written`,
    }
  return {
    losses: Math.min(margin, servers - 1),
    because: `${healthy} of ${count(members.length, 'etcd member')} healthy with a quorum of ${quorum}, ${count(servers, 'API server')} ready`,
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
