/** The rules of every built-in kind, by "group/resource" of the version that is stored. */
import type { KindRules } from './kind-rules.js'
import { webhookConfigurationRules } from './admissionregistration/webhook-configuration.js'
import { mutatingAdmissionPolicyBindingRules, mutatingAdmissionPolicyRules } from './admissionregistration/mutating-admission-policy.js'
import {
  validatingAdmissionPolicyBindingRules,
  validatingAdmissionPolicyRules,
} from './admissionregistration/validating-admission-policy.js'
import { controllerRevisionRules } from './apps/controller-revision.js'
import { daemonSetRules } from './apps/daemon-set.js'
import { deploymentRules } from './apps/deployment.js'
import { replicaSetRules } from './apps/replica-set.js'
import { statefulSetRules } from './apps/stateful-set.js'
import { cronJobRules } from './batch/cron-job.js'
import { jobRules } from './batch/job.js'
import { podRules } from './core/pod.js'
import { podTemplateRules } from './core/pod-template.js'
import { replicationControllerRules } from './core/replication-controller.js'
import { configMapRules } from './core/config-map.js'
import { endpointsRules } from './core/endpoints.js'
import { limitRangeRules } from './core/limit-range.js'
import { namespaceRules } from './core/namespace.js'
import { nodeRules } from './core/node.js'
import { persistentVolumeClaimRules } from './core/persistent-volume-claim.js'
import { persistentVolumeRules } from './core/persistent-volume.js'
import { resourceQuotaRules } from './core/resource-quota.js'
import { serviceAccountRules } from './core/service-account.js'
import { secretRules } from './core/secret.js'
import { serviceRules } from './core/service.js'
import { endpointSliceRules } from './discovery/endpoint-slice.js'
import { networkPolicyRules } from './networking/network-policy.js'
import { eventRules, newEventRules } from './core/event.js'
import { ingressClassRules, ingressRules } from './networking/ingress.js'
import { ipAddressRules, serviceCidrRules } from './networking/addresses.js'
import { csiDriverRules, csiNodeRules, csiStorageCapacityRules, volumeAttachmentRules } from './storage/csi.js'
import { storageClassRules, volumeAttributesClassRules } from './storage/storage-class.js'
import { horizontalPodAutoscalerRules } from './autoscaling/horizontal-pod-autoscaler.js'
import { certificateSigningRequestRules } from './certificates/certificate-signing-request.js'
import { leaseRules } from './coordination/lease.js'
import { flowSchemaRules, priorityLevelRules } from './flowcontrol/flowcontrol.js'
import { runtimeClassRules } from './node/runtime-class.js'
import { podDisruptionBudgetRules } from './policy/pod-disruption-budget.js'
import { clusterRoleBindingRules, clusterRoleRules, roleBindingRules, roleRules } from './rbac/rbac.js'
import { deviceClassRules, resourceClaimRules, resourceClaimTemplateRules } from './resource/resource-claim.js'
import { priorityClassRules } from './scheduling/priority-class.js'

/** Each is given objects of its own kind only. */
export const kindRules: Readonly<Record<string, KindRules<never>>> = {
  'admissionregistration.k8s.io/mutatingadmissionpolicies': mutatingAdmissionPolicyRules,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': mutatingAdmissionPolicyBindingRules,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhookConfigurationRules,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhookConfigurationRules,
  'admissionregistration.k8s.io/validatingadmissionpolicies': validatingAdmissionPolicyRules,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': validatingAdmissionPolicyBindingRules,
  '/pods': podRules,
  '/podtemplates': podTemplateRules,
  '/replicationcontrollers': replicationControllerRules,
  'apps/controllerrevisions': controllerRevisionRules,
  'apps/daemonsets': daemonSetRules,
  'apps/deployments': deploymentRules,
  'apps/replicasets': replicaSetRules,
  'apps/statefulsets': statefulSetRules,
  'batch/cronjobs': cronJobRules,
  'batch/jobs': jobRules,
  '/configmaps': configMapRules,
  '/endpoints': endpointsRules,
  '/limitranges': limitRangeRules,
  '/namespaces': namespaceRules,
  '/nodes': nodeRules,
  '/persistentvolumeclaims': persistentVolumeClaimRules,
  '/persistentvolumes': persistentVolumeRules,
  '/resourcequotas': resourceQuotaRules,
  '/secrets': secretRules,
  '/serviceaccounts': serviceAccountRules,
  '/services': serviceRules,
  'discovery.k8s.io/endpointslices': endpointSliceRules,
  'networking.k8s.io/networkpolicies': networkPolicyRules,
  '/events': eventRules,
  'events.k8s.io/events': newEventRules,
  'networking.k8s.io/ingressclasses': ingressClassRules,
  'networking.k8s.io/ingresses': ingressRules,
  'networking.k8s.io/ipaddresses': ipAddressRules,
  'networking.k8s.io/servicecidrs': serviceCidrRules,
  'storage.k8s.io/csidrivers': csiDriverRules,
  'storage.k8s.io/csinodes': csiNodeRules,
  'storage.k8s.io/csistoragecapacities': csiStorageCapacityRules,
  'storage.k8s.io/storageclasses': storageClassRules,
  'storage.k8s.io/volumeattachments': volumeAttachmentRules,
  'storage.k8s.io/volumeattributesclasses': volumeAttributesClassRules,
  'autoscaling/horizontalpodautoscalers': horizontalPodAutoscalerRules,
  'certificates.k8s.io/certificatesigningrequests': certificateSigningRequestRules,
  'coordination.k8s.io/leases': leaseRules,
  'flowcontrol.apiserver.k8s.io/flowschemas': flowSchemaRules,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': priorityLevelRules,
  'node.k8s.io/runtimeclasses': runtimeClassRules,
  'policy/poddisruptionbudgets': podDisruptionBudgetRules,
  'rbac.authorization.k8s.io/clusterrolebindings': clusterRoleBindingRules,
  'rbac.authorization.k8s.io/clusterroles': clusterRoleRules,
  'rbac.authorization.k8s.io/rolebindings': roleBindingRules,
  'rbac.authorization.k8s.io/roles': roleRules,
  'resource.k8s.io/deviceclasses': deviceClassRules,
  'resource.k8s.io/resourceclaims': resourceClaimRules,
  'resource.k8s.io/resourceclaimtemplates': resourceClaimTemplateRules,
  'scheduling.k8s.io/priorityclasses': priorityClassRules,
}
