/** The objects of the cluster's DNS in kube-system, as kubeadm makes them; only the image is Quorate's own. */
import type { UnknownObject } from '../api/object.js'
import { parseCidr, formatIp } from '../api/ip.js'
import { QuorateError } from '../base/errors.js'

export interface DnsManifestOptions {
  /** --service-cluster-ip-range; of two families the first decides the Service's address. */
  readonly serviceSubnet: string
  /** "cluster.local" */
  readonly dnsDomain: string
  /** Of the image quorate/coredns. */
  readonly tag: string
  readonly replicas?: number
}

const namespace = 'kube-system'
const labels = { 'k8s-app': 'kube-dns' }
/** Of the service network's addresses. */
const dnsAddress = 10n

/** In the order in which they are to be made. */
export function dnsManifests(options: DnsManifestOptions): UnknownObject[] {
  return [serviceAccount(), clusterRole(), clusterRoleBinding(), configMap(options), service(options), deployment(options)]
}

/** The tenth address of the service network. Throws QuorateError when it has not so many. */
export function dnsServiceIp(serviceSubnet: string): string {
  const cidr = parseCidr(serviceSubnet.split(',')[0]?.trim() ?? '')
  if (!cidr) throw new QuorateError('BadSubnet', `the service subnet ${JSON.stringify(serviceSubnet)} is no CIDR`)
  const value = cidr.first + dnsAddress
  if (value > cidr.last) throw new QuorateError('BadSubnet', `the service subnet ${serviceSubnet} has no tenth address for the DNS service`)
  return formatIp({ family: cidr.family, value })
}

export function corefile(dnsDomain: string): string {
  return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${dnsDomain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${dnsDomain}
       disable denial ${dnsDomain}
    }
    loop
    reload
    loadbalance
}
`
}

function serviceAccount(): UnknownObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'coredns', namespace } }
}

function clusterRole(): UnknownObject {
  const read = (group: string, resources: readonly string[]) => ({ apiGroups: [group], resources, verbs: ['list', 'watch'] })
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'system:coredns' },
    rules: [read('', ['endpoints', 'services', 'pods', 'namespaces']), read('discovery.k8s.io', ['endpointslices'])],
  }
}

function clusterRoleBinding(): UnknownObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'system:coredns' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' },
    subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace }],
  }
}

function configMap({ dnsDomain }: DnsManifestOptions): UnknownObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'coredns', namespace }, data: { Corefile: corefile(dnsDomain) } }
}

function service({ serviceSubnet }: DnsManifestOptions): UnknownObject {
  const port = (name: string, number: number, protocol: string) => ({ name, port: number, protocol, targetPort: number })
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace,
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
      labels: { ...labels, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      clusterIP: dnsServiceIp(serviceSubnet),
      ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53, 'TCP'), port('metrics', 9153, 'TCP')],
      selector: labels,
    },
  }
}

function deployment({ tag, replicas = 2 }: DnsManifestOptions): UnknownObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace, labels },
    spec: {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(tag) },
    },
  }
}

function podSpec(tag: string) {
  return {
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [apart] } },
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [container(tag)],
    // The node's own servers: the cluster's would be this pod itself.
    dnsPolicy: 'Default',
    volumes: [{ name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } }],
  }
}

/** Two replicas on one node die together. */
const apart = {
  weight: 100,
  podAffinityTerm: {
    labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] },
    topologyKey: 'kubernetes.io/hostname',
  },
}

function container(tag: string) {
  const port = (name: string, containerPort: number, protocol: string) => ({ name, containerPort, protocol })
  return {
    name: 'coredns',
    image: `quorate/coredns:${tag}`,
    imagePullPolicy: 'IfNotPresent',
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
    ports: [
      port('dns', 53, 'UDP'),
      port('dns-tcp', 53, 'TCP'),
      port('metrics', 9153, 'TCP'),
      port('liveness-probe', 8080, 'TCP'),
      port('readiness-probe', 8181, 'TCP'),
    ],
    livenessProbe: {
      httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' },
      initialDelaySeconds: 60,
      timeoutSeconds: 5,
      successThreshold: 1,
      failureThreshold: 5,
    },
    readinessProbe: { httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  }
}
