/**
 * The file system that a node of a cluster on this machine sees. The directories that belong to a node lie under its own root;
 * /run/quorate is what the nodes of a cluster share; every other path is the machine's.
 */
import { join } from 'node:path'

export interface NodeRoot {
  /** The node's own directory. */
  readonly dir: string
  /** Files of /run/quorate, by name: where they really are. */
  readonly shared: Readonly<Record<string, string>>
}

const own = ['/etc/kubernetes', '/var', '/run', '/opt/cni', '/etc/cni']
const sharedPrefix = '/run/quorate/'

/** HostedDeps.resolvePath */
export function resolveOnNode({ dir, shared }: NodeRoot): (path: string) => string {
  return (path) => {
    if (path.startsWith(dir)) return path
    const common = path.startsWith(sharedPrefix) ? shared[path.slice(sharedPrefix.length)] : undefined
    if (common !== undefined) return common
    return own.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ? join(dir, path) : path
  }
}
