/** `quorate delete`: ends every process of a cluster and removes its files and its kubeconfig context. */
import { type LocalCluster, type LocalContext, openCluster, withClusterLock } from './context.js'
import { contextName } from './credentials.js'
import { remove } from '../base/node/files.js'
import { removeContext } from './kubeconfig-merge.js'
import { processNames } from './process-specs.js'

export async function deleteCluster(context: LocalContext, name: string): Promise<void> {
  await withClusterLock(context, name, async () => {
    const cluster = openCluster(context, name)
    await Promise.all(processNames(cluster.state).map((process) => cluster.processes.kill(process)))
    await deleteFiles(context, cluster)
  })
}

/** Of a cluster that does not run. */
export async function deleteFiles({ clock, platform }: LocalContext, { state, paths }: LocalCluster): Promise<void> {
  // A socket whose path would be too long lies elsewhere.
  for (const process of processNames(state)) {
    const socket = platform.socketAddress(paths.socket(process))
    if (!socket.startsWith('\\\\')) remove(socket)
  }
  for (const file of state.mergedInto) await removeContext(file, contextName(state.name), clock)
  remove(paths.dir)
}
