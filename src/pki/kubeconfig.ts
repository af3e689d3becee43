/** Kubeconfig files with a client certificate inside, named as kubeadm names clusters, users and contexts. */
import { stringify } from 'yaml'
import { createLeaf, type KeyAlgorithm, type KeyPair } from './certificates.js'

const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface Kubeconfig {
  readonly apiVersion: 'v1'
  readonly kind: 'Config'
  readonly clusters: readonly { name: string; cluster: { server: string; 'certificate-authority-data': string } }[]
  readonly users: readonly { name: string; user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  readonly contexts: readonly { name: string; context: { cluster: string; user: string } }[]
  readonly 'current-context': string
}

export interface KubeconfigOptions {
  readonly ca: KeyPair
  readonly server: string
  /** The certificate's common name: the user that the API server sees. */
  readonly user: string
  /** The certificate's organizations: the user's groups. */
  readonly groups?: readonly string[]
  /** Default `kubernetes`. */
  readonly clusterName?: string
  /** Names of the context and of the user's entry; default USER@CLUSTER and USER. */
  readonly contextName?: string
  readonly userName?: string
  readonly nowMs: number
  readonly algorithm?: KeyAlgorithm
  /** Of the certificate; default a year. */
  readonly days?: number
}

export async function createKubeconfig(options: KubeconfigOptions): Promise<Kubeconfig> {
  const { ca, server, user, groups = [], nowMs, algorithm, days } = options
  const cluster = options.clusterName ?? 'kubernetes'
  const userName = options.userName ?? user
  const context = options.contextName ?? `${userName}@${cluster}`
  const leaf = await createLeaf(ca, {
    ...{ commonName: user, organizations: groups, usages: ['client'], nowMs },
    ...(algorithm ? { algorithm } : {}),
    ...(days ? { days } : {}),
  })
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca.cert) } }],
    users: [{ name: userName, user: { 'client-certificate-data': base64(leaf.cert), 'client-key-data': base64(leaf.key) } }],
    contexts: [{ name: context, context: { cluster, user: userName } }],
    'current-context': context,
  }
}

/** Of a pod's own account, by the files that its kubelet renews: what kube-proxy and its like reach the API with. */
export function accountKubeconfig(server: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ cluster: { 'certificate-authority': `${accountDirectory}/ca.crt`, server }, name: 'default' }],
    contexts: [{ context: { cluster: 'default', namespace: 'default', user: 'default' }, name: 'default' }],
    'current-context': 'default',
    users: [{ name: 'default', user: { tokenFile: `${accountDirectory}/token` } }],
  }
}

export function kubeconfigText(config: Kubeconfig): string {
  return stringify(config, { lineWidth: 0 })
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
