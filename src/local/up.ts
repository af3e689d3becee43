/** `quorate up`: makes a cluster, or starts what is missing of one, and waits until it is usable. */
import { QuorateError } from '../base/errors.js'
import { connectAsSuperAdmin } from './api-access.js'
import { type ControlPlane, nodeNames, type StoreKind } from './cluster-state.js'
import { findCluster, type LocalCluster, type LocalContext, withClusterLock } from './context.js'
import { checkWorkers, createCluster } from './create.js'
import { apiUrl } from './credentials.js'
import { deleteFiles } from './delete.js'
import { busy, startMissing } from './launch.js'
import { isPortFree } from './port-allotment.js'
import type { StartedProcess } from './process-table.js'
import { checkControlPlanes } from './quorum.js'
import { makeUsable, nodesReady } from './ready.js'
import { serves } from './status.js'
import { writeContext } from './user-kubeconfig.js'

export interface UpOptions {
  readonly name: string
  /** undefined: not given, so what the cluster has, or the default. */
  readonly controlPlanes: number | undefined
  readonly workers: number | undefined
  readonly store: StoreKind | undefined
  readonly apiPort: number | undefined
  readonly kubeconfig: string | undefined
  /** Bounds the wait for the nodes to be Ready; 0: only the API is waited for. */
  readonly waitMs: number
  readonly progress: Progress
  /** Aborted: what this call has started is ended again. */
  readonly signal: AbortSignal
}

/** Told as things happen, for whoever watches. */
export interface Progress {
  /** What is being done or waited for now. */
  working(text: string): void
  /** What has been reached. */
  done(text: string): void
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
  const launched = await withClusterLock(context, name, () => launch(context, options))
  await settle(context, launched, options)
  const { cluster, created, started } = launched
  return { cluster, created, started: started.map((each) => each.name) }
}

interface Launched {
  readonly cluster: LocalCluster
  readonly created: boolean
  readonly started: readonly StartedProcess[]
}

async function launch(context: LocalContext, options: UpOptions): Promise<Launched> {
  const { progress, signal } = options
  const existing = findCluster(context, options.name)
  if (existing) checkUnchanged(existing, options)
  const cluster = existing ?? (await create(context, options))
  const started: StartedProcess[] = []
  const launched = { cluster, created: !existing, started }
  try {
    await startMissing(context, cluster, (process) => started.push(process))
    await writeContext(context, cluster, options.kubeconfig)
    signal.throwIfAborted()
  } catch (error) {
    await undo(context, launched)
    throw error
  }
  progress.done(started.length === 0 ? 'Every process runs already' : `Processes started: ${started.map(({ name }) => name).join(', ')}`)
  return launched
}

/** A cluster starts in a few seconds; a machine that is very busy gets this long for the API alone. */
const apiWaitMs = 60_000
const servingPollMs = 50
const dyingMs = 500

/** Waits until the cluster is usable. What cannot be waited for any longer is left running, for its logs; an interruption ends it. */
async function settle(context: LocalContext, launched: Launched, { waitMs, progress, signal }: UpOptions): Promise<void> {
  const { clock } = context
  const { cluster, started } = launched
  const late = new AbortController()
  const cancel = clock.timer(waitMs || apiWaitMs, () => late.abort())
  const waiting = AbortSignal.any([signal, late.signal])
  const client = connectAsSuperAdmin(context, cluster)
  const wait = async () => {
    progress.working('Waiting for the API')
    await makeUsable(context, cluster, client, waiting)
    progress.done(`The API answers at ${apiUrl(cluster.state)}`)
    await nodesReady(context, cluster, client, {
      signal: waiting,
      forReady: waitMs > 0,
      onProgress: ({ ready, of, missing }) => progress.working(`Waiting for nodes to be Ready: ${ready} of ${of} (${missing.join(', ')})`),
    })
    await Promise.all(cluster.state.controlPlanes.map((each) => untilServing(context, cluster, each, waiting)))
    if (waitMs > 0) progress.done(`Nodes Ready: ${nodeNames(cluster.state).length}`)
  }
  try {
    await Promise.race([Promise.all([wait(), startDying(context, launched, waiting)]), ...started.map(failure)])
  } catch (error) {
    late.abort()
    const ended = error instanceof QuorateError && error.code === 'ProcessEnded'
    if (signal.aborted || (ended && launched.created)) await withClusterLock(context, cluster.state.name, () => undo(context, launched))
    if (signal.aborted) throw new QuorateError('Interrupted', 'interrupted; what was started is ended again')
    throw error
  } finally {
    cancel()
    await client.close()
  }
}

/** The Ready condition of a node that died with the whole cluster is as old as its death: its API server tells that it is back. */
async function untilServing(context: LocalContext, cluster: LocalCluster, controlPlane: ControlPlane, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await serves(cluster, controlPlane))) await context.clock.sleep(servingPollMs, signal).catch(() => undefined)
}

/** A process that was killed just before this command may still have been there when it looked. */
async function startDying(context: LocalContext, { cluster, started }: Launched, signal: AbortSignal): Promise<void> {
  const own = new Set(started.map(({ name }) => name))
  await context.clock.sleep(dyingMs, signal).catch(() => undefined)
  if (signal.aborted || own.size === 0) return
  await startMissing(context, cluster, ({ name }) => own.add(name), { except: own })
}

/** Rejects when the process ends. */
async function failure({ name, ended }: StartedProcess): Promise<never> {
  throw new QuorateError('ProcessEnded', `${name} has ended: ${await ended}`)
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
  options.progress.done('Certificates, kubeconfigs and manifests are written')
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

async function undo(context: LocalContext, { cluster, created, started }: Launched): Promise<void> {
  await Promise.all(started.map(({ name }) => cluster.processes.kill(name)))
  if (created) await deleteFiles(context, cluster)
}
