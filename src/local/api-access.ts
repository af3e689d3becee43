/** The cluster's API as the commands see it: through the load balancer, as the super-admin that needs no binding to exist. */
import { join } from 'node:path'
import { silentLogger } from '../base/logger.js'
import { realRandom } from '../base/random.js'
import type { Client } from '../client/client.js'
import { connectKubeconfig } from '../node/components/kubeconfig-client.js'
import type { LocalCluster, LocalContext } from './context.js'

export function connectAsSuperAdmin({ clock }: LocalContext, { state, paths }: LocalCluster): Client {
  const [first] = state.controlPlanes
  const file = join(paths.node(first?.name ?? ''), 'etc/kubernetes/super-admin.conf')
  const deps = { clock, random: realRandom(), logger: silentLogger, resolvePath: (path: string) => path }
  return connectKubeconfig(file, deps, { userAgent: 'quorate' })
}
