/** `quorate node add` and `node remove`: a cluster grows and shrinks while it runs. */
import { QuorateError } from '../base/errors.js'
import { hasReason } from '../api/status.js'
import type { Node } from '../api/types/core-v1.js'
import { resources } from '../client/resources.js'
import { connectAsSuperAdmin } from './api-access.js'
import { type ClusterState, type ControlPlane, nodeNames, type Worker, writeState } from './cluster-state.js'
import { type LocalCluster, type LocalContext, openCluster, withClusterLock } from './context.js'
import { plannedControlPlane, writeControlPlane } from './create.js'
import { createAdminConfigs, readAuthorities } from './credentials.js'
import { remove } from '../base/node/files.js'
import { writeFleetNodes } from './fleet-nodes.js'
import { startProcess } from './launch.js'
import { maxWorkers, workerAddress } from './node-addresses.js'
import { isListening } from './port-allotment.js'
import { balancerProcess } from './process-specs.js'
import { controlPlanesMax, quorumOf, toleratedLosses } from './quorum.js'
import { nodesReady } from './ready.js'

export interface NodeAddition {
  readonly role: 'control-plane' | 'worker'
  readonly count: number
  /** Bounds the wait for Ready; 0: do not wait. */
  readonly waitMs: number
}

/** The names of the new nodes. */
export async function addNodes(context: LocalContext, name: string, addition: NodeAddition): Promise<string[]> {
  const [cluster, added] = await withClusterLock(context, name, async () => {
    const before = openCluster(context, name)
    return addition.role === 'worker' ? addWorkers(before, addition.count) : addControlPlanes(context, before, addition.count)
  })
  if (addition.waitMs > 0 && cluster.processes.running(balancerProcess)) await waitFor(context, cluster, { added, waitMs: addition.waitMs })
  return added
}

type Changed = [cluster: LocalCluster, names: string[]]

async function addWorkers(cluster: LocalCluster, count: number): Promise<Changed> {
  const { state, paths } = cluster
  if (state.workers.length + count > maxWorkers) throw new QuorateError('BadUsage', `a cluster has at most ${maxWorkers} workers`)
  const free = freeNumbers(state.workers, 'worker-', count)
  const added: Worker[] = free.map((number) => ({ name: `worker-${number}`, address: workerAddress(number - 1) }))
  const after = { ...cluster, state: { ...state, workers: [...state.workers, ...added] } }
  writeState(paths, after.state)
  writeFleetNodes(after)
  return [after, added.map((worker) => worker.name)]
}

async function addControlPlanes(context: LocalContext, cluster: LocalCluster, count: number): Promise<Changed> {
  const { state, paths } = cluster
  if (state.store === 'stacked')
    throw new QuorateError('NotSupported', 'a control plane with a member of etcd on it cannot be added to a running cluster yet', {
      remedy: 'Make the cluster with more control planes: `quorate up --etcd stacked --control-planes 5`.',
    })
  if (state.controlPlanes.length + count > controlPlanesMax)
    throw new QuorateError('BadUsage', `a cluster on one machine has at most ${controlPlanesMax} control planes`)
  const added = freeNumbers(state.controlPlanes, 'cp-', count).map((number) => plannedControlPlane(state.portBlock, number - 1))
  const after = { ...cluster, state: { ...state, controlPlanes: [...state.controlPlanes, ...added] } }
  const credentials = { state: after.state, paths, pki: readAuthorities(paths), nowMs: context.clock.now() }
  const admins = await createAdminConfigs(credentials)
  for (const controlPlane of added) await writeControlPlane(credentials, controlPlane, admins)
  writeState(paths, after.state)
  if (cluster.processes.running(balancerProcess)) {
    for (const { name } of added) await startProcess(context, after, name)
    await restartBalancer(context, after)
  }
  return [after, added.map((controlPlane) => controlPlane.name)]
}

