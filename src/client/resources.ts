import type { GroupVersionResource } from '../api/object.js'

const of =
  (group: string, version: string) =>
  (resource: string): GroupVersionResource => ({ group, version, resource })
const core = of('', 'v1')
const apps = of('apps', 'v1')
const batch = of('batch', 'v1')
const rbac = of('rbac.authorization.k8s.io', 'v1')
const storage = of('storage.k8s.io', 'v1')
const networking = of('networking.k8s.io', 'v1')
const dra = of('resource.k8s.io', 'v1')

/** The built-in resources that Quorate's own components use. */
export const resources = {
  pods: core('pods'),
  nodes: core('nodes'),
  namespaces: core('namespaces'),
  services: core('services'),
  endpoints: core('endpoints'),
  configMaps: core('configmaps'),
  secrets: core('secrets'),
  serviceAccounts: core('serviceaccounts'),
  events: core('events'),
  replicationControllers: core('replicationcontrollers'),
  resourceQuotas: core('resourcequotas'),
  limitRanges: core('limitranges'),
  persistentVolumes: core('persistentvolumes'),
  persistentVolumeClaims: core('persistentvolumeclaims'),
  podTemplates: core('podtemplates'),
  deployments: apps('deployments'),
  replicaSets: apps('replicasets'),
  statefulSets: apps('statefulsets'),
  daemonSets: apps('daemonsets'),
  controllerRevisions: apps('controllerrevisions'),
  jobs: batch('jobs'),
  cronJobs: batch('cronjobs'),
  leases: of('coordination.k8s.io', 'v1')('leases'),
  endpointSlices: of('discovery.k8s.io', 'v1')('endpointslices'),
  podDisruptionBudgets: of('policy', 'v1')('poddisruptionbudgets'),
  certificateSigningRequests: of('certificates.k8s.io', 'v1')('certificatesigningrequests'),
  priorityClasses: of('scheduling.k8s.io', 'v1')('priorityclasses'),
  storageClasses: storage('storageclasses'),
  csiNodes: storage('csinodes'),
  csiDrivers: storage('csidrivers'),
  csiStorageCapacities: storage('csistoragecapacities'),
  volumeAttachments: storage('volumeattachments'),
  roles: rbac('roles'),
  roleBindings: rbac('rolebindings'),
  clusterRoles: rbac('clusterroles'),
  clusterRoleBindings: rbac('clusterrolebindings'),
  ipAddresses: networking('ipaddresses'),
  serviceCidrs: networking('servicecidrs'),
  networkPolicies: networking('networkpolicies'),
  ingresses: networking('ingresses'),
  ingressClasses: networking('ingressclasses'),
  horizontalPodAutoscalers: of('autoscaling', 'v2')('horizontalpodautoscalers'),
  runtimeClasses: of('node.k8s.io', 'v1')('runtimeclasses'),
  validatingAdmissionPolicies: of('admissionregistration.k8s.io', 'v1')('validatingadmissionpolicies'),
  customResourceDefinitions: of('apiextensions.k8s.io', 'v1')('customresourcedefinitions'),
  resourceClaims: dra('resourceclaims'),
  resourceClaimTemplates: dra('resourceclaimtemplates'),
} as const
