/** A client for what runs in a pod: as the pod's service account, at the address that its environment names. */
import { readFileSync } from 'node:fs'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { patientTransport } from '../../client/patient-transport.js'
import { restClient } from '../../client/rest-client.js'
import type { HostedDeps } from './component.js'
import { accessTransport, userAgentOf } from './kubeconfig-client.js'

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

export function connectInCluster(deps: HostedDeps, userAgent: string): Client {
  const { env = process.env, resolvePath, clock } = deps
  const [host, port] = [env.KUBERNETES_SERVICE_HOST, env.KUBERNETES_SERVICE_PORT]
  if (!host || !port)
    throw new QuorateError(
      'NotInCluster',
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
      { remedy: 'Outside of a pod, give --kubeconfig.' },
    )
  const access = {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: read(resolvePath(`${serviceAccount}/ca.crt`)),
    tokenFile: resolvePath(`${serviceAccount}/token`),
    insecureSkipVerify: false,
    headers: {},
  }
  return restClient(patientTransport(accessTransport(access, deps), { clock }), { userAgent: userAgentOf(userAgent) })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `unable to load in-cluster configuration: ${messageOf(error)}`, { cause: error })
  }
}
