/** The CRI's messages as this kubelet uses them. Fields that are zero on the wire are absent. */
export interface NamespaceOption {
  readonly network?: number
  readonly pid?: number
  readonly ipc?: number
  readonly targetId?: string
}

/** NamespaceMode */
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const
export const sandboxState = { ready: 0, notReady: 1 } as const
export const containerState = { created: 0, running: 1, exited: 2, unknown: 3 } as const
export const mountPropagation = { None: 0, HostToContainer: 1, Bidirectional: 2 } as const
/** SecurityProfile.ProfileType */
export const profileType = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const

export interface SecurityProfile {
  readonly profileType: number
  readonly localhostRef?: string
}

export interface Int64Value {
  readonly value?: number
}

export interface SelinuxOption {
  readonly user?: string
  readonly role?: string
  readonly type?: string
  readonly level?: string
}

export interface Resources {
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpuShares?: number
  readonly memoryLimitInBytes?: number
  readonly oomScoreAdj?: number
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[]
  readonly unified?: Readonly<Record<string, string>>
  readonly memorySwapLimitInBytes?: number
}

export interface DnsConfig {
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

export interface PodSandboxMetadata {
  readonly name: string
  readonly uid: string
  readonly namespace: string
  readonly attempt?: number
}

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata
  readonly hostname: string
  readonly logDirectory: string
  readonly dnsConfig?: DnsConfig
  readonly portMappings?: readonly { protocol: number; containerPort: number; hostPort: number; hostIp: string }[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly linux: {
    readonly cgroupParent: string
    readonly sysctls: Readonly<Record<string, string>>
    readonly securityContext: object
    readonly overhead?: Resources
    readonly resources?: Resources
  }
}

export interface PodSandbox {
  readonly id: string
  readonly metadata?: PodSandboxMetadata
  readonly state?: number
  readonly createdAt?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface PodSandboxStatus extends PodSandbox {
  readonly network?: { readonly ip?: string; readonly additionalIps?: readonly { readonly ip?: string }[] }
}

export interface ImageSpec {
  readonly image: string
  readonly userSpecifiedImage?: string
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number }
  readonly image: ImageSpec
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly workingDir: string
  readonly envs: readonly { readonly key: string; readonly value: string }[]
  readonly mounts: readonly object[]
  readonly devices: readonly object[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly logPath: string
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  readonly linux: { readonly resources: Resources; readonly securityContext: object }
}

export interface CriContainer {
  readonly id: string
  readonly podSandboxId?: string
  readonly metadata?: { readonly name: string; readonly attempt?: number }
  readonly image?: ImageSpec
  readonly imageRef?: string
  readonly state?: number
  readonly createdAt?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface CriContainerStatus extends Omit<CriContainer, 'podSandboxId'> {
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly exitCode?: number
  readonly reason?: string
  readonly message?: string
  readonly mounts?: readonly { readonly containerPath?: string; readonly hostPath?: string }[]
  readonly logPath?: string
}

export interface CriImage {
  readonly id: string
  readonly repoTags?: readonly string[]
  readonly repoDigests?: readonly string[]
  readonly size?: number
  readonly uid?: Int64Value
  readonly username?: string
  readonly pinned?: boolean
}

export interface AuthConfig {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly serverAddress?: string
  readonly identityToken?: string
  readonly registryToken?: string
}

export interface RuntimeCondition {
  readonly type: string
  readonly status?: boolean
  readonly reason?: string
  readonly message?: string
}

export interface CriContainerStats {
  readonly attributes?: {
    readonly id: string
    readonly metadata?: { readonly name: string }
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly cpu?: { readonly timestamp?: number; readonly usageCoreNanoSeconds?: Int64Value; readonly usageNanoCores?: Int64Value }
  readonly memory?: { readonly workingSetBytes?: Int64Value; readonly usageBytes?: Int64Value; readonly rssBytes?: Int64Value }
  readonly writableLayer?: { readonly usedBytes?: Int64Value; readonly inodesUsed?: Int64Value }
}

export interface FilesystemUsage {
  readonly fsId?: { readonly mountpoint?: string }
  readonly usedBytes?: Int64Value
  readonly inodesUsed?: Int64Value
}
