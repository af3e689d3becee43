/** `quorate list`: every cluster below the home, and whether it runs. Asks no API. */
import { type ClusterState, listClusterNames } from './cluster-state.js'
import { type LocalContext, openCluster } from './context.js'
import { apiUrl } from './credentials.js'
import { processNames } from './process-specs.js'

export interface ListedCluster {
  readonly name: string
  readonly state: 'Running' | 'Degraded' | 'Down'
  readonly controlPlanes: number
  readonly workers: number
  readonly store: ClusterState['store']
  readonly server: string
}

export function listClusters(context: LocalContext): ListedCluster[] {
  return listClusterNames(context.home).map((name) => {
    const { state, processes } = openCluster(context, name)
    const all = processNames(state)
    const running = all.filter((process) => processes.running(process)).length
    return {
      name,
      state: running === 0 ? 'Down' : running === all.length ? 'Running' : 'Degraded',
      controlPlanes: state.controlPlanes.length,
      workers: state.workers.length,
      store: state.store,
      server: apiUrl(state),
    }
  })
}
