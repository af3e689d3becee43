/** The cells of each kind, in the order of its columns (facts: tables). Kinds without an entry show their name and age. */
import type { KubeObject } from '../object.js'
import { labelSelectorOf } from '../selectors/label.js'
import type { LabelSelector } from '../types/meta-v1.js'
import * as core from './core.js'
import { ageOf, humanDuration } from './human-duration.js'
import { podCells } from './pod.js'
import * as workloads from './workloads.js'

export type Printer = (object: never, nowMs: number) => unknown[]

/** The members that the small printers below look at. */
interface Any extends KubeObject {
  spec?: Record<string, never>
  status?: Record<string, never>
}

const name = ({ metadata }: KubeObject) => metadata.name ?? ''
const age = ({ metadata }: KubeObject, nowMs: number) => ageOf(metadata.creationTimestamp, nowMs)
const yesNo = (value: boolean | undefined) => String(value ?? false)
const namesOf = (subjects: readonly { kind: string; name: string; namespace?: string }[] | undefined, kind: string) =>
  (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${subject.namespace}/${subject.name}` : subject.name))
    .join(', ')

type Binding = KubeObject & { roleRef: { kind: string; name: string }; subjects?: { kind: string; name: string; namespace?: string }[] }
const bindingCells = (binding: Binding, nowMs: number) => [
  name(binding),
  `${binding.roleRef.kind}/${binding.roleRef.name}`,
  age(binding, nowMs),
  namesOf(binding.subjects, 'User'),
  namesOf(binding.subjects, 'Group'),
  namesOf(binding.subjects, 'ServiceAccount'),
]
const webhookCells = (object: KubeObject & { webhooks?: unknown[] }, nowMs: number) => [
  name(object),
  object.webhooks?.length ?? 0,
  age(object, nowMs),
]

interface PolicySpec {
  readonly validations?: readonly unknown[]
  readonly mutations?: readonly unknown[]
  readonly paramKind?: { readonly apiVersion?: string; readonly kind?: string }
}
const policyCells = (policy: KubeObject & { spec?: PolicySpec }, nowMs: number) => {
  const { validations, mutations, paramKind } = policy.spec ?? {}
  const params = paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : '<unset>'
  return [name(policy), (validations ?? mutations ?? []).length, params, age(policy, nowMs)]
}

interface PolicyBindingSpec {
  readonly policyName?: string
  readonly paramRef?: { readonly name?: string; readonly namespace?: string; readonly selector?: LabelSelector }
}
const policyBindingCells = (binding: KubeObject & { spec?: PolicyBindingSpec }, nowMs: number) => {
  const { policyName = '', paramRef } = binding.spec ?? {}
  const named = paramRef?.name ? `${paramRef.namespace || '*'}/${paramRef.name}` : undefined
  const params = named ?? (paramRef?.selector ? labelSelectorOf(paramRef.selector).text : '<unset>')
  return [name(binding), policyName, params, age(binding, nowMs)]
}

type Request = KubeObject & {
  spec?: { signerName?: string; username?: string; expirationSeconds?: number }
  status?: { certificate?: string; conditions?: { type: string }[] }
}
function requestCells(request: Request, nowMs: number): unknown[] {
  const { spec, status } = request
  const has = (type: string) => status?.conditions?.some((each) => each.type === type)
  const condition = [
    has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : '',
    has('Failed') ? 'Failed' : '',
    status?.certificate ? 'Issued' : '',
  ]
    .filter(Boolean)
    .join(',')
  const duration = spec?.expirationSeconds ? humanDuration(spec.expirationSeconds * 1000) : '<none>'
  return [name(request), age(request, nowMs), spec?.signerName || '<none>', spec?.username ?? '', duration, condition || 'Pending']
}

type ApiService = KubeObject & {
  spec?: { service?: { namespace?: string; name?: string } }
  status?: { conditions?: { type: string; status: string; reason?: string }[] }
}
function apiServiceCells(object: ApiService, nowMs: number): unknown[] {
  const { service } = object.spec ?? {}
  const available = object.status?.conditions?.find(({ type }) => type === 'Available')
  const text = available ? (available.status === 'True' ? 'True' : `${available.status} (${available.reason ?? ''})`) : 'Unknown'
  return [name(object), service ? `${service.namespace}/${service.name}` : 'Local', text, age(object, nowMs)]
}

type Class = KubeObject & { provisioner?: string; reclaimPolicy?: string; volumeBindingMode?: string; allowVolumeExpansion?: boolean }
function storageClassCells(object: Class, nowMs: number): unknown[] {
  const isDefault = object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
  const shown = isDefault ? `${name(object)} (default)` : name(object)
  return [
    shown,
    object.provisioner ?? '',
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    age(object, nowMs),
  ]
}

type Driver = KubeObject & {
  spec?: {
    attachRequired?: boolean
    podInfoOnMount?: boolean
    storageCapacity?: boolean
    tokenRequests?: { audience: string }[]
    requiresRepublish?: boolean
    volumeLifecycleModes?: string[]
  }
}
function csiDriverCells(object: Driver, nowMs: number): unknown[] {
  const { attachRequired, podInfoOnMount, storageCapacity, tokenRequests, requiresRepublish, volumeLifecycleModes } = object.spec ?? {}
  return [
    name(object),
    attachRequired ?? true,
    podInfoOnMount ?? false,
    storageCapacity ?? false,
    tokenRequests?.map(({ audience }) => audience).join(',') || '<unset>',
    requiresRepublish ?? false,
    volumeLifecycleModes?.join(',') || '<none>',
    age(object, nowMs),
  ]
}

type Priority = KubeObject & { value?: number; globalDefault?: boolean; preemptionPolicy?: string }
type Schema = KubeObject & {
  spec?: { priorityLevelConfiguration?: { name: string }; matchingPrecedence?: number; distinguisherMethod?: { type: string } }
  status?: { conditions?: { type: string; status: string }[] }
}
type Level = KubeObject & {
  spec?: {
    type?: string
    limited?: {
      nominalConcurrencyShares?: number
      limitResponse?: { queuing?: { queues?: number; handSize?: number; queueLengthLimit?: number } }
    }
  }
}

export const printers: Readonly<Record<string, Printer>> = {
  '/pods': podCells,
  '/nodes': core.nodeCells,
  '/services': core.serviceCells,
  '/endpoints': core.endpointsCells,
  '/namespaces': core.namespaceCells,
  '/configmaps': core.configMapCells,
  '/secrets': core.secretCells,
  '/events': core.eventCells,
  '/persistentvolumes': core.volumeCells,
  '/persistentvolumeclaims': core.claimCells,
  '/resourcequotas': core.quotaCells,
  '/podtemplates': core.podTemplateCells,
  '/replicationcontrollers': workloads.replicationControllerCells,
  'apps/deployments': workloads.deploymentCells,
  'apps/replicasets': workloads.replicaSetCells,
  'apps/statefulsets': workloads.statefulSetCells,
  'apps/daemonsets': workloads.daemonSetCells,
  'apps/controllerrevisions': (object: KubeObject & { revision?: number }, nowMs: number) => {
    const owner = object.metadata.ownerReferences?.find(({ controller }) => controller)
    return [
      name(object),
      owner ? `${owner.kind.toLowerCase()}.${owner.apiVersion.split('/')[0]}/${owner.name}` : '<none>',
      object.revision ?? 0,
      age(object, nowMs),
    ]
  },
  'batch/jobs': workloads.jobCells,
  'batch/cronjobs': workloads.cronJobCells,
  'autoscaling/horizontalpodautoscalers': workloads.autoscalerCells,
  'policy/poddisruptionbudgets': workloads.disruptionBudgetCells,
  'discovery.k8s.io/endpointslices': core.endpointSliceCells,
  'networking.k8s.io/ingresses': core.ingressCells,
  'networking.k8s.io/networkpolicies': core.networkPolicyCells,
  'networking.k8s.io/ingressclasses': (
    object: KubeObject & { spec?: { controller?: string; parameters?: { apiGroup?: string; kind: string; name: string } } },
    nowMs: number,
  ) => {
    const { controller, parameters } = object.spec ?? {}
    const text = parameters ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}` : '<none>'
    return [name(object), controller ?? '', text, age(object, nowMs)]
  },
  'networking.k8s.io/ipaddresses': (
    object: KubeObject & { spec?: { parentRef?: { group?: string; resource: string; namespace?: string; name: string } } },
    nowMs: number,
  ) => {
    const { group, resource, namespace, name: parent } = object.spec?.parentRef ?? { resource: '', name: '' }
    return [name(object), [resource + (group ? `.${group}` : ''), namespace, parent].filter(Boolean).join('/'), age(object, nowMs)]
  },
  'networking.k8s.io/servicecidrs': (object: KubeObject & { spec?: { cidrs?: string[] } }, nowMs: number) => [
    name(object),
    object.spec?.cidrs?.join(',') ?? '',
    age(object, nowMs),
  ],
  'coordination.k8s.io/leases': (object: KubeObject & { spec?: { holderIdentity?: string } }, nowMs: number) => [
    name(object),
    object.spec?.holderIdentity ?? '',
    age(object, nowMs),
  ],
  'node.k8s.io/runtimeclasses': (object: KubeObject & { handler?: string }, nowMs: number) => [
    name(object),
    object.handler ?? '',
    age(object, nowMs),
  ],
  'certificates.k8s.io/certificatesigningrequests': requestCells,
  'apiregistration.k8s.io/apiservices': apiServiceCells,
  'storage.k8s.io/storageclasses': storageClassCells,
  'storage.k8s.io/csidrivers': csiDriverCells,
  'resource.k8s.io/resourceclaims': (object: Any & { status?: { allocation?: object; reservedFor?: unknown[] } }, nowMs: number) => {
    const { allocation, reservedFor } = object.status ?? {}
    const states = [
      ...(object.metadata.deletionTimestamp ? ['deleted'] : []),
      ...(allocation ? ['allocated', ...(reservedFor?.length ? ['reserved'] : [])] : ['pending']),
    ]
    return [name(object), states.join(','), age(object, nowMs)]
  },
  'storage.k8s.io/volumeattributesclasses': (object: KubeObject & { driverName?: string }, nowMs: number) => [
    name(object),
    object.driverName ?? '',
    age(object, nowMs),
  ],
  'storage.k8s.io/csinodes': (object: KubeObject & { spec?: { drivers?: unknown[] } }, nowMs: number) => [
    name(object),
    object.spec?.drivers?.length ?? 0,
    age(object, nowMs),
  ],
  'storage.k8s.io/volumeattachments': (
    object: Any & {
      spec?: { attacher?: string; source?: { persistentVolumeName?: string }; nodeName?: string }
      status?: { attached?: boolean }
    },
    nowMs: number,
  ) => [
    name(object),
    object.spec?.attacher ?? '',
    object.spec?.source?.persistentVolumeName ?? '',
    object.spec?.nodeName ?? '',
    yesNo(object.status?.attached),
    age(object, nowMs),
  ],
  'scheduling.k8s.io/priorityclasses': (object: Priority, nowMs: number) => [
    name(object),
    object.value ?? 0,
    yesNo(object.globalDefault),
    age(object, nowMs),
    object.preemptionPolicy ?? '',
  ],
  'rbac.authorization.k8s.io/rolebindings': bindingCells,
  'rbac.authorization.k8s.io/clusterrolebindings': bindingCells,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhookCells,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhookCells,
  'admissionregistration.k8s.io/validatingadmissionpolicies': policyCells,
  'admissionregistration.k8s.io/mutatingadmissionpolicies': policyCells,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': policyBindingCells,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': policyBindingCells,
  'flowcontrol.apiserver.k8s.io/flowschemas': (object: Schema, nowMs: number) => {
    const { spec, status } = object
    const dangling = status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'
    return [
      name(object),
      spec?.priorityLevelConfiguration?.name ?? '',
      spec?.matchingPrecedence ?? 0,
      spec?.distinguisherMethod?.type ?? '<none>',
      age(object, nowMs),
      dangling,
    ]
  },
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': (object: Level, nowMs: number) => {
    const { type, limited } = object.spec ?? {}
    const queuing = limited?.limitResponse?.queuing
    const text = (value: number | undefined) => (value === undefined ? '<none>' : String(value))
    return [
      name(object),
      type ?? '',
      text(limited?.nominalConcurrencyShares),
      text(queuing?.queues),
      text(queuing?.handSize),
      text(queuing?.queueLengthLimit),
      age(object, nowMs),
    ]
  },
}
