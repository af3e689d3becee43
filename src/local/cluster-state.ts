/** cluster.json: what a cluster is made of. It changes only when nodes come or go; what runs is in run/. */
import { readdirSync } from 'node:fs'
import { QuorateError } from '../base/errors.js'
import type { EtcdVersion } from '../node/static-pods/etcd.js'
import { readIfPresent, writeFileWhole } from '../base/node/files.js'
import { type ClusterPaths, clusterPaths, clustersDirectory } from './paths.js'

export const storeKinds = ['embedded', 'stacked', 'external'] as const
export type StoreKind = (typeof storeKinds)[number]

export interface ClusterState {
  readonly version: 1
  readonly name: string
  readonly createdAt: string
  readonly store: StoreKind
  /** Where the load balancer listens. */
  readonly apiPort: number
  /** The first port of the cluster's block; see port-allotment.ts. */
  readonly portBlock: number
  readonly controlPlanes: readonly ControlPlane[]
  readonly workers: readonly Worker[]
  /** Members of an external etcd. */
  readonly etcdMembers: readonly EtcdMember[]
  /** Of the real etcd that the cluster was made with. */
  readonly etcdVersion?: EtcdVersion
  readonly fleetPort: number
  /** The kubeconfigs that the cluster's context was merged into. */
  readonly mergedInto: readonly string[]
}

export interface ControlPlane {
  readonly name: string
  readonly address: string
  readonly ports: ControlPlanePorts
}

export interface ControlPlanePorts {
  readonly apiServer: number
  readonly kubelet: number
  readonly kubeletHealthz: number
  readonly controllerManager: number
  readonly scheduler: number
  readonly etcdClient: number
  readonly etcdPeer: number
  readonly etcdMetrics: number
}

export interface Worker {
  readonly name: string
  readonly address: string
  /** Killed or stopped: its simulated machine is off. */
  readonly stopped?: boolean
}

export interface EtcdMember {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
  readonly metricsPort: number
}

/** A DNS label, short enough that a node's name and a context's name with it stay legal. */
const nameRule = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/

export function checkClusterName(name: string): void {
  if (!nameRule.test(name))
    throw new QuorateError('BadUsage', `${JSON.stringify(name)} is no name for a cluster`, {
      remedy: 'Use at most 40 lower-case letters, digits and hyphens, with a letter or digit at both ends.',
    })
}

export function readState(paths: ClusterPaths): ClusterState | undefined {
  const text = readIfPresent(paths.state)
  if (text === undefined) return undefined
  const damaged = (why: string) =>
    new QuorateError('StateDamaged', `${paths.state} cannot be used: ${why}`, {
      remedy: 'Restore the file, or remove the cluster with `quorate delete`.',
    })
  let state: ClusterState
  try {
    state = JSON.parse(text) as ClusterState
  } catch (error) {
    throw damaged((error as Error).message)
  }
  if (state.version !== 1) throw damaged(`its version is ${JSON.stringify(state.version)}, and this package knows 1`)
  return state
}

export function writeState(paths: ClusterPaths, state: ClusterState): void {
  writeFileWhole(paths.state, `${JSON.stringify(state, null, 2)}\n`, { durable: true })
}

/** Every cluster below a home, by name. */
export function listClusterNames(home: string): string[] {
  try {
    return readdirSync(clustersDirectory(home), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readIfPresent(clusterPaths(home, entry.name).state) !== undefined)
      .map(({ name }) => name)
      .toSorted()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new QuorateError('FileUnreadable', `${clustersDirectory(home)} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** The names of a node: control planes and workers. */
export function nodeNames({ controlPlanes, workers }: ClusterState): string[] {
  return [...controlPlanes, ...workers].map(({ name }) => name)
}
