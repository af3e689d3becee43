/** `quorate up`: makes a cluster, or starts what is missing of one, and waits until it is usable. */
import { QuorateError } from '../base/errors.js'
import { parse } from 'yaml'
import type { Kubeconfig } from '../pki/kubeconfig.js'
import type { StoreKind } from './cluster-state.js'
import { findCluster, type LocalCluster, type LocalContext, withClusterLock } from './context.js'
import { checkWorkers, createCluster } from './create.js'
import { deleteFiles } from './delete.js'
import { readIfPresent } from './files.js'
import { mergeKubeconfig } from './kubeconfig-merge.js'
import { isPortFree } from './port-allotment.js'
import { balancerProcess, processNames, processSpec, writeMachineConfig } from './process-specs.js'
import type { StartedProcess } from './process-table.js'
import { checkControlPlanes } from './quorum.js'

export interface UpOptions {
  readonly name: string
  /** undefined: not given, so what the cluster has, or the default. */
  readonly controlPlanes: number | undefined
  readonly workers: number | undefined
  readonly store: StoreKind | undefined
  readonly apiPort: number | undefined
  readonly kubeconfig: string | undefined
  readonly progress: Progress
}

/** Told as things happen, for whoever watches. */
export interface Progress {
  step(text: string): void
}

export interface UpReport {
  readonly cluster: LocalCluster
  readonly created: boolean
  readonly started: readonly string[]
}

const defaults = { controlPlanes: 3, workers: 2, store: 'embedded', apiPort: 0 } as const

export async function up(context: LocalContext, options: UpOptions): Promise<UpReport> {
  const { name } = options
  if (options.controlPlanes !== undefined) checkControlPlanes(options.controlPlanes)
  if (options.workers !== undefined) checkWorkers(options.workers)
  return withClusterLock(context, name, async () => {
    const existing = findCluster(context, name)
    if (existing) checkUnchanged(existing, options)
    const cluster = existing ?? (await create(context, options))
    const started: StartedProcess[] = []
    try {
      await startMissing(context, cluster, started)
      await mergeKubeconfig(cluster.state.mergedInto, parse(readIfPresent(cluster.paths.kubeconfig) ?? '') as Kubeconfig, context.clock)
    } catch (error) {
      await undo(context, cluster, { started, created: !existing })
      throw error
    }
    return { cluster, created: !existing, started: started.map((each) => each.name) }
  })
}

async function create(context: LocalContext, options: UpOptions): Promise<LocalCluster> {
  const apiPort = options.apiPort ?? defaults.apiPort
  if (apiPort !== 0 && !(await isPortFree(apiPort)))
    throw busy(apiPort, 'the API (--api-port)', 'Give another --api-port, or 0 for any free one.')
  const cluster = await createCluster(context, {
    name: options.name,
    controlPlanes: options.controlPlanes ?? defaults.controlPlanes,
    workers: options.workers ?? defaults.workers,
    store: options.store ?? defaults.store,
    apiPort,
    kubeconfig: options.kubeconfig,
  })
  options.progress.step('Certificates, kubeconfigs and manifests are written')
  return cluster
}

/** A flag that contradicts what the cluster is must not be ignored. */
function checkUnchanged({ state }: LocalCluster, options: UpOptions): void {
  const differences: string[] = []
  const compare = (flag: string, given: unknown, is: unknown) => {
    if (given !== undefined && given !== is) differences.push(`--${flag} ${String(given)} (it has ${String(is)})`)
  }
  compare('control-planes', options.controlPlanes, state.controlPlanes.length)
  compare('workers', options.workers, state.workers.length)
  compare('etcd', options.store, state.store)
  if (options.apiPort) compare('api-port', options.apiPort, state.apiPort)
  if (differences.length > 0)
    throw new QuorateError('ClusterDiffers', `the cluster ${state.name} exists and is not as asked for: ${differences.join(', ')}`, {
      remedy: 'Leave the flags out to start it as it is, change it with `quorate node add` or `remove`, or `quorate delete` it first.',
    })
}

/** Starts every process that does not run, all at once: each waits by itself for the others. */
async function startMissing(context: LocalContext, cluster: LocalCluster, started: StartedProcess[]): Promise<void> {
  const missing = processNames(cluster.state).filter((name) => !cluster.processes.running(name))
  await Promise.all(missing.map((name) => checkPorts(cluster, name)))
  for (const controlPlane of cluster.state.controlPlanes)
    if (missing.includes(controlPlane.name)) writeMachineConfig(context, cluster, controlPlane)
  for (const name of missing) started.push(cluster.processes.start(processSpec(context, cluster, name)))
}

async function checkPorts({ state }: LocalCluster, name: string): Promise<void> {
  const ports = state.controlPlanes.find((controlPlane) => controlPlane.name === name)?.ports
  const wanted: [number, string][] = ports ? Object.entries(ports).map(([use, port]) => [port, `${use} of ${name}`]) : []
  if (name === balancerProcess) wanted.push([state.apiPort, 'the API'])
  await Promise.all(
    wanted.map(async ([port, use]) => {
      if (!(await isPortFree(port)))
        throw busy(port, use, 'End the program that listens there, or delete the cluster and make it anew: it will take other ports.')
    }),
  )
}

function busy(port: number, use: string, remedy: string): QuorateError {
  return new QuorateError('PortBusy', `port ${port}, for ${use}, is in use by another program`, { remedy })
}

async function undo(
  context: LocalContext,
  cluster: LocalCluster,
  { started, created }: { started: readonly StartedProcess[]; created: boolean },
): Promise<void> {
  await Promise.all(started.map(({ name }) => cluster.processes.kill(name)))
  if (created) await deleteFiles(context, cluster)
}