/** The smallest numbers that no node's name has. */
function freeNumbers(nodes: readonly { readonly name: string }[], prefix: string, count: number): number[] {
  const taken = new Set(nodes.map(({ name }) => name))
  const free: number[] = []
  for (let number = 1; free.length < count; number++) if (!taken.has(`${prefix}${number}`)) free.push(number)
  return free
}

const listenPollMs = 20

/** It has its backends from its flags. Connections through it break once, as when it dies. */
async function restartBalancer(context: LocalContext, cluster: LocalCluster): Promise<void> {
  await cluster.processes.kill(balancerProcess)
  const { ended } = await startProcess(context, cluster, balancerProcess)
  let why: string | undefined
  void ended.then((text) => {
    why = text
  })
  while (!(await isListening(cluster.state.apiPort))) {
    if (why !== undefined) throw new QuorateError('ProcessEnded', `${balancerProcess} has ended: ${why}`)
    await context.clock.sleep(listenPollMs)
  }
}

async function waitFor(
  context: LocalContext,
  cluster: LocalCluster,
  { added, waitMs }: { added: readonly string[]; waitMs: number },
): Promise<void> {
  const isNew = ({ name }: { name: string }) => added.includes(name)
  const only: ClusterState = {
    ...cluster.state,
    controlPlanes: cluster.state.controlPlanes.filter(isNew),
    workers: cluster.state.workers.filter(isNew),
  }
  const client = connectAsSuperAdmin(context, cluster)
  const late = new AbortController()
  const cancel = context.clock.timer(waitMs, () => late.abort())
  try {
    await nodesReady(context, { ...cluster, state: only }, client, { signal: late.signal, forReady: true, onProgress: () => undefined })
  } finally {
    cancel()
    await client.close()
  }
}

/** Removes the node from the cluster, its Node object with it. */
export async function removeNode(context: LocalContext, name: string, node: string): Promise<void> {
  await withClusterLock(context, name, async () => {
    const cluster = openCluster(context, name)
    const { state, paths, processes } = cluster
    if (!nodeNames(state).includes(node))
      throw new QuorateError('TargetUnknown', `the cluster ${name} has no node ${JSON.stringify(node)}`, {
        remedy: `It has ${nodeNames(state).slice(0, 12).join(', ')}${nodeNames(state).length > 12 ? ', ...' : ''}.`,
      })
    const controlPlane = state.controlPlanes.find((each) => each.name === node)
    if (controlPlane) checkRemoval(state, controlPlane)
    const others = <T extends { readonly name: string }>(all: readonly T[]) => all.filter((each) => each.name !== node)
    const after = { ...cluster, state: { ...state, controlPlanes: others(state.controlPlanes), workers: others(state.workers) } }
    writeState(paths, after.state)
    if (controlPlane) {
      await processes.stop(node, 10_000)
      remove(paths.node(node))
      if (processes.running(balancerProcess)) await restartBalancer(context, after)
    } else writeFleetNodes(after)
    if (processes.running(balancerProcess)) await deleteNodeObject(context, after, node)
  })
}

function checkRemoval({ store, controlPlanes }: ClusterState, { name }: ControlPlane): void {
  if (controlPlanes.length === 1)
    throw new QuorateError('BadUsage', `${name} is the only control plane`, { remedy: 'Remove the cluster with `quorate delete`.' })
  if (store === 'stacked')
    throw new QuorateError(
      'NotSupported',
      `${name} holds a member of etcd: without it ${controlPlanes.length} members with a quorum of ${quorumOf(controlPlanes.length)} ` +
        `would be left to survive ${toleratedLosses(controlPlanes.length) - 1} further losses`,
      { remedy: 'To try the loss of a member, use `quorate kill`. Removing members comes later.' },
    )
}

async function deleteNodeObject(context: LocalContext, cluster: LocalCluster, node: string): Promise<void> {
  const client = connectAsSuperAdmin(context, cluster)
  try {
    await client
      .resource<Node>(resources.nodes)
      .delete('', node)
      .catch((error: unknown) => {
        if (!hasReason(error, 'NotFound')) throw error
      })
  } finally {
    await client.close()
  }
}
