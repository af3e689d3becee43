/** What the flags of kube-controller-manager mean to its controllers. */
import { controllerMakers } from '../../controllers/registry.js'
import { type ClusterSigning, type ControllerOptions, defaultControllerOptions, type SigningPair } from '../../controllers/options.js'
import { readKubeconfig } from './kubeconfig-file.js'
import { FlagError, type FlagDefinition, type Flags } from '../flags/flags.js'
import type { HostedDeps } from './component.js'
import { readFlagFile } from './serving/flags.js'

export const controllerFlags: readonly string[] = [
  ...['allocate-node-cidrs', 'cluster-cidr', 'service-cluster-ip-range'],
  ...['node-cidr-mask-size', 'node-cidr-mask-size-ipv4', 'node-cidr-mask-size-ipv6'],
  ...['node-monitor-period', 'node-monitor-grace-period', 'node-startup-grace-period', 'node-eviction-rate'],
  ...['secondary-node-eviction-rate', 'large-cluster-size-threshold', 'unhealthy-zone-threshold'],
  ...['root-ca-file', 'service-account-private-key-file', 'cluster-signing-cert-file', 'cluster-signing-key-file'],
  ...['cluster-signing-duration', 'resource-quota-sync-period', 'pvclaimbinder-sync-period'],
  ...['enable-dynamic-provisioning', 'terminated-pod-gc-threshold', 'endpoint-updates-batch-period'],
  ...['endpointslice-updates-batch-period', 'max-endpoints-per-slice', 'mirroring-endpointslice-updates-batch-period'],
  ...['mirroring-max-endpoints-per-subset'],
  ...['sync-period', 'downscale-stabilization', 'tolerance', 'cpu-initialization-period', 'initial-readiness-delay'].map(
    (name) => `horizontal-pod-autoscaler-${name}`,
  ),
]

/** Signer → stem of its two flags. */
const signers: Readonly<Record<string, string>> = {
  'kubernetes.io/kube-apiserver-client': 'cluster-signing-kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet': 'cluster-signing-kubelet-client',
  'kubernetes.io/kubelet-serving': 'cluster-signing-kubelet-serving',
  'kubernetes.io/legacy-unknown': 'cluster-signing-legacy-unknown',
}
export const signerFlags: readonly string[] = Object.values(signers).flatMap((stem) => [`${stem}-cert-file`, `${stem}-key-file`])

/** --concurrent-*-syncs of the controllers that there are. */
export function concurrencyFlags(definitions: readonly FlagDefinition[]): { flag: string; controller: string }[] {
  return definitions
    .filter(({ name }) => /(^|-)concurrent-.*-syncs$/.test(name))
    .map(({ name, section = '' }) => ({
      flag: name,
      controller: name === 'concurrent-serviceaccount-token-syncs' ? 'serviceaccount-token-controller' : section,
    }))
    .filter(({ controller }) => controllerMakers[controller] !== undefined)
}

