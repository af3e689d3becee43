/** The static pods of a control plane: kubeadm's flags, probes and mounts. Where an address or a port differs its maker says so. */
import { type ComponentExtras, type HostPath, probes, type StaticPod, staticPod } from './static-pod.js'

export interface ControlPlaneOptions {
  /** The address of this node's API server, for others and for its own probes. */
  readonly advertiseAddress: string
  /** Where the API server listens. Default: on every address. */
  readonly bindAddress?: string
  readonly apiServerPort: number
  /** Default: the component's own port, without a flag. */
  readonly controllerManagerPort?: number
  readonly schedulerPort?: number
  readonly etcd: EtcdAccess
  readonly serviceSubnet: string
  readonly podSubnet?: string
  readonly certificatesDir: string
  readonly clusterName: string
  readonly dnsDomain: string
  readonly image: (component: string) => string
  /** Directories with the machine's own certificate authorities that there are. */
  readonly hostAuthorities?: readonly HostPath[]
  readonly extras?: Partial<Record<ControlPlaneComponentName, ComponentExtras>>
}

export interface EtcdAccess {
  readonly servers: readonly string[]
  /** Without it etcd is reached without certificates. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string }
}

export const controlPlaneComponents = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
export type ControlPlaneComponentName = (typeof controlPlaneComponents)[number]

export function controlPlanePod(name: ControlPlaneComponentName, options: ControlPlaneOptions): StaticPod {
  if (name === 'kube-apiserver') return apiServer(options)
  return name === 'kube-scheduler' ? scheduler(options) : controllerManager(options)
}

function apiServer(options: ControlPlaneOptions): StaticPod {
  const { advertiseAddress: host, apiServerPort: port, bindAddress, etcd, certificatesDir: pki } = options
  const probe = (path: string) => ({ host, path, port: 'probe-port', scheme: 'HTTPS' })
  return staticPod({
    name: 'kube-apiserver',
    image: options.image('kube-apiserver'),
    annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': hostPort(host, port) },
    flags: {
      'advertise-address': host,
      'allow-privileged': 'true',
      'authorization-mode': 'Node,RBAC',
      ...(bindAddress ? { 'bind-address': bindAddress } : {}),
      'client-ca-file': `${pki}/ca.crt`,
      'enable-admission-plugins': 'NodeRestriction',
      'enable-bootstrap-token-auth': 'true',
      ...(etcd.tls?.caFile ? { 'etcd-cafile': etcd.tls.caFile } : {}),
      ...(etcd.tls?.certFile ? { 'etcd-certfile': etcd.tls.certFile, 'etcd-keyfile': etcd.tls.keyFile } : {}),
      'etcd-servers': etcd.servers.join(','),
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
      'service-account-issuer': `https://kubernetes.default.svc.${options.dnsDomain}`,
      'service-account-key-file': `${pki}/sa.pub`,
      'service-account-signing-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': options.serviceSubnet,
      'tls-cert-file': `${pki}/apiserver.crt`,
      'tls-private-key-file': `${pki}/apiserver.key`,
    },
    extra: options.extras?.['kube-apiserver'] ?? {},
    probes: probes({ live: probe('/livez'), ready: probe('/readyz'), startup: probe('/livez') }),
    port,
    requests: { cpu: '250m' },
    volumes: sorted([['k8s-certs', pki, 'DirectoryOrCreate'], ...(options.hostAuthorities ?? [])]),
  })
}

function controllerManager(options: ControlPlaneOptions): StaticPod {
  const { certificatesDir: pki, controllerManagerPort: port, podSubnet } = options
  const kubeconfig = '/etc/kubernetes/controller-manager.conf'
  const healthz = { host: '127.0.0.1', path: '/healthz', port: 'probe-port', scheme: 'HTTPS' }
  return staticPod({
    name: 'kube-controller-manager',
    image: options.image('kube-controller-manager'),
    flags: {
      ...(podSubnet ? { 'allocate-node-cidrs': 'true', 'cluster-cidr': podSubnet } : {}),
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'bind-address': '127.0.0.1',
      'client-ca-file': `${pki}/ca.crt`,
      'cluster-name': options.clusterName,
      'cluster-signing-cert-file': `${pki}/ca.crt`,
      'cluster-signing-key-file': `${pki}/ca.key`,
      controllers: '*,bootstrapsigner,tokencleaner',
      kubeconfig,
      'leader-elect': 'true',
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
      'root-ca-file': `${pki}/ca.crt`,
      ...(port ? { 'secure-port': String(port) } : {}),
      'service-account-private-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': options.serviceSubnet,
      'use-service-account-credentials': 'true',
    },
    extra: options.extras?.['kube-controller-manager'] ?? {},
    probes: probes({ live: healthz, startup: healthz }),
    port: port ?? 10_257,
    requests: { cpu: '200m' },
    volumes: sorted([
      ['k8s-certs', pki, 'DirectoryOrCreate'],
      ['kubeconfig', kubeconfig, 'FileOrCreate'],
      ...(options.hostAuthorities ?? []),
    ]),
  })
}

function scheduler(options: ControlPlaneOptions): StaticPod {
  const { schedulerPort: port } = options
  const kubeconfig = '/etc/kubernetes/scheduler.conf'
  const probe = (path: string) => ({ host: '127.0.0.1', path, port: 'probe-port', scheme: 'HTTPS' })
  return staticPod({
    name: 'kube-scheduler',
    image: options.image('kube-scheduler'),
    flags: {
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'bind-address': '127.0.0.1',
      kubeconfig,
      'leader-elect': 'true',
      ...(port ? { 'secure-port': String(port) } : {}),
    },
    extra: options.extras?.['kube-scheduler'] ?? {},
    probes: probes({ live: probe('/livez'), ready: probe('/readyz'), startup: probe('/livez') }),
    port: port ?? 10_259,
    requests: { cpu: '100m' },
    volumes: [['kubeconfig', kubeconfig, 'FileOrCreate']],
  })
}

function sorted(volumes: readonly HostPath[]): HostPath[] {
  return volumes.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** An IPv6 address goes in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
