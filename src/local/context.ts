/** What the commands of clusters on this machine are given; a test gives its own. */
import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import { type ClusterState, checkClusterName, listClusterNames, readState } from './cluster-state.js'
import { createExclusively, makeDirectory, readIfPresent, remove } from '../base/node/files.js'
import { type ClusterPaths, clusterPaths, clustersDirectory } from './paths.js'
import type { Platform } from './platform.js'
import { ProcessTable } from './process-table.js'

export interface LocalContext {
  /** $QUORATE_HOME */
  readonly home: string
  readonly platform: Platform
  readonly clock: Clock
  /** How this package is run: Node and the entry of the command. */
  readonly launcher: { readonly node: string; readonly entry: string }
  /** $KUBECONFIG */
  readonly kubeconfigVariable: string | undefined
}

/** A cluster that exists. */
export interface LocalCluster {
  readonly state: ClusterState
  readonly paths: ClusterPaths
  readonly processes: ProcessTable
}

export function processesOf(context: LocalContext, paths: ClusterPaths): ProcessTable {
  return new ProcessTable(paths, context.platform, context.clock)
}

/** undefined when there is none of this name. */
export function findCluster(context: LocalContext, name: string): LocalCluster | undefined {
  checkClusterName(name)
  const paths = clusterPaths(context.home, name)
  const state = readState(paths)
  return state && { state, paths, processes: processesOf(context, paths) }
}

/** Throws QuorateError when there is none of this name. */
export function openCluster(context: LocalContext, name: string): LocalCluster {
  const cluster = findCluster(context, name)
  if (cluster) return cluster
  const others = listClusterNames(context.home)
  throw new QuorateError('ClusterUnknown', `there is no cluster ${name}`, {
    remedy:
      others.length > 0
        ? `There is ${others.join(', ')}. Name one of them, or run \`quorate up ${name}\`.`
        : `Run \`quorate up ${name}\` first.`,
  })
}

export const defaultClusterName = 'default'

/** The cluster that a command without a name means: `default`, or the only one there is. */
export function impliedClusterName(context: LocalContext): string {
  const names = listClusterNames(context.home)
  return names.length === 1 ? (names[0] as string) : defaultClusterName
}

const lockWaitMs = 30_000
const lockPollMs = 50

/** One command at a time changes a cluster. A lock whose holder has died is nobody's. */
export async function withClusterLock<T>({ home, platform, clock }: LocalContext, name: string, act: () => Promise<T>): Promise<T> {
  const file = `${clustersDirectory(home)}/.${name}.lock`
  const me = JSON.stringify({ pid: process.pid, start: platform.startOf(process.pid) ?? '' })
  const deadline = clock.monotonic() + lockWaitMs
  makeDirectory(clustersDirectory(home))
  while (!createExclusively(file, me)) {
    const held = readIfPresent(file)
    if (held !== undefined && !isAlive(held, platform)) {
      remove(file)
      continue
    }
    if (clock.monotonic() > deadline)
      throw new QuorateError('ClusterBusy', `another command is changing the cluster ${name}`, {
        remedy: 'Wait for it to end, then try again.',
      })
    await clock.sleep(lockPollMs)
  }
  try {
    return await act()
  } finally {
    remove(file)
  }
}

function isAlive(held: string, platform: Platform): boolean {
  try {
    const { pid, start } = JSON.parse(held) as { pid: number; start: string }
    return platform.startOf(pid) === start
  } catch {
    return false
  }
}
