/** A cluster of this process on the network: HTTPS on the loopback address, and a kubeconfig for its administrator. */
import { ClientCertificates } from '../apiserver/http/certificate.js'
import { listen } from '../apiserver/http/listen.js'
import type { ApiServer } from '../apiserver/server.js'
import { createLeaf, type KeyPair } from '../pki/certificates.js'
import { createKubeconfig, kubeconfigText } from '../pki/kubeconfig.js'

export interface ServedCluster {
  readonly url: string
  /** Text of a kubeconfig whose user is a member of system:masters. It holds a private key. */
  readonly kubeconfig: string
  close(): Promise<void>
}

const maxRequestBytes = 3 * 2 ** 20
const host = '127.0.0.1'

export async function serve(server: ApiServer, ca: KeyPair, port: number, nowMs: number): Promise<ServedCluster> {
  const names = { dnsNames: ['localhost', 'kubernetes.default.svc'], ipAddresses: [host] }
  const leaf = await createLeaf(ca, { commonName: 'kube-apiserver', usages: ['server'], ...names, nowMs })
  const listening = await listen({
    ...{ host, port, maxRequestBytes, ...leaf },
    clientCertificates: new ClientCertificates({ users: ca.cert }),
    handle: (request, responder) => server.handle(request, responder),
  })
  const url = `https://${host}:${listening.port}`
  const config = await createKubeconfig({ ca, server: url, user: 'kubernetes-admin', groups: ['system:masters'], nowMs })
  return { url, kubeconfig: kubeconfigText(config), close: () => listening.close(0) }
}
