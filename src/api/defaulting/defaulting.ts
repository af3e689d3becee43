/** Which defaults each kind has. A kind without an entry has none beyond its shape. */
import type { HorizontalPodAutoscaler } from '../types/autoscaling-v2.js'
import type {
  Endpoints,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  Secret,
  Service,
} from '../types/core-v1.js'
import type { CustomResourceDefinition } from '../types/apiextensions-v1.js'
import type { EndpointSlice } from '../types/discovery-v1.js'
import type { IngressClass, NetworkPolicy } from '../types/networking-v1.js'
import type { ClusterRoleBinding } from '../types/rbac-v1.js'
import type { CSIDriver, StorageClass } from '../types/storage-v1.js'
import type { DeviceClaim, ResourceClaim, ResourceClaimTemplate } from '../types/resource-v1.js'
import type { PriorityClass } from '../types/scheduling-v1.js'
import type { GroupVersionKind, UnknownObject } from '../object.js'
import { defaultPodSpec } from './pod.js'
import { setDefault } from './set.js'
import {
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultReplicaSet,
  defaultReplicationController,
  defaultStatefulSet,
  defaultTemplate,
} from './workloads.js'
import {
  defaultMutatingWebhooks,
  defaultPolicyBinding,
  defaultValidatingPolicy,
  defaultValidatingWebhooks,
} from './admissionregistration.js'
import { defaultFlowSchema, defaultPriorityLevel } from './flowcontrol.js'

type Defaulter = (object: never) => void

const defaulters: Readonly<Record<string, Defaulter>> = {
  '/v1/Pod': defaultPod,
  '/v1/PodTemplate': ({ template }: PodTemplate) => defaultTemplate(template),
  '/v1/ReplicationController': defaultReplicationController,
  '/v1/Service': defaultService,
  '/v1/Secret': defaultSecret,
  '/v1/Namespace': defaultNamespace,
  '/v1/Node': defaultNode,
  '/v1/PersistentVolume': defaultPersistentVolume,
  '/v1/PersistentVolumeClaim': defaultPersistentVolumeClaim,
  '/v1/Endpoints': defaultEndpoints,
  '/v1/LimitRange': defaultLimitRange,
  'apps/v1/Deployment': defaultDeployment,
  'apps/v1/ReplicaSet': defaultReplicaSet,
  'apps/v1/StatefulSet': defaultStatefulSet,
  'apps/v1/DaemonSet': defaultDaemonSet,
  'batch/v1/Job': defaultJob,
  'batch/v1/CronJob': defaultCronJob,
  'autoscaling/v1/HorizontalPodAutoscaler': (object: { spec?: { minReplicas?: number } }) =>
    object.spec && setDefault(object.spec, 'minReplicas', 1),
  'autoscaling/v2/HorizontalPodAutoscaler': defaultAutoscaler,
  'discovery.k8s.io/v1/EndpointSlice': defaultEndpointSlice,
  'networking.k8s.io/v1/IngressClass': ({ spec }: IngressClass) => spec?.parameters && setDefault(spec.parameters, 'scope', 'Cluster'),
  'networking.k8s.io/v1/NetworkPolicy': defaultNetworkPolicy,
  'rbac.authorization.k8s.io/v1/RoleBinding': defaultBinding,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': defaultBinding,
  'storage.k8s.io/v1/StorageClass': defaultStorageClass,
  'storage.k8s.io/v1/CSIDriver': defaultCsiDriver,
  'resource.k8s.io/v1/ResourceClaim': ({ spec }: ResourceClaim) => defaultDevices(spec?.devices),
  'resource.k8s.io/v1/ResourceClaimTemplate': ({ spec }: ResourceClaimTemplate) => defaultDevices(spec?.spec?.devices),
  'scheduling.k8s.io/v1/PriorityClass': (object: PriorityClass) => setDefault(object, 'preemptionPolicy', 'PreemptLowerPriority'),
  'authentication.k8s.io/v1/TokenRequest': ({ spec }: { spec?: { expirationSeconds?: number } }) =>
    spec && setDefault(spec, 'expirationSeconds', 3600),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': defaultCustomResourceDefinition,
  'certificates.k8s.io/v1/CertificateSigningRequest': (object: { spec?: { usages?: string[] } }) =>
    object.spec && setDefault(object.spec, 'usages', ['digital signature', 'key encipherment', 'client auth']),
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': defaultValidatingWebhooks,
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': defaultMutatingWebhooks,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': defaultValidatingPolicy,
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy': defaultValidatingPolicy,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': defaultPolicyBinding,
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding': defaultPolicyBinding,
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': defaultFlowSchema,
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': defaultPriorityLevel,
}

