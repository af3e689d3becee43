/** `quorate down`: ends every process of a cluster in order and keeps its data. */
import { type LocalContext, openCluster, withClusterLock } from './context.js'
import { balancerProcess, processNames } from './process-specs.js'

const graceMs = 10_000

/** The names of the processes that ran. */
export async function down(context: LocalContext, name: string): Promise<string[]> {
  return withClusterLock(context, name, async () => {
    const { state, processes } = openCluster(context, name)
    const stopped: string[] = []
    const stop = async (process: string) => {
      if (await processes.stop(process, graceMs)) stopped.push(process)
    }
    const nodes = new Set(state.controlPlanes.map((controlPlane) => controlPlane.name))
    const all = processNames(state)
    // The nodes write their last (released leases) through what is stopped after them.
    await Promise.all(all.filter((each) => nodes.has(each)).map(stop))
    await stop(balancerProcess)
    await Promise.all(all.filter((each) => !nodes.has(each) && each !== balancerProcess).map(stop))
    return stopped
  })
}
