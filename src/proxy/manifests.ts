/** The objects of kube-proxy in a cluster, kubeadm's field for field: who it is, its configuration, where it runs. */
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import { accountKubeconfig } from '../pki/kubeconfig.js'
import type { DaemonSet } from '../api/types/apps-v1.js'
import type { ConfigMap, ServiceAccount } from '../api/types/core-v1.js'
import type { ClusterRoleBinding, Role, RoleBinding } from '../api/types/rbac-v1.js'

export interface KubeProxyManifestOptions {
  readonly image: string
  /** The API server as nodes reach it without Services: "https://api.example.internal:6443". */
  readonly server: string
  /** Of pods; both families separated by a comma; '' when it is not known. */
  readonly clusterCidr: string
  /** Fields of a KubeProxyConfiguration that take the place of kubeadm's. */
  readonly config?: Readonly<Record<string, unknown>>
}

const name = 'kube-proxy'
const namespace = 'kube-system'
const rbac = 'rbac.authorization.k8s.io'
const labels = { 'k8s-app': name }
const configDir = '/var/lib/kube-proxy'
/** Nodes that join may read the configuration before they are nodes. */
const bootstrappers = 'system:bootstrappers:kubeadm:default-node-token'

export type KubeProxyManifests = readonly [ServiceAccount, ClusterRoleBinding, Role, RoleBinding, ConfigMap, DaemonSet]

export function kubeProxyManifests(options: KubeProxyManifestOptions): KubeProxyManifests {
  const head = { name, namespace }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: head },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'kubeadm:node-proxier' } },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:node-proxier' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'Role', metadata: head },
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [name], verbs: ['get'] }],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: head },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ apiGroup: rbac, kind: 'Group', name: bootstrappers }],
    },
    configMap(options),
    daemonSet(options.image),
  ]
}

function configMap({ server, clusterCidr, config }: KubeProxyManifestOptions): ConfigMap {
  const data = { 'config.conf': yaml({ ...configuration(clusterCidr), ...config }), 'kubeconfig.conf': yaml(accountKubeconfig(server)) }
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: {
      ...{ name, namespace, labels: { app: name } },
      // By which kubeadm tells a configuration that it made from one that somebody wrote: over the values in the order of their keys.
      annotations: { 'kubeadm.kubernetes.io/component-config.hash': `sha256:${sha256(Object.values(data).join(''))}` },
    },
    data,
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Everything that is left to kube-proxy's own defaults is there, as kubeadm writes it: empty, zero or null. */
function configuration(clusterCIDR: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    bindAddress: '0.0.0.0',
    bindAddressHardFail: false,
    clientConnection: { acceptContentTypes: '', burst: 0, contentType: '', kubeconfig: `${configDir}/kubeconfig.conf`, qps: 0 },
    clusterCIDR,
    configSyncPeriod: '0s',
    conntrack: {
      ...{ maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null },
      ...{ udpStreamTimeout: '0s', udpTimeout: '0s' },
    },
    detectLocal: { bridgeInterface: '', interfaceNamePrefix: '' },
    detectLocalMode: '',
    enableProfiling: false,
    healthzBindAddress: '',
    hostnameOverride: '',
    iptables: { localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: '0s', syncPeriod: '0s' },
    ipvs: {
      ...{ excludeCIDRs: null, minSyncPeriod: '0s', scheduler: '', strictARP: false, syncPeriod: '0s' },
      ...{ tcpFinTimeout: '0s', tcpTimeout: '0s', udpTimeout: '0s' },
    },
    kind: 'KubeProxyConfiguration',
    logging: { flushFrequency: 0, options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } }, verbosity: 0 },
    metricsBindAddress: '',
    mode: '',
    nftables: { masqueradeAll: false, masqueradeBit: null, minSyncPeriod: '0s', syncPeriod: '0s' },
    nodePortAddresses: null,
    oomScoreAdj: null,
    portRange: '',
    showHiddenMetricsForVersion: '',
    winkernel: { enableDSR: false, forwardHealthCheckVip: false, networkName: '', rootHnsEndpointName: '', sourceVip: '' },
  }
}

function daemonSet(image: string): DaemonSet {
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
          hostNetwork: true,
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          priorityClassName: 'system-node-critical',
          serviceAccountName: name,
          // Pods on every node need Services, whatever the node is for.
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              ...{ name, image, imagePullPolicy: 'IfNotPresent', resources: {} },
              command: ['/usr/local/bin/kube-proxy', `--config=${configDir}/config.conf`, '--hostname-override=$(NODE_NAME)'],
              env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              securityContext: { privileged: true },
              volumeMounts: [
                { name, mountPath: configDir },
                { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
                { name: 'lib-modules', mountPath: '/lib/modules', readOnly: true },
              ],
            },
          ],
          volumes: [
            { name, configMap: { name } },
            { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
            { name: 'lib-modules', hostPath: { path: '/lib/modules' } },
          ],
        },
      },
    },
  }
}

/** As kubeadm's: lists not indented, no line's end at the end. */
function yaml(value: unknown): string {
  return stringify(value, { indentSeq: false, lineWidth: 0 }).trimEnd()
}
