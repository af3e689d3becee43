/**
 * Which controllers there are: one line each, by upstream's name (names.ts). A maker gives no controller when its options leave
 * it nothing to do (a signer without a key). Each call makes a new one: controllers keep state of their own run.
 */
import { issueForRequest, notAfterMsOf, readRequest } from '../pki/signing-requests.js'
import { tokenSigner } from '../pki/token-signer.js'
import { attachDetachController } from './attach-detach/attach-detach.js'
import { bootstrapSignerController } from './bootstrap-signer/bootstrap-signer.js'
import { serviceAccountTokenController } from './serviceaccount-token/serviceaccount-token.js'
import { tokenCleanerController } from './token-cleaner/token-cleaner.js'
import { certificateApprovingController } from './csr-approving/csr-approving.js'
import { certificateCleanerController } from './csr-cleaner/csr-cleaner.js'
import { certificateSigningController } from './csr-signing/csr-signing.js'
import { ObjectMonitors } from './common/object-monitors.js'
import { garbageCollector } from './garbage-collector/garbage-collector.js'
import { clusterRoleAggregationController } from './clusterrole-aggregation/clusterrole-aggregation.js'
import type { Controller } from './controller.js'
import { disruptionController } from './disruption/disruption.js'
import { jobController } from './job/job.js'
import { namespaceController } from './namespace/namespace.js'
import { cronJobController } from './cronjob/cronjob.js'
import { daemonSetController } from './daemonset/daemonset.js'
import { deploymentController } from './deployment/deployment.js'
import { endpointController } from './endpoint/endpoint.js'
import { endpointSliceMirroringController } from './endpointslice-mirroring/endpointslice-mirroring.js'
import { endpointSliceController } from './endpointslice/endpointslice.js'
import { nodeIpamController } from './node-ipam/node-ipam.js'
import { persistentVolumeBinder } from './persistent-volume-binder/persistent-volume-binder.js'
import { persistentVolumeProtectionController } from './pv-protection/pv-protection.js'
import { persistentVolumeClaimProtectionController } from './pvc-protection/pvc-protection.js'
import { ephemeralVolumeController } from './ephemeral-volume/ephemeral-volume.js'
import { resourceClaimController } from './resource-claim/resource-claim.js'
import { serviceCidrController } from './service-cidr/service-cidr.js'
import { volumeExpandController } from './volume-expand/volume-expand.js'
import { podGarbageCollectorController } from './pod-gc/pod-gc.js'
import { ttlController } from './ttl/ttl.js'
import { validatingAdmissionPolicyStatusController } from './validating-admission-policy-status/validating-admission-policy-status.js'
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.js'
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler/horizontal-pod-autoscaler.js'
import { controllerNames } from './names.js'
import type { ControllerOptions } from './options.js'
import { replicaController, replicaSetFlavour, replicationControllerFlavour } from './replicaset/replicaset.js'
import { statefulSetController } from './statefulset/statefulset.js'
import { ttlAfterFinishedController } from './ttl-after-finished/ttl-after-finished.js'
import { resourceQuotaController } from './resourcequota/resourcequota.js'
import { rootCaPublisher } from './root-ca-publisher/root-ca-publisher.js'
import { serviceAccountController } from './serviceaccount/serviceaccount.js'
import { taintEvictionController } from './taint-eviction/taint-eviction.js'

/** What several controllers of one process share. */
export interface SharedParts {
  readonly monitors: ObjectMonitors
}

export type ControllerMaker = (options: ControllerOptions, shared: SharedParts) => Controller | readonly Controller[] | undefined

