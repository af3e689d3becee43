import type { KubeObject, UnknownObject } from '../../api/object.js'
import type { KindRules } from '../../api/validation/kind-rules.js'
import { kindRules } from '../../api/validation/kinds.js'
import { apiServiceStrategy } from './apiregistration/api-service.js'
import { customResourceDefinitionStrategy } from './apiextensions/custom-resource-definition.js'
import { daemonSetStrategy } from './apps/daemon-set.js'
import { deploymentStrategy } from './apps/deployment.js'
import { jobStrategy } from './batch/job.js'
import { certificateSigningRequestStrategy } from './certificates/certificate-signing-request.js'
import { eventsEventStrategy, eventStrategy } from './core/event.js'
import { namespaceStrategy } from './core/namespace.js'
import { nodeStrategy } from './core/node.js'
import { persistentVolumeClaimStrategy } from './core/persistent-volume-claim.js'
import { persistentVolumeStrategy } from './core/persistent-volume.js'
import { podStrategy } from './core/pod.js'
import { replicationControllerStrategy } from './core/replication-controller.js'
import { secretStrategy } from './core/secret.js'
import { serviceStrategy } from './core/service.js'
import { endpointSliceStrategy } from './discovery/endpoint-slice.js'
import type { ServiceAllocator } from '../allocators/service-allocator.js'
import type { Strategy } from './strategy.js'

/** Kinds whose only rule beyond the generic ones is that they count no generation. */
const withoutGeneration: readonly (readonly [group: string, resources: readonly string[]])[] = [
  ['', ['configmaps', 'endpoints', 'limitranges', 'resourcequotas', 'serviceaccounts']],
  ['apps', ['controllerrevisions']],
  ['autoscaling', ['horizontalpodautoscalers']],
  ['coordination.k8s.io', ['leases']],
  ['networking.k8s.io', ['ipaddresses', 'servicecidrs']],
  ['node.k8s.io', ['runtimeclasses']],
  ['rbac.authorization.k8s.io', ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings']],
  ['resource.k8s.io', ['resourceclaims', 'resourceclaimtemplates']],
  ['storage.k8s.io', ['csidrivers', 'csinodes', 'csistoragecapacities', 'storageclasses', 'volumeattachments', 'volumeattributesclasses']],
]

/** What has been through protobuf knows no list without items: it is none, which is printed as null. */
const withoutRules = (role: UnknownObject) => {
  if (Array.isArray(role['rules']) && role['rules'].length === 0) role['rules'] = null
}
const noneWhenEmpty: Readonly<Record<string, (object: UnknownObject) => void>> = {
  '/limitranges': ({ spec }) => {
    const limits = (spec as { limits?: unknown[] | null } | undefined)?.limits
    if (limits?.length === 0) (spec as { limits: unknown }).limits = null
  },
  'rbac.authorization.k8s.io/roles': withoutRules,
  'rbac.authorization.k8s.io/clusterroles': withoutRules,
}

/** Kinds that are made with a generation which never moves. */
const fixedGeneration = new Set(['scheduling.k8s.io/priorityclasses'])

const rbacResources = ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map(
  (resource) => `rbac.authorization.k8s.io/${resource}`,
)

/** Kinds that a PUT may create (upstream's AllowCreateOnUpdate). */
const createdByPut = new Set(['/endpoints', '/limitranges', 'coordination.k8s.io/leases', ...rbacResources])

/** Kinds of which a PUT must name the resourceVersion it replaces (upstream's AllowUnconditionalUpdate is false). */
const conditional = new Set([
  'admissionregistration.k8s.io/mutatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'coordination.k8s.io/leases',
  'node.k8s.io/runtimeclasses',
  'policy/poddisruptionbudgets',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
])

/** Where upstream keeps kinds under another name than their resource's: tools that read the store look there. */
const storagePrefixes: Readonly<Record<string, string>> = {
  '/endpoints': 'services/endpoints',
  'networking.k8s.io/ingresses': 'ingress',
}

export interface StrategyDeps {
  /** Without it, Services keep the addresses they name and get no others. */
  readonly services?: ServiceAllocator
  /** --event-ttl in seconds. */
  readonly eventTtlSeconds?: number
}

/** Every built-in kind's strategy by "group/resource". Kinds that are not in it are wholly generic. */
export function buildStrategies({ services, eventTtlSeconds = 3600 }: StrategyDeps = {}): ReadonlyMap<string, Strategy> {
  const ungenerated = new Set(withoutGeneration.flatMap(([group, resources]) => resources.map((resource) => `${group}/${resource}`)))
  const listed = new Set([...ungenerated, ...createdByPut, ...conditional, ...Object.keys(storagePrefixes), ...Object.keys(kindRules)])
  const plain = [...listed].map((key): Strategy => {
    const [group = '', resource = ''] = key.split('/')
    return {
      resource: { group, resource },
      ...(ungenerated.has(key) ? { generation: 'none' as const } : {}),
      ...(noneWhenEmpty[key] ? { prepareForCreate: noneWhenEmpty[key], prepareForUpdate: noneWhenEmpty[key] } : {}),
      ...(fixedGeneration.has(key) ? { generation: () => false } : {}),
      ...(createdByPut.has(key) ? { allowCreateOnUpdate: true } : {}),
      ...(conditional.has(key) ? { allowUnconditionalUpdate: false } : {}),
      ...(storagePrefixes[key] ? { storagePrefix: storagePrefixes[key] } : {}),
    }
  })
  const own = [
    erase(podStrategy),
    erase(serviceStrategy(services)),
    erase(namespaceStrategy),
    erase(nodeStrategy),
    erase(secretStrategy),
    erase(eventStrategy(eventTtlSeconds)),
    erase(eventsEventStrategy(eventTtlSeconds)),
    erase(persistentVolumeStrategy),
    erase(persistentVolumeClaimStrategy),
    erase(replicationControllerStrategy),
    erase(deploymentStrategy),
    erase(daemonSetStrategy),
    erase(jobStrategy),
    erase(certificateSigningRequestStrategy),
    erase(endpointSliceStrategy),
    erase(apiServiceStrategy),
    erase(customResourceDefinitionStrategy),
  ]
  return new Map([...plain, ...own].map((strategy) => [keyOf(strategy), withRules(strategy)]))
}

const keyOf = ({ resource }: Strategy) => `${resource.group}/${resource.resource}`

function withRules(strategy: Strategy): Strategy {
  const rules = kindRules[keyOf(strategy)] as KindRules<UnknownObject> | undefined
  if (!rules) return strategy
  const warnings = strategy.warnings ?? rules.warnings?.bind(rules)
  return { ...strategy, rules, ...(warnings ? { warnings } : {}) }
}

/** Those without effects beyond the object (Services allocate nothing): for tools and tests. */
export const strategies: ReadonlyMap<string, Strategy> = buildStrategies()

/** The registry hands each strategy objects of its own kind only. */
function erase<T extends KubeObject>(strategy: Strategy<T>): Strategy {
  return strategy as unknown as Strategy
}
