/** The kubeconfig by which a machine with a token asks for its own certificate: `bootstrap-kubelet.conf`. */
import { stringify } from 'yaml'
import type { FoundCluster } from '../discovery/discovery.js'

const user = 'tls-bootstrap-token-user'

export function bootstrapKubeconfigText({ server, caPem }: FoundCluster, token: string, clusterName = 'kubernetes'): string {
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: clusterName, cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: `${user}@${clusterName}`, context: { cluster: clusterName, user } }],
      'current-context': `${user}@${clusterName}`,
    },
    { lineWidth: 0 },
  )
}
