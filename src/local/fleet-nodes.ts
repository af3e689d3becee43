/** The list of simulated workers that the fleet reads; it follows the file. */
import { join } from 'node:path'
import type { LocalCluster, LocalContext } from './context.js'
import { writeFileWhole } from './files.js'
import type { ClusterPaths } from './paths.js'

export function fleetNodesFile({ run }: ClusterPaths): string {
  return join(run, 'fleet-nodes.json')
}

export async function tellFleet(_context: LocalContext, { state, paths }: LocalCluster): Promise<void> {
  const nodes = state.workers.map(({ name, address, stopped }) => ({ name, ip: address, ...(stopped ? { stopped } : {}) }))
  writeFileWhole(fleetNodesFile(paths), `${JSON.stringify({ nodes })}\n`)
}
