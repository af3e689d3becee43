import type { KubeObject } from '../object.js'
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../types/core-v1.js'
import { addAmounts, type Amount, amountOf, countAmount } from './amount.js'
import { podUsage } from './pod.js'

/** How much of each quota resource an object uses: shared by admission and the quota controller. Pure. */

export type Usage = ReadonlyMap<string, Amount>
type GroupResource = { readonly group: string; readonly resource: string }

const one = countAmount(1)
/** Resources that quotas also know by their bare name. */
const bareNames = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
])
const classSuffix = '.storageclass.storage.k8s.io/'

/** "count/pods", "count/deployments.apps". */
export function countName({ group, resource }: GroupResource): string {
  return `count/${resource}${group ? `.${group}` : ''}`
}

/** `nowMs` decides whether a pod that is being deleted still counts. */
export function objectUsage(of: GroupResource, object: KubeObject, nowMs: number): Usage {
  const usage = new Map<string, Amount>([[countName(of), one]])
  if (of.group !== '') return usage
  if (of.resource === 'pods') addPod(usage, object as Pod, nowMs)
  else if (bareNames.has(of.resource)) usage.set(of.resource, one)
  if (of.resource === 'services') addService(usage, object as Service)
  if (of.resource === 'persistentvolumeclaims') addClaim(usage, object as PersistentVolumeClaim)
  return usage
}

/** Pods that ended, or should have by now, use nothing but their place in count/pods. */
function addPod(usage: Map<string, Amount>, pod: Pod, nowMs: number): void {
  const { phase } = pod.status ?? {}
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  const overdue = deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined && Date.parse(deletionTimestamp) < nowMs
  if (phase === 'Succeeded' || phase === 'Failed' || overdue) return
  usage.set('pods', one)
  for (const [name, amount] of podUsage(pod, 'requests')) {
    usage.set(`requests.${name}`, amount)
    if (isNative(name)) usage.set(name, amount)
  }
  for (const [name, amount] of podUsage(pod, 'limits')) usage.set(`limits.${name}`, amount)
}

const isNative = (name: string) => !name.includes('/')

function addService(usage: Map<string, Amount>, { spec }: Service): void {
  const ports = spec?.ports ?? []
  if (spec?.type === 'NodePort') usage.set('services.nodeports', countAmount(ports.length))
  if (spec?.type !== 'LoadBalancer') return
  usage.set('services.loadbalancers', one)
  const counted = spec.allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort) : ports
  usage.set('services.nodeports', countAmount(counted.length))
}

function addClaim(usage: Map<string, Amount>, claim: PersistentVolumeClaim): void {
  const asked = amountOf(claim.spec?.resources?.requests?.['storage'])
  const granted = amountOf(claim.status?.allocatedResources?.['storage'])
  const storage = granted.nanos > asked.nanos ? granted : asked
  usage.set('requests.storage', storage)
  const name = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName
  if (!name) return
  usage.set(`${name}${classSuffix}requests.storage`, storage)
  usage.set(`${name}${classSuffix}persistentvolumeclaims`, one)
}

/** The sum over objects of one resource of what `names` count, for objects that the quota is about. */
export function sumUsage(of: GroupResource, objects: readonly KubeObject[], quota: ResourceQuota, nowMs: number): Map<string, Amount> {
  const names = new Set(Object.keys(quota.spec?.hard ?? {}))
  const sum = new Map<string, Amount>()
  for (const object of objects) {
    if (!quotaCovers(quota, of, object)) continue
    for (const [name, amount] of objectUsage(of, object, nowMs)) {
      if (!names.has(name)) continue
      const before = sum.get(name)
      sum.set(name, before ? addAmounts(before, amount) : amount)
    }
  }
  return sum
}

type Scope = { readonly scopeName: string; readonly operator: string; readonly values: readonly string[] }

/** Whether the quota's scopes, all of them, take this object in. Scopes are about pods (and claims' classes). */
export function quotaCovers(quota: ResourceQuota, of: GroupResource, object: KubeObject): boolean {
  const scopes: Scope[] = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values }) => ({
      scopeName,
      operator,
      values: values ?? [],
    })),
  ]
  if (scopes.length === 0) return true
  if (of.group === '' && of.resource === 'pods') return scopes.every((scope) => podInScope(object as Pod, scope))
  if (of.group === '' && of.resource === 'persistentvolumeclaims')
    return scopes.every(
      (scope) =>
        scope.scopeName === 'VolumeAttributesClass' &&
        valueInScope((object as PersistentVolumeClaim).spec?.volumeAttributesClassName ?? '', scope),
    )
  return false
}

function podInScope(pod: Pod, scope: Scope): boolean {
  const { spec } = pod
  switch (scope.scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined
    case 'BestEffort':
      return isBestEffort(pod)
    case 'NotBestEffort':
      return !isBestEffort(pod)
    case 'PriorityClass':
      return valueInScope(spec?.priorityClassName ?? '', scope)
    case 'CrossNamespacePodAffinity':
      return hasCrossNamespaceAffinity(pod)
    default:
      return false
  }
}

function valueInScope(value: string, { operator, values }: Scope): boolean {
  switch (operator) {
    case 'In':
      return values.includes(value)
    case 'NotIn':
      return !values.includes(value)
    case 'DoesNotExist':
      return value === ''
    default:
      return value !== ''
  }
}

function isBestEffort(pod: Pod): boolean {
  const positive = (side: 'requests' | 'limits') =>
    [...podUsage({ ...pod, spec: { containers: [], ...pod.spec, overhead: undefined } }, side)].some(
      ([name, amount]) => (name === 'cpu' || name === 'memory') && amount.nanos > 0n,
    )
  return !positive('requests') && !positive('limits')
}

function hasCrossNamespaceAffinity({ spec }: Pod): boolean {
  return [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].some((side) =>
    [
      ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ].some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined),
  )
}