const none = () => undefined

function defaultPod({ spec, status }: Pod): void {
  if (spec) defaultPodSpec(spec, true)
  // The older field says the first address: where they differ it is believed.
  if (status?.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }]
}

function defaultDevices(claim: DeviceClaim | undefined): void {
  for (const request of claim?.requests ?? [])
    for (const one of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!one) continue
      if (!one.allocationMode) one.allocationMode = 'ExactCount'
      if (one.allocationMode === 'ExactCount' && !one.count) one.count = 1
      for (const toleration of one.tolerations ?? []) if (!toleration.operator) toleration.operator = 'Equal'
    }
}

export function defaulterOf(of: GroupVersionKind): (object: UnknownObject) => void {
  return (defaulters[`${of.group}/${of.version}/${of.kind}`] as ((object: UnknownObject) => void) | undefined) ?? none
}

function defaultService({ spec, status }: Service): void {
  if (!spec) return
  if (spec.type === 'LoadBalancer')
    for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) setDefault(ingress, 'ipMode', 'VIP')
  setDefault(spec, 'sessionAffinity', 'None')
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {}
    spec.sessionAffinityConfig.clientIP ??= {}
    setDefault(spec.sessionAffinityConfig.clientIP, 'timeoutSeconds', 10800)
  }
  setDefault(spec, 'type', 'ClusterIP')
  for (const port of spec.ports ?? []) {
    setDefault(port, 'protocol', 'TCP')
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
  }
  const outside = spec.type === 'NodePort' || spec.type === 'LoadBalancer'
  if (outside || (spec.externalIPs?.length ?? 0) > 0) setDefault(spec, 'externalTrafficPolicy', 'Cluster')
  if (spec.type !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster')
  if (spec.type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true)
}

function defaultSecret(secret: Secret): void {
  setDefault(secret, 'type', 'Opaque')
  mergeStringData(secret)
}

/** stringData is write-only and ends up in data. */
function mergeStringData(secret: Secret): void {
  const { stringData } = secret
  if (!stringData) return
  const data: Record<string, string> = { ...secret.data }
  for (const [key, text] of Object.entries(stringData)) {
    const bytes = new TextEncoder().encode(text)
    let binary = ''
    for (const byte of bytes) binary += String.fromCharCode(byte)
    Object.defineProperty(data, key, { value: btoa(binary), enumerable: true, configurable: true, writable: true })
  }
  if (Object.keys(data).length > 0) secret.data = data
  delete secret.stringData
}

function defaultNamespace(namespace: Namespace): void {
  const { name } = namespace.metadata
  if (name) namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': name }
  namespace.status ??= {}
  setDefault(namespace.status, 'phase', 'Active')
}

function defaultNode({ spec, status }: Node): void {
  // The older field says the first range: where they differ it is believed.
  if (spec?.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
  if (spec?.podCIDRs?.[0] && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0]
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity }
}

function defaultPersistentVolume({ spec, status }: PersistentVolume): void {
  if (status) setDefault(status, 'phase', 'Pending')
  if (!spec) return
  setDefault(spec, 'persistentVolumeReclaimPolicy', 'Retain')
  setDefault(spec, 'volumeMode', 'Filesystem')
  if (spec.hostPath) setDefault(spec.hostPath, 'type', '')
}

