/** The objects of the pod network in a cluster: who it is, what it may do, how it reaches the API server, where it runs. */
import { stringify } from 'yaml'
import { accountKubeconfig } from '../pki/kubeconfig.js'
import type { ConfigMap, ServiceAccount } from '../api/types/core-v1.js'
import type { DaemonSet } from '../api/types/apps-v1.js'
import type { ClusterRole, ClusterRoleBinding } from '../api/types/rbac-v1.js'
import type { Backend } from './routes/plan.js'

export interface NetworkManifestOptions {
  readonly image: string
  /** The API server as nodes reach it without Services: "https://api.example.internal:6443". */
  readonly server: string
  readonly backend?: Backend
  readonly mtu?: number
  /** What the file system of a host is to the container; a native image sees it as it is. */
  readonly cniConfDir?: string
}

const name = 'quorate-network'
const namespace = 'kube-system'
const clusterRole = 'system:quorate-network'
const labels = { 'k8s-app': name }
const configDir = '/var/lib/quorate-network'

export type NetworkManifests = readonly [ServiceAccount, ClusterRole, ClusterRoleBinding, ConfigMap, DaemonSet]

export function networkManifests(options: NetworkManifestOptions): NetworkManifests {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: clusterRole },
      rules: [
        { apiGroups: [''], resources: ['nodes', 'pods', 'namespaces'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: clusterRole },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterRole },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
      data: { 'kubeconfig.conf': stringify(accountKubeconfig(options.server), { indentSeq: false }) },
    },
    daemonSet(options),
  ]
}

function daemonSet({ image, backend = 'auto', mtu = 0, cniConfDir = '/etc/cni/net.d' }: NetworkManifestOptions): DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate' },
      template: {
        metadata: { labels },
        spec: {
          // It makes the network that other pods wait for, also where nothing else may run yet.
          hostNetwork: true,
          priorityClassName: 'system-node-critical',
          serviceAccountName: name,
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              name: 'network',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: [
                'network',
                `--kubeconfig=${configDir}/kubeconfig.conf`,
                '--hostname-override=$(NODE_NAME)',
                `--backend=${backend}`,
                `--mtu=${mtu}`,
                `--cni-conf-dir=${cniConfDir}`,
              ],
              env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              securityContext: { privileged: true },
              resources: { requests: { cpu: '50m', memory: '80Mi' } },
              livenessProbe: { httpGet: { host: '127.0.0.1', path: '/livez', port: 10264, scheme: 'HTTP' }, failureThreshold: 5 },
              readinessProbe: { httpGet: { host: '127.0.0.1', path: '/readyz', port: 10264, scheme: 'HTTP' } },
              volumeMounts: [
                { name: 'config', mountPath: configDir },
                { name: 'cni', mountPath: cniConfDir },
                { name: 'lib-modules', mountPath: '/lib/modules', readOnly: true },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name } },
            { name: 'cni', hostPath: { path: cniConfDir, type: 'DirectoryOrCreate' } },
            { name: 'lib-modules', hostPath: { path: '/lib/modules' } },
          ],
        },
      },
    },
  }
}
