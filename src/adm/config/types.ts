/**
 * kubeadm's configuration, kubeadm.k8s.io/v1beta4 (kubeadm reference: configuration). These are the documents after defaults: what
 * upstream always has is not optional here. Durations are Go's ("24h0m0s").
 */
import type { Taint } from '../../api/types/core-v1.js'

export const kubeadmApiVersion = 'kubeadm.k8s.io/v1beta4'

/** One flag of a component; several of one name are allowed. */
export interface Arg {
  readonly name: string
  readonly value: string
}

export interface EnvVar {
  readonly name: string
  readonly value?: string
}

export interface NodeRegistration {
  readonly name: string
  readonly criSocket: string
  /** undefined: the control-plane taint for control planes, none for workers; []: none. */
  readonly taints?: readonly Taint[]
  readonly kubeletExtraArgs?: readonly Arg[]
  readonly ignorePreflightErrors?: readonly string[]
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly imagePullSerial: boolean
}

export interface ApiEndpoint {
  readonly advertiseAddress: string
  readonly bindPort: number
}

export interface BootstrapToken {
  /** ID.SECRET: [a-z0-9]{6}.[a-z0-9]{16} */
  readonly token: string
  readonly description?: string
  readonly ttl?: string
  /** RFC 3339, instead of ttl. */
  readonly expires?: string
  readonly usages: readonly string[]
  readonly groups: readonly string[]
}

export interface Timeouts {
  readonly controlPlaneComponentHealthCheck: string
  readonly discovery: string
  readonly etcdAPICall: string
  readonly kubeletHealthCheck: string
  readonly kubernetesAPICall: string
  readonly tlsBootstrap: string
  readonly upgradeManifests: string
}

export interface Patches {
  readonly directory: string
}

export interface InitConfiguration {
  readonly bootstrapTokens: readonly BootstrapToken[]
  readonly nodeRegistration: NodeRegistration
  readonly localAPIEndpoint: ApiEndpoint
  readonly certificateKey?: string
  readonly skipPhases?: readonly string[]
  readonly patches?: Patches
  readonly dryRun?: boolean
  readonly timeouts: Timeouts
}

export interface HostPathMount {
  readonly name: string
  readonly hostPath: string
  readonly mountPath: string
  readonly readOnly?: boolean
  readonly pathType?: string
}

export interface ControlPlaneComponent {
  readonly extraArgs?: readonly Arg[]
  readonly extraVolumes?: readonly HostPathMount[]
  readonly extraEnvs?: readonly EnvVar[]
}

export interface ApiServerComponent extends ControlPlaneComponent {
  readonly certSANs?: readonly string[]
}

export interface LocalEtcd {
  readonly dataDir: string
  readonly extraArgs?: readonly Arg[]
  readonly extraEnvs?: readonly EnvVar[]
  readonly serverCertSANs?: readonly string[]
  readonly peerCertSANs?: readonly string[]
  readonly imageRepository?: string
  readonly imageTag?: string
}

export interface ExternalEtcd {
  readonly endpoints: readonly string[]
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

export type Etcd =
  | { readonly local: LocalEtcd; readonly external?: undefined }
  | { readonly external: ExternalEtcd; readonly local?: undefined }

export type EncryptionAlgorithm = 'ECDSA-P256' | 'ECDSA-P384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'

export interface ClusterConfiguration {
  readonly etcd: Etcd
  readonly networking: { readonly serviceSubnet: string; readonly podSubnet?: string; readonly dnsDomain: string }
  readonly kubernetesVersion: string
  /** HOST or HOST:PORT that stays when control planes come and go. */
  readonly controlPlaneEndpoint?: string
  readonly apiServer: ApiServerComponent
  readonly controllerManager: ControlPlaneComponent
  readonly scheduler: ControlPlaneComponent
  readonly dns: { readonly imageRepository?: string; readonly imageTag?: string; readonly disabled?: boolean }
  readonly proxy: { readonly disabled?: boolean }
  readonly certificatesDir: string
  readonly imageRepository: string
  readonly featureGates?: Readonly<Record<string, boolean>>
  readonly clusterName: string
  readonly encryptionAlgorithm: EncryptionAlgorithm
  readonly certificateValidityPeriod: string
  readonly caCertificateValidityPeriod: string
}

export interface Discovery {
  readonly bootstrapToken?: {
    readonly token: string
    readonly apiServerEndpoint: string
    /** sha256:HEX of the CA's public key (RFC 7469's SubjectPublicKeyInfo pin). */
    readonly caCertHashes?: readonly string[]
    readonly unsafeSkipCAVerification?: boolean
  }
  readonly file?: { readonly kubeConfigPath: string }
  readonly tlsBootstrapToken?: string
}

export interface JoinConfiguration {
  readonly nodeRegistration: NodeRegistration
  readonly caCertPath: string
  readonly discovery: Discovery
  readonly controlPlane?: { readonly localAPIEndpoint: ApiEndpoint; readonly certificateKey?: string }
  readonly skipPhases?: readonly string[]
  readonly patches?: Patches
  readonly dryRun?: boolean
  readonly timeouts: Timeouts
}

export interface ResetConfiguration {
  readonly certificatesDir: string
  readonly criSocket: string
  readonly cleanupTmpDir?: boolean
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly ignorePreflightErrors?: readonly string[]
  readonly skipPhases?: readonly string[]
  readonly unmountFlags?: readonly string[]
  readonly timeouts: Timeouts
}
