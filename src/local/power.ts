/** `quorate kill`, `stop` and `start`: machines, components and processes of a cluster, one at a time. */
import { QuorateError } from '../base/errors.js'
import { type ClusterState, writeState } from './cluster-state.js'
import { type LocalCluster, type LocalContext, openCluster, withClusterLock } from './context.js'
import { writeFleetNodes } from './fleet-nodes.js'
import { killComponent } from './machine-access.js'
import { startProcess } from './launch.js'
import { parseTarget } from './targets.js'

const graceMs = 10_000
const controlTimeoutMs = 5_000

/** What happened, as a sentence. */
export async function killTarget(context: LocalContext, name: string, target: string): Promise<string> {
  return withClusterLock(context, name, async () => {
    const cluster = openCluster(context, name)
    const found = parseTarget(cluster.state, target)
    switch (found.kind) {
      case 'component': {
        if (!cluster.processes.running(found.node)) throw off(found.node)
        await killComponent(context, cluster, { node: found.node, component: found.component, timeoutMs: controlTimeoutMs })
        return `${target} is killed; the kubelet of ${found.node} starts it again.`
      }
      case 'worker':
        return setWorkerPower(cluster, { name: found.name, on: false })
      default:
        if (!(await cluster.processes.kill(found.name))) throw off(found.name)
        return `${found.name} is killed; it stays down until \`quorate start ${found.name}\`.`
    }
  })
}

export async function stopTarget(context: LocalContext, name: string, target: string): Promise<string> {
  return withClusterLock(context, name, async () => {
    const cluster = openCluster(context, name)
    const found = parseTarget(cluster.state, target)
    if (found.kind === 'component') throw componentHasNoPower(found)
    if (found.kind === 'worker') return setWorkerPower(cluster, { name: found.name, on: false })
    return (await cluster.processes.stop(found.name, graceMs)) ? `${found.name} is stopped.` : `${found.name} did not run.`
  })
}

export async function startTarget(context: LocalContext, name: string, target: string): Promise<string> {
  return withClusterLock(context, name, async () => {
    const cluster = openCluster(context, name)
    const found = parseTarget(cluster.state, target)
    if (found.kind === 'component') throw componentHasNoPower(found)
    if (found.kind === 'worker') return setWorkerPower(cluster, { name: found.name, on: true })
    if (cluster.processes.running(found.name)) return `${found.name} runs already.`
    await startProcess(context, cluster, found.name)
    return `${found.name} is started.`
  })
}

function off(name: string): QuorateError {
  return new QuorateError('NotRunning', `${name} does not run`, { remedy: `Start it with \`quorate start ${name}\`.` })
}

function componentHasNoPower({ component, node }: { component: string; node: string }): QuorateError {
  return new QuorateError('BadUsage', `${component}/${node} is a static pod: the kubelet of ${node} starts and stops it by its manifest`, {
    remedy: `Move etc/kubernetes/manifests/${component}.yaml out of the node's directory to stop it and back to start it, or \`quorate kill\` it.`,
  })
}

async function setWorkerPower(cluster: LocalCluster, { name, on }: { name: string; on: boolean }): Promise<string> {
  const state: ClusterState = {
    ...cluster.state,
    workers: cluster.state.workers.map((worker) => {
      if (worker.name !== name) return worker
      const { stopped: _, ...rest } = worker
      return on ? rest : { ...rest, stopped: true }
    }),
  }
  writeState(cluster.paths, state)
  writeFleetNodes({ ...cluster, state })
  return on ? `${name} is started.` : `${name} is off; it stays so until \`quorate start ${name}\`.`
}
