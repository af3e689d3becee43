/** The kubeconfig files of a control plane: names, users and groups as kubeadm has them. */
import { X509Certificate } from 'node:crypto'
import { parse } from 'yaml'
import { parseDurationMs } from '../../base/duration.js'
import { QuorateError } from '../../base/errors.js'
import { hostPort } from '../../node/static-pods/control-plane.js'
import { createKubeconfig, type Kubeconfig, kubeconfigText } from '../../pki/kubeconfig.js'
import type { CertificateDirectory, Outcome } from '../certs/directory.js'
import { hostOf } from '../certs/specs.js'
import { defaultBindPort } from '../config/defaults.js'
import type { ApiEndpoint, ClusterConfiguration } from '../config/types.js'
import type { NodeFiles } from '../machine/node-files.js'

export interface KubeconfigOwner {
  readonly cluster: ClusterConfiguration
  readonly nodeName: string
  readonly endpoint: ApiEndpoint
  readonly nowMs: number
}

export type KubeconfigName = 'admin' | 'super-admin' | 'kubelet' | 'controller-manager' | 'scheduler'

export const kubeconfigDirectory = '/etc/kubernetes'

interface Spec {
  readonly user: string
  readonly groups?: readonly string[]
  /** `endpoint`: what stays when control planes go; `local`: this control plane's own API server. */
  readonly server: 'endpoint' | 'local'
  readonly purpose: string
}

function specOf(name: KubeconfigName, nodeName: string): Spec {
  switch (name) {
    case 'admin':
      return { user: 'kubernetes-admin', groups: ['kubeadm:cluster-admins'], server: 'endpoint', purpose: 'the admin' }
    case 'super-admin':
      return { user: 'kubernetes-super-admin', groups: ['system:masters'], server: 'endpoint', purpose: 'the super-admin' }
    case 'kubelet':
      return { user: `system:node:${nodeName}`, groups: ['system:nodes'], server: 'local', purpose: 'the kubelet' }
    case 'controller-manager':
      return { user: 'system:kube-controller-manager', server: 'local', purpose: 'the controller manager' }
    case 'scheduler':
      return { user: 'system:kube-scheduler', server: 'local', purpose: 'the scheduler' }
  }
}

/** Where everybody reaches the API: the endpoint that was chosen, or the API server itself. */
export function clusterUrl({ controlPlaneEndpoint }: ClusterConfiguration, endpoint: ApiEndpoint): string {
  if (!controlPlaneEndpoint) return localUrl(endpoint)
  const host = hostOf(controlPlaneEndpoint)
  const port = /:(\d+)$/.exec(controlPlaneEndpoint.slice(host.length))?.[1]
  return `https://${hostPort(host, Number(port ?? defaultBindPort))}`
}

export function localUrl({ advertiseAddress, bindPort }: ApiEndpoint): string {
  return `https://${hostPort(advertiseAddress, bindPort)}`
}

export function kubeconfigPath(name: KubeconfigName): string {
  return `${kubeconfigDirectory}/${name}.conf`
}

/** Makes the file, or keeps one that is there when it belongs to this cluster. */
export async function ensureKubeconfig(
  name: KubeconfigName,
  { owner, certificates, files }: { owner: KubeconfigOwner; certificates: CertificateDirectory; files: NodeFiles },
): Promise<Outcome> {
  const path = kubeconfigPath(name)
  const existing = files.read(path)
  const server = serverOf(name, owner)
  if (existing !== undefined) {
    assertSameCluster(path, existing, { server, ca: certificates.certificateOf('ca') })
    return 'kept'
  }
  files.write(path, kubeconfigText(await makeKubeconfig(name, owner, certificates)))
  return 'made'
}

export async function makeKubeconfig(
  name: KubeconfigName,
  owner: KubeconfigOwner,
  certificates: CertificateDirectory,
): Promise<Kubeconfig> {
  const { cluster, nodeName, nowMs } = owner
  const { user, groups = [] } = specOf(name, nodeName)
  return createKubeconfig({
    ...{ ca: certificates.authority('ca'), server: serverOf(name, owner), user, groups, nowMs },
    ...{ clusterName: cluster.clusterName, algorithm: cluster.encryptionAlgorithm },
    days: (parseDurationMs(cluster.certificateValidityPeriod) ?? 0) / (24 * 3600 * 1000),
  })
}

function serverOf(name: KubeconfigName, { cluster, nodeName, endpoint }: KubeconfigOwner): string {
  return specOf(name, nodeName).server === 'endpoint' ? clusterUrl(cluster, endpoint) : localUrl(endpoint)
}

function assertSameCluster(path: string, text: string, wanted: { server: string; ca: X509Certificate | undefined }): void {
  const refuse = (why: string) =>
    new QuorateError('KubeconfigUnusable', `the kubeconfig file ${path} exists already but ${why}`, {
      remedy: 'Remove the file to have it made anew.',
    })
  let config: Kubeconfig
  try {
    config = parse(text) as Kubeconfig
  } catch {
    throw refuse('is not YAML')
  }
  const context = config?.contexts?.find(({ name }) => name === config['current-context'])?.context
  const cluster = config?.clusters?.find(({ name }) => name === context?.cluster)?.cluster
  if (!cluster) throw refuse('has no current context with a cluster')
  const ca = Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64')
  if (wanted.ca && !isSame(ca, wanted.ca)) throw refuse('has got the wrong CA cert')
  if (cluster.server !== wanted.server) throw refuse(`has the API server URL ${cluster.server} instead of ${wanted.server}`)
}

function isSame(pem: Buffer, certificate: X509Certificate): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 === certificate.fingerprint256
  } catch {
    return false
  }
}