export function controllerOptions(flags: Flags, deps: HostedDeps): ControllerOptions {
  const serviceAccountPrivateKey = readFlagFile(flags, 'service-account-private-key-file', deps)
  // What the manager itself trusts is what the cluster's clients may (upstream's rule).
  const rootCa =
    readFlagFile(flags, 'root-ca-file', deps) ?? readKubeconfig(deps.resolvePath(flags.string('kubeconfig')), deps.resolvePath).ca
  const clusterCidrs = listOf(flags.string('cluster-cidr'))
  const allocateNodeCidrs = flags.bool('allocate-node-cidrs')
  if (allocateNodeCidrs && clusterCidrs.length === 0)
    throw new FlagError('--allocate-node-cidrs needs --cluster-cidr', 'For example --cluster-cidr=10.244.0.0/16.')
  const maskSize = (name: string, fallback: number) => flags.int(name) || fallback
  const common = flags.int('node-cidr-mask-size')
  return {
    ...{ allocateNodeCidrs, clusterCidrs },
    nodeCidrMaskSizeIpv4: maskSize('node-cidr-mask-size-ipv4', common || defaultControllerOptions.nodeCidrMaskSizeIpv4),
    nodeCidrMaskSizeIpv6: maskSize('node-cidr-mask-size-ipv6', common || defaultControllerOptions.nodeCidrMaskSizeIpv6),
    serviceClusterIpRanges: listOf(flags.string('service-cluster-ip-range')),
    nodeMonitorPeriodMs: flags.durationMs('node-monitor-period'),
    nodeMonitorGracePeriodMs: flags.durationMs('node-monitor-grace-period'),
    nodeStartupGracePeriodMs: flags.durationMs('node-startup-grace-period'),
    nodeEvictionRate: Number(flags.string('node-eviction-rate')),
    secondaryNodeEvictionRate: Number(flags.string('secondary-node-eviction-rate')),
    largeClusterSizeThreshold: flags.int('large-cluster-size-threshold'),
    unhealthyZoneThreshold: Number(flags.string('unhealthy-zone-threshold')),
    ...(rootCa ? { rootCa } : {}),
    ...(serviceAccountPrivateKey ? { serviceAccountPrivateKey } : {}),
    clusterSigning: clusterSigning(flags, deps),
    resourceQuotaSyncPeriodMs: flags.durationMs('resource-quota-sync-period'),
    persistentVolumeSyncPeriodMs: flags.durationMs('pvclaimbinder-sync-period'),
    enableDynamicProvisioning: flags.bool('enable-dynamic-provisioning'),
    terminatedPodGcThreshold: flags.int('terminated-pod-gc-threshold'),
    endpointUpdatesBatchPeriodMs: flags.durationMs('endpoint-updates-batch-period'),
    endpointSliceUpdatesBatchPeriodMs: flags.durationMs('endpointslice-updates-batch-period'),
    maxEndpointsPerSlice: flags.int('max-endpoints-per-slice'),
    mirroringUpdatesBatchPeriodMs: flags.durationMs('mirroring-endpointslice-updates-batch-period'),
    mirroringMaxEndpointsPerSubset: flags.int('mirroring-max-endpoints-per-subset'),
    horizontalPodAutoscaler: {
      syncPeriodMs: flags.durationMs('horizontal-pod-autoscaler-sync-period'),
      downscaleStabilizationMs: flags.durationMs('horizontal-pod-autoscaler-downscale-stabilization'),
      tolerance: Number(flags.string('horizontal-pod-autoscaler-tolerance')),
      cpuInitializationMs: flags.durationMs('horizontal-pod-autoscaler-cpu-initialization-period'),
      initialReadinessDelayMs: flags.durationMs('horizontal-pod-autoscaler-initial-readiness-delay'),
    },
  }
}

function clusterSigning(flags: Flags, deps: HostedDeps): ClusterSigning {
  const pairOf = (stem: string): SigningPair | undefined => {
    const [cert, key] = [readFlagFile(flags, `${stem}-cert-file`, deps), readFlagFile(flags, `${stem}-key-file`, deps)]
    if ((cert === undefined) !== (key === undefined))
      throw new FlagError(`--${stem}-cert-file and --${stem}-key-file must be given together`)
    return cert !== undefined && key !== undefined ? { cert, key } : undefined
  }
  const common = pairOf('cluster-signing')
  const pairs: Record<string, SigningPair> = {}
  let ownPairs = 0
  for (const [signer, stem] of Object.entries(signers)) {
    const own = pairOf(stem)
    if (own) ownPairs++
    const pair = own ?? common
    if (pair) pairs[signer] = pair
  }
  if (common && ownPairs > 0)
    throw new FlagError('--cluster-signing-cert-file is for all signers: it cannot be given together with a certificate of one signer')
  return { durationMs: flags.durationMs('cluster-signing-duration'), pairs }
}

const listOf = (text: string): string[] => text.split(',').filter((item) => item !== '')
