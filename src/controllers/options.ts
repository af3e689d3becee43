/**
 * What the flags of kube-controller-manager say to its controllers. Files are given as their text (PEM), durations in
 * milliseconds. How many keys a controller works on at once (--concurrent-*-syncs) is the runner's business, not in here.
 */
export interface ControllerOptions {
  /** --allocate-node-cidrs, --cluster-cidr (IPv4, IPv6 or one of each), --node-cidr-mask-size*, --service-cluster-ip-range. */
  readonly allocateNodeCidrs: boolean
  readonly clusterCidrs: readonly string[]
  readonly nodeCidrMaskSizeIpv4: number
  readonly nodeCidrMaskSizeIpv6: number
  readonly serviceClusterIpRanges: readonly string[]

  readonly nodeMonitorPeriodMs: number
  readonly nodeMonitorGracePeriodMs: number
  readonly nodeStartupGracePeriodMs: number
  /** Nodes a second, in a healthy zone and in one that is partly down. */
  readonly nodeEvictionRate: number
  readonly secondaryNodeEvictionRate: number
  readonly largeClusterSizeThreshold: number
  readonly unhealthyZoneThreshold: number

  /** --root-ca-file: goes into kube-root-ca.crt and into token Secrets. Undefined when not given. */
  readonly rootCa?: string
  /** --service-account-private-key-file: signs the tokens of Secrets. */
  readonly serviceAccountPrivateKey?: string
  /** --cluster-signing-*. Without a pair for a signer its requests are left alone. */
  readonly clusterSigning: ClusterSigning

  readonly resourceQuotaSyncPeriodMs: number
  readonly persistentVolumeSyncPeriodMs: number
  readonly enableDynamicProvisioning: boolean
  readonly terminatedPodGcThreshold: number
  readonly endpointUpdatesBatchPeriodMs: number
  readonly endpointSliceUpdatesBatchPeriodMs: number
  readonly maxEndpointsPerSlice: number
  readonly mirroringUpdatesBatchPeriodMs: number
  readonly mirroringMaxEndpointsPerSubset: number
  readonly horizontalPodAutoscaler: {
    readonly syncPeriodMs: number
    readonly downscaleStabilizationMs: number
    readonly tolerance: number
    readonly cpuInitializationMs: number
    readonly initialReadinessDelayMs: number
  }
}

export interface SigningPair {
  readonly cert: string
  readonly key: string
}

export interface ClusterSigning {
  /** The longest validity of a certificate; a request may ask for less. */
  readonly durationMs: number
  /** By signer name ("kubernetes.io/kube-apiserver-client" ...). One pair (--cluster-signing-cert-file) fills all four. */
  readonly pairs: Readonly<Record<string, SigningPair>>
}

const minuteMs = 60_000

/** Upstream's defaults: what the controllers of a test or a one-process cluster are made with. */
export const defaultControllerOptions: ControllerOptions = {
  allocateNodeCidrs: false,
  clusterCidrs: [],
  nodeCidrMaskSizeIpv4: 24,
  nodeCidrMaskSizeIpv6: 64,
  serviceClusterIpRanges: [],
  nodeMonitorPeriodMs: 5_000,
  nodeMonitorGracePeriodMs: 50_000,
  nodeStartupGracePeriodMs: minuteMs,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  largeClusterSizeThreshold: 50,
  unhealthyZoneThreshold: 0.55,
  clusterSigning: { durationMs: 365 * 24 * 60 * minuteMs, pairs: {} },
  resourceQuotaSyncPeriodMs: 5 * minuteMs,
  persistentVolumeSyncPeriodMs: 15_000,
  enableDynamicProvisioning: true,
  terminatedPodGcThreshold: 12_500,
  endpointUpdatesBatchPeriodMs: 0,
  endpointSliceUpdatesBatchPeriodMs: 0,
  maxEndpointsPerSlice: 100,
  mirroringUpdatesBatchPeriodMs: 0,
  mirroringMaxEndpointsPerSubset: 1000,
  horizontalPodAutoscaler: {
    ...{ syncPeriodMs: 15_000, downscaleStabilizationMs: 5 * minuteMs, tolerance: 0.1 },
    ...{ cpuInitializationMs: 5 * minuteMs, initialReadinessDelayMs: 30_000 },
  },
}
