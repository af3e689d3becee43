/**
 * The static pods of a control plane, as kubeadm writes them: names, labels, flags, probes, priority. What differs is what this
 * machine makes different: ports that several nodes can share one address with, the store's address, and native images.
 */
import { stringify } from 'yaml'
import { kubernetesVersion } from '../node/version.js'
import type { ControlPlane } from './cluster-state.js'

export interface ManifestOptions {
  readonly controlPlane: ControlPlane
  /** --etcd-servers */
  readonly etcdServers: readonly string[]
}

/** Service and pod networks: kubeadm's default and the usual choice beside it. */
export const serviceSubnet = '10.96.0.0/12'
export const serviceIp = '10.96.0.1'
export const podSubnet = '10.128.0.0/9'

const pki = '/etc/kubernetes/pki'

/** File below etc/kubernetes/manifests → its text. */
export function controlPlaneManifests(options: ManifestOptions): Record<string, string> {
  return Object.fromEntries(
    [apiServer(options), controllerManager(options), scheduler(options)].map((pod) => [`${pod.metadata.name}.yaml`, manifestText(pod)]),
  )
}

function apiServer({ controlPlane: { address, ports }, etcdServers }: ManifestOptions): StaticPod {
  const port = ports.apiServer
  const secure = etcdServers.some((server) => server.startsWith('https:'))
  const probe = (path: string) => ({ host: address, path, port: 'probe-port', scheme: 'HTTPS' })
  return staticPod({
    name: 'kube-apiserver',
    version: kubernetesVersion,
    annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${address}:${port}` },
    flags: {
      'advertise-address': address,
      'allow-privileged': 'true',
      'authorization-mode': 'Node,RBAC',
      'bind-address': '127.0.0.1',
      'client-ca-file': `${pki}/ca.crt`,
      'enable-admission-plugins': 'NodeRestriction',
      'enable-bootstrap-token-auth': 'true',
      ...(secure
        ? {
            'etcd-cafile': `${pki}/etcd/ca.crt`,
            'etcd-certfile': `${pki}/apiserver-etcd-client.crt`,
            'etcd-keyfile': `${pki}/apiserver-etcd-client.key`,
          }
        : {}),
      'etcd-servers': etcdServers.join(','),
      'kubelet-client-certificate': `${pki}/apiserver-kubelet-client.crt`,
      'kubelet-client-key': `${pki}/apiserver-kubelet-client.key`,
      'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
      'proxy-client-cert-file': `${pki}/front-proxy-client.crt`,
      'proxy-client-key-file': `${pki}/front-proxy-client.key`,
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-username-headers': 'X-Remote-User',
      'secure-port': String(port),
      'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
      'service-account-key-file': `${pki}/sa.pub`,
      'service-account-signing-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': serviceSubnet,
      'tls-cert-file': `${pki}/apiserver.crt`,
      'tls-private-key-file': `${pki}/apiserver.key`,
    },
    probes: probes({ live: probe('/livez'), ready: probe('/readyz'), startup: probe('/livez') }),
    port,
    requests: { cpu: '250m' },
    volumes: [['k8s-certs', pki, 'DirectoryOrCreate']],
  })
}

function controllerManager({ controlPlane: { ports } }: ManifestOptions): StaticPod {
  const port = ports.controllerManager
  const kubeconfig = '/etc/kubernetes/controller-manager.conf'
  const healthz = { host: '127.0.0.1', path: '/healthz', port: 'probe-port', scheme: 'HTTPS' }
  return staticPod({
    name: 'kube-controller-manager',
    version: kubernetesVersion,
    flags: {
      'allocate-node-cidrs': 'true',
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'bind-address': '127.0.0.1',
      'client-ca-file': `${pki}/ca.crt`,
      'cluster-cidr': podSubnet,
      'cluster-name': 'kubernetes',
      'cluster-signing-cert-file': `${pki}/ca.crt`,
      'cluster-signing-key-file': `${pki}/ca.key`,
      controllers: '*,bootstrapsigner,tokencleaner',
      kubeconfig,
      'leader-elect': 'true',
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
      'root-ca-file': `${pki}/ca.crt`,
      'secure-port': String(port),
      'service-account-private-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': serviceSubnet,
      'use-service-account-credentials': 'true',
    },
    probes: probes({ live: healthz, startup: healthz }),
    port,
    requests: { cpu: '200m' },
    volumes: [
      ['k8s-certs', pki, 'DirectoryOrCreate'],
      ['kubeconfig', kubeconfig, 'FileOrCreate'],
    ],
  })
}

function scheduler({ controlPlane: { ports } }: ManifestOptions): StaticPod {
  const port = ports.scheduler
  const kubeconfig = '/etc/kubernetes/scheduler.conf'
  const probe = (path: string) => ({ host: '127.0.0.1', path, port: 'probe-port', scheme: 'HTTPS' })
  return staticPod({
    name: 'kube-scheduler',
    version: kubernetesVersion,
    flags: {
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'bind-address': '127.0.0.1',
      kubeconfig,
      'leader-elect': 'true',
      'secure-port': String(port),
    },
    probes: probes({ live: probe('/livez'), ready: probe('/readyz'), startup: probe('/livez') }),
    port,
    requests: { cpu: '100m' },
    volumes: [['kubeconfig', kubeconfig, 'FileOrCreate']],
  })
}

export type HostPath = readonly [name: string, path: string, type: 'DirectoryOrCreate' | 'FileOrCreate']

export interface StaticPodOptions {
  readonly name: string
  /** Last part of the image's name: default the pod's. */
  readonly image?: string
  readonly version: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly flags: Readonly<Record<string, string>>
  readonly probes: Readonly<Record<string, unknown>>
  /** Where the probes go. */
  readonly port: number
  readonly requests: Readonly<Record<string, string>>
  readonly volumes: readonly HostPath[]
}

export interface StaticPod {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

export function staticPod(options: StaticPodOptions): StaticPod {
  const { name, image = name, version, annotations, flags, port, requests, volumes } = options
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(annotations ? { annotations } : {}),
      labels: { component: name, tier: 'control-plane' },
      name,
      namespace: 'kube-system',
    },
    spec: {
      containers: [
        {
          command: [name, ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)],
          image: `quorate/${image}:${version}`,
          imagePullPolicy: 'IfNotPresent',
          name,
          ports: [{ containerPort: port, name: 'probe-port', protocol: 'TCP' }],
          ...options.probes,
          resources: { requests },
          volumeMounts: volumes.map(([volume, path]) => ({
            mountPath: path,
            name: volume,
            ...(volume === 'k8s-certs' || volume === 'kubeconfig' ? { readOnly: true } : {}),
          })),
        },
      ],
      hostNetwork: true,
      priority: 2_000_001_000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: volumes.map(([volume, path, type]) => ({ hostPath: { path, type }, name: volume })),
    },
    status: {},
  }
}

type HttpGet = Readonly<Record<string, string>>

/** Kubeadm's periods: slow liveness, readiness every second, four minutes to start. */
export function probes({ live, ready, startup }: { live: HttpGet; ready?: HttpGet; startup: HttpGet }): Record<string, unknown> {
  const slow = { initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 }
  return {
    livenessProbe: { failureThreshold: 8, httpGet: live, ...slow },
    ...(ready ? { readinessProbe: { failureThreshold: 3, httpGet: ready, periodSeconds: 1, timeoutSeconds: 15 } } : {}),
    startupProbe: { failureThreshold: 24, httpGet: startup, ...slow },
  }
}

export function manifestText(pod: StaticPod): string {
  // No aliases: two probes may be the same value, and people edit these files.
  return stringify(pod, { lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false })
}
