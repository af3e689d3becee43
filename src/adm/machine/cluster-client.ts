/** The cluster as an administrator of this machine sees it: by a kubeconfig that lies here. */
import { silentLogger } from '../../base/logger.js'
import { realClock } from '../../base/real-clock.js'
import { realRandom } from '../../base/random.js'
import { QuorateError } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { connectKubeconfig } from '../../node/components/kubeconfig-client.js'
import type { NodeFiles } from './node-files.js'

/** The first of these files that is there. Throws QuorateError KubeconfigMissing. */
export function clusterClient(files: NodeFiles, paths: readonly string[]): Client {
  const path = paths.find((each) => files.exists(each))
  if (path === undefined)
    throw new QuorateError('KubeconfigMissing', `there is no kubeconfig ${paths.join(' or ')}`, {
      remedy: 'Run this on a control plane, or name a kubeconfig by --kubeconfig.',
    })
  const deps = { clock: realClock(), random: realRandom(), logger: silentLogger, resolvePath: (file: string) => file }
  return connectKubeconfig(files.locate(path), deps, { userAgent: 'quorate' })
}