function defaultPersistentVolumeClaim({ spec, status }: PersistentVolumeClaim): void {
  if (spec) setDefault(spec, 'volumeMode', 'Filesystem')
  if (status) setDefault(status, 'phase', 'Pending')
}

function defaultEndpoints({ subsets }: Endpoints): void {
  for (const subset of subsets ?? []) for (const port of subset.ports ?? []) setDefault(port, 'protocol', 'TCP')
}

/** A container limit's defaults follow each other: max → default → defaultRequest, min → defaultRequest. */
function defaultLimitRange({ spec }: LimitRange): void {
  for (const limit of spec?.limits ?? []) {
    if (limit.type !== 'Container') continue
    const byDefault = { ...limit.max, ...limit.default }
    const byRequest = { ...limit.min, ...byDefault, ...limit.defaultRequest }
    if (Object.keys(byDefault).length) limit.default = byDefault
    if (Object.keys(byRequest).length)
      limit.defaultRequest = { ...byRequest, ...requestsFromMin(limit.min, byDefault), ...limit.defaultRequest }
  }
}

function requestsFromMin(min: Record<string, string> | undefined, byDefault: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(min ?? {}).filter(([name]) => byDefault[name] === undefined))
}

function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  const { spec } = autoscaler
  defaultBehavior(autoscaler)
  if (!spec) return
  setDefault(spec, 'minReplicas', 1)
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }
  if (!spec.metrics?.length) spec.metrics = [cpu]
}

/** KEP-853: rules that are given in part are completed; of what is not given at all the controller has its own. */
function defaultBehavior({ spec }: HorizontalPodAutoscaler): void {
  const behavior = spec?.behavior
  if (!behavior) return
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 }
  const up = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent] }
  behavior.scaleUp = { ...up, ...behavior.scaleUp }
  behavior.scaleDown = { selectPolicy: 'Max', policies: [{ ...percent }], ...behavior.scaleDown }
}

function defaultEndpointSlice(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    setDefault(port, 'name', '')
    setDefault(port, 'protocol', 'TCP')
  }
}

function defaultNetworkPolicy({ spec }: NetworkPolicy): void {
  if (!spec) return
  setDefault(spec, 'policyTypes', (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
    for (const port of rule.ports ?? []) setDefault(port, 'protocol', 'TCP')
}

const rbacGroup = 'rbac.authorization.k8s.io'
function defaultBinding({ roleRef, subjects }: ClusterRoleBinding): void {
  if (roleRef && !roleRef.apiGroup) roleRef.apiGroup = rbacGroup
  for (const subject of subjects ?? []) if (!subject.apiGroup && subject.kind !== 'ServiceAccount') subject.apiGroup = rbacGroup
}

function defaultStorageClass(object: StorageClass): void {
  setDefault(object, 'reclaimPolicy', 'Delete')
  setDefault(object, 'volumeBindingMode', 'Immediate')
}

function defaultCsiDriver({ spec }: CSIDriver): void {
  if (!spec) return
  setDefault(spec, 'attachRequired', true)
  setDefault(spec, 'podInfoOnMount', false)
  setDefault(spec, 'storageCapacity', false)
  setDefault(spec, 'fsGroupPolicy', 'ReadWriteOnceWithFSType')
  setDefault(spec, 'volumeLifecycleModes', ['Persistent'])
  setDefault(spec, 'requiresRepublish', false)
  setDefault(spec, 'seLinuxMount', false)
}

function defaultCustomResourceDefinition({ spec }: CustomResourceDefinition): void {
  if (!spec?.names) return
  if (!spec.names.singular) spec.names.singular = (spec.names.kind ?? '').toLowerCase()
  if (!spec.names.listKind && spec.names.kind) spec.names.listKind = `${spec.names.kind}List`
  spec.conversion ??= { strategy: 'None' }
  const service = spec.conversion.webhook?.clientConfig?.service
  if (service) setDefault(service, 'port', 443)
}
