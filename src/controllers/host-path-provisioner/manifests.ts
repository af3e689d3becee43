import type { KubeObject } from '../../api/object.js'
import { provisionerName } from './objects.js'

/** What a cluster needs for the provisioner: its account and rights, its Deployment, and the default StorageClass. */
export interface HostPathManifestOptions {
  readonly image: string
  readonly helperImage: string
  /** On each node. */
  readonly path: string
  /** Default "standard". */
  readonly storageClass?: string
}

const name = 'host-path-provisioner'
const namespace = 'kube-system'
const labels = { 'k8s-app': name }

export function hostPathManifests({ image, helperImage, path, storageClass = 'standard' }: HostPathManifestOptions): KubeObject[] {
  const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]) => ({ apiGroups: [apiGroup], resources, verbs })
  const read = ['get', 'list', 'watch']
  const objects: (KubeObject & Readonly<Record<string, unknown>>)[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: `system:${name}` },
      rules: [
        rule('', ['nodes', 'persistentvolumeclaims'], read),
        rule('', ['persistentvolumes'], [...read, 'create', 'delete', 'patch', 'update']),
        rule('', ['events'], ['create', 'patch', 'update']),
        rule('events.k8s.io', ['events'], ['create', 'patch', 'update']),
        rule('storage.k8s.io', ['storageclasses'], read),
      ],
    },
    binding('ClusterRoleBinding', 'ClusterRole'),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: `system:${name}`, namespace },
      rules: [
        rule('', ['pods'], [...read, 'create', 'delete']),
        rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update', 'patch']),
      ],
    },
    binding('RoleBinding', 'Role'),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            priorityClassName: 'system-cluster-critical',
            tolerations: [
              { key: 'CriticalAddonsOnly', operator: 'Exists' },
              { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
            ],
            containers: [
              {
                name,
                image,
                imagePullPolicy: 'IfNotPresent',
                args: [`--helper-image=${helperImage}`, `--path=${path}`, '--leader-elect=true'],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: provisionerName,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
  ]
  return objects

  function binding(kind: string, role: string) {
    return {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind,
      metadata: { name: `system:${name}`, ...(kind === 'RoleBinding' ? { namespace } : {}) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role, name: `system:${name}` },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    }
  }
}