export const controllerMakers: Readonly<Record<string, ControllerMaker>> = {
  'certificatesigningrequest-signing-controller': ({ clusterSigning }) =>
    Object.keys(clusterSigning.pairs).length === 0
      ? undefined
      : certificateSigningController({ ...clusterSigning, read: readRequest, issue: issueForRequest }),
  'certificatesigningrequest-approving-controller': () => certificateApprovingController(readRequest),
  'certificatesigningrequest-cleaner-controller': () => certificateCleanerController(notAfterMsOf),
  'serviceaccount-token-controller': ({ rootCa, serviceAccountPrivateKey: key }) =>
    key === undefined ? undefined : serviceAccountTokenController({ ...(rootCa === undefined ? {} : { rootCa }), sign: tokenSigner(key) }),
  'bootstrap-signer-controller': () => bootstrapSignerController(),
  'token-cleaner-controller': () => tokenCleanerController(),
  'garbage-collector-controller': (_, { monitors }) => garbageCollector(monitors),
  'resourcequota-controller': ({ resourceQuotaSyncPeriodMs: syncPeriodMs }, { monitors }) =>
    resourceQuotaController({ syncPeriodMs, monitors }),
  'namespace-controller': () => namespaceController(),
  'serviceaccount-controller': () => serviceAccountController(),
  'clusterrole-aggregation-controller': () => clusterRoleAggregationController(),
  // Without certificates the ConfigMap is empty, but there: pods mount it.
  'root-ca-certificate-publisher-controller': ({ rootCa = '' }) => rootCaPublisher(rootCa),
  'endpoints-controller': ({ endpointUpdatesBatchPeriodMs: batchPeriodMs }) => endpointController({ batchPeriodMs }),
  'endpointslice-controller': ({ endpointSliceUpdatesBatchPeriodMs: batchPeriodMs, maxEndpointsPerSlice }) =>
    endpointSliceController({ batchPeriodMs, endpointsPerSliceMax: maxEndpointsPerSlice }),
  'endpointslice-mirroring-controller': ({ mirroringUpdatesBatchPeriodMs: batchPeriodMs, mirroringMaxEndpointsPerSubset }) =>
    endpointSliceMirroringController({ batchPeriodMs, endpointsPerSubsetMax: mirroringMaxEndpointsPerSubset }),
  'node-lifecycle-controller': (options) =>
    nodeLifecycleController({
      monitorPeriodMs: options.nodeMonitorPeriodMs,
      grace: { monitorMs: options.nodeMonitorGracePeriodMs, startupMs: options.nodeStartupGracePeriodMs },
      rate: options.nodeEvictionRate,
      secondaryRate: options.secondaryNodeEvictionRate,
      unhealthyThreshold: options.unhealthyZoneThreshold,
      largeClusterSize: options.largeClusterSizeThreshold,
    }),
  'node-ipam-controller': (options) =>
    options.allocateNodeCidrs
      ? nodeIpamController({
          clusterCidrs: options.clusterCidrs,
          serviceCidrs: options.serviceClusterIpRanges,
          maskSizeIpv4: options.nodeCidrMaskSizeIpv4,
          maskSizeIpv6: options.nodeCidrMaskSizeIpv6,
        })
      : undefined,
  'pod-garbage-collector-controller': ({ terminatedPodGcThreshold }) => podGarbageCollectorController(terminatedPodGcThreshold),
  'persistentvolume-binder-controller': (options) =>
    persistentVolumeBinder({ syncPeriodMs: options.persistentVolumeSyncPeriodMs, provisions: options.enableDynamicProvisioning }),
  'persistentvolume-attach-detach-controller': () => attachDetachController(),
  'persistentvolume-protection-controller': () => persistentVolumeProtectionController(),
  'persistentvolumeclaim-protection-controller': () => persistentVolumeClaimProtectionController(),
  'persistentvolume-expander-controller': () => volumeExpandController(),
  'ephemeral-volume-controller': () => ephemeralVolumeController(),
  'resourceclaim-controller': () => resourceClaimController(),
  'service-cidr-controller': () => serviceCidrController(),
  'ttl-controller': () => ttlController(),
  'validatingadmissionpolicy-status-controller': () => validatingAdmissionPolicyStatusController(),
  'taint-eviction-controller': () => taintEvictionController(),
  'horizontal-pod-autoscaler-controller': ({ horizontalPodAutoscaler }) => horizontalPodAutoscalerController(horizontalPodAutoscaler),
  'deployment-controller': () => deploymentController(),
  'replicaset-controller': () => replicaController(replicaSetFlavour),
  'replicationcontroller-controller': () => replicaController(replicationControllerFlavour),
  'daemonset-controller': () => daemonSetController(),
  'statefulset-controller': () => statefulSetController(),
  'job-controller': () => jobController(),
  'disruption-controller': () => disruptionController(),
  'cronjob-controller': () => cronJobController(),
  'ttl-after-finished-controller': () => ttlAfterFinishedController(),
}

/** The controllers of these names that there are, in upstream's order. */
export function makeControllers(names: ReadonlySet<string>, options: ControllerOptions): Controller[] {
  const shared = { monitors: new ObjectMonitors() }
  return controllerNames.filter((name) => names.has(name)).flatMap((name) => controllerMakers[name]?.(options, shared) ?? [])
}
