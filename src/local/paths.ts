/** Where the files of a cluster lie: $QUORATE_HOME/clusters/NAME/{cluster.json,kubeconfig,pki,store,run,nodes/NODE}. */
import { join } from 'node:path'

export interface ClusterPaths {
  readonly dir: string
  readonly state: string
  /** The admin's kubeconfig. */
  readonly kubeconfig: string
  /** The authorities, as on a control plane: the source for nodes that are added. */
  readonly pki: string
  /** Data of the store: of the embedded one, or of each external etcd member in a folder of its own. */
  readonly store: string
  /** Records of running processes, their sockets and logs. */
  readonly run: string
  record(process: string): string
  log(process: string): string
  socket(process: string): string
  node(name: string): string
}

export function clustersDirectory(home: string): string {
  return join(home, 'clusters')
}

export function clusterPaths(home: string, name: string): ClusterPaths {
  const dir = join(clustersDirectory(home), name)
  const run = join(dir, 'run')
  return {
    dir,
    run,
    state: join(dir, 'cluster.json'),
    kubeconfig: join(dir, 'kubeconfig'),
    pki: join(dir, 'pki'),
    store: join(dir, 'store'),
    record: (process) => join(run, `${process}.json`),
    log: (process) => join(run, `${process}.log`),
    socket: (process) => join(run, `${process}.sock`),
    node: (node) => join(dir, 'nodes', node),
  }
}
