/**
 * The objects that kubeadm makes in a new cluster so that its credentials and nodes work: who its administrators are, and how a
 * machine joins. Names and rules are kubeadm's.
 */
import { stringify } from 'yaml'
import type { UnknownObject } from '../../api/object.js'

const rbac = 'rbac.authorization.k8s.io'
export const bootstrappers = 'system:bootstrappers:kubeadm:default-node-token'

export interface JoinOptions {
  readonly serverUrl: string
  readonly caPem: string
}

export interface BootstrapOptions extends JoinOptions {
  /** The KubeletConfiguration of the nodes, as text. */
  readonly kubeletConfig: string
}

export function bootstrapObjects({ serverUrl, caPem, kubeletConfig }: BootstrapOptions): UnknownObject[] {
  return [
    adminBinding(),
    ...published('kubeadm:kubelet-config', {
      object: { ...head('v1', 'ConfigMap', 'kubelet-config', 'kube-system'), data: { kubelet: kubeletConfig } },
      to: [group('system:nodes'), group(bootstrappers)],
    }),
    ...bootstrapTokenObjects({ serverUrl, caPem }),
  ]
}

/** Who has the certificate of `admin.conf` is an administrator. */
export function adminBinding(): UnknownObject {
  return clusterBinding('kubeadm:cluster-admins', 'cluster-admin', group('kubeadm:cluster-admins'))
}

/** By these a machine with a bootstrap token joins: it finds the API, asks for its certificate, and gets it at once. */
export function bootstrapTokenObjects({ serverUrl, caPem }: JoinOptions): UnknownObject[] {
  const requests = 'system:certificates.k8s.io:certificatesigningrequests'
  return [
    {
      ...head(`${rbac}/v1`, 'ClusterRole', 'kubeadm:get-nodes'),
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }],
    },
    clusterBinding('kubeadm:get-nodes', 'kubeadm:get-nodes', group(bootstrappers)),
    clusterBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', group(bootstrappers)),
    clusterBinding('kubeadm:node-autoapprove-bootstrap', `${requests}:nodeclient`, group(bootstrappers)),
    clusterBinding('kubeadm:node-autoapprove-certificate-rotation', `${requests}:selfnodeclient`, group('system:nodes')),
    ...published('kubeadm:bootstrap-signer-clusterinfo', {
      object: { ...head('v1', 'ConfigMap', 'cluster-info', 'kube-public'), data: { kubeconfig: clusterInfo(serverUrl, caPem) } },
      to: [{ apiGroup: rbac, kind: 'User', name: 'system:anonymous' }],
    }),
  ]
}

export interface Subject {
  readonly apiGroup: string
  readonly kind: 'Group' | 'User'
  readonly name: string
}

export function group(name: string): Subject {
  return { apiGroup: rbac, kind: 'Group', name }
}

export function head(apiVersion: string, kind: string, name: string, namespace?: string): UnknownObject {
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) } }
}

function clusterBinding(name: string, role: string, subject: Subject): UnknownObject {
  return {
    ...head(`${rbac}/v1`, 'ClusterRoleBinding', name),
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [subject],
  }
}

/** A ConfigMap or Secret, and the role by which its readers may get it and nothing else. */
export function published(role: string, { object, to }: { object: UnknownObject; to: readonly Subject[] }): UnknownObject[] {
  const { name, namespace } = object.metadata
  const resource = object.kind === 'Secret' ? 'secrets' : 'configmaps'
  return [
    object,
    {
      ...head(`${rbac}/v1`, 'Role', role, namespace),
      rules: [{ apiGroups: [''], resources: [resource], resourceNames: [name], verbs: ['get'] }],
    },
    {
      ...head(`${rbac}/v1`, 'RoleBinding', role, namespace),
      roleRef: { apiGroup: rbac, kind: 'Role', name: role },
      subjects: to,
    },
  ]
}

/** What a machine that knows nothing but the address may read: where the API is and who signs for it. */
function clusterInfo(server: string, caPem: string): string {
  const cluster = { 'certificate-authority-data': Buffer.from(caPem).toString('base64'), server }
  return stringify({
    apiVersion: 'v1',
    clusters: [{ cluster, name: '' }],
    contexts: null,
    'current-context': '',
    kind: 'Config',
    users: null,
  })
}
