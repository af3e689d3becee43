/** The files of the fleet, the process of all simulated workers. */
import { join } from 'node:path'
import type { ClusterState } from './cluster-state.js'
import { writeFileWhole } from '../base/node/files.js'
import type { ClusterPaths } from './paths.js'

export interface FleetFiles {
  readonly kubeconfig: string
  /** The certificate of the kubelet server that answers for every worker. */
  readonly cert: string
  readonly key: string
  /** Its nodes. */
  readonly nodes: string
}

export function fleetFiles({ pki, run }: ClusterPaths): FleetFiles {
  return {
    kubeconfig: join(pki, 'fleet.conf'),
    cert: join(pki, 'fleet.crt'),
    key: join(pki, 'fleet.key'),
    nodes: join(run, 'fleet-nodes.json'),
  }
}

/** The fleet follows this file while it runs. */
export function writeFleetNodes({ state, paths }: { state: ClusterState; paths: ClusterPaths }): void {
  const nodes = state.workers.map(({ name, address, stopped }) => ({ name, ip: address, ...(stopped ? { stopped } : {}) }))
  writeFileWhole(fleetFiles(paths).nodes, `${JSON.stringify({ nodes })}\n`)
}
