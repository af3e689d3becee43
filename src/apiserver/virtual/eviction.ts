import type { UnknownObject } from '../../api/object.js'
import { badRequest, conflict, forbidden, hasReason, StatusError, tooManyRequests } from '../../api/status.js'
import type { Pod, PodCondition } from '../../api/types/core-v1.js'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.js'
import { type Clock, timestamp } from '../../base/clock.js'
import type { DeleteOptions } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import { labelSelectorOf } from '../../api/selectors/label.js'
import type { VirtualResource } from './virtual-resource.js'

const triesMax = 10
/** More disrupted pods than this in one budget mean that its controller is not working. */
const disruptedPodsMax = 2000

const success: UnknownObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }

/** POST pods/NAME/eviction: a delete that asks the PodDisruptionBudgets first (kubectl drain). */
export function podEviction(access: ServerAccess, clock: Clock): VirtualResource {
  const pods = access.client.resource<Pod>(resources.pods)
  const budgets = access.lister<PodDisruptionBudget>(resources.podDisruptionBudgets)
  return {
    resource: resources.pods,
    subresource: 'eviction',
    async create(object, { namespace, name, dryRun, updateParent }) {
      const pod = await pods.get(namespace, name)
      if (object.metadata?.name && object.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object')
      const options = deleteOptions(object, dryRun)
      const uid = options.preconditions?.uid
      if (uid && uid !== pod.metadata.uid)
        throw conflict(
          { group: '', resource: 'Pod' },
          name,
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
        )
      if (!needsNoBudget(pod)) {
        const matching = budgets.list(namespace).filter((budget) => labelSelectorOf(budget.spec?.selector).matches(pod.metadata.labels))
        if (matching.length > 1) throw tooManyBudgets()
        const [budget] = matching
        if (budget && !mayGoUnhealthy(pod, budget)) await spend(access, clock, budget.metadata.name ?? '', pod, options.dryRun ?? false)
      }
      if (!options.dryRun)
        await updateParent((old) => markEvicted(old as unknown as Pod, timestamp(clock.now())) as unknown as UnknownObject)
      await pods.delete(namespace, name, options)
      return { ...success }
    },
  }
}

/** Controllers tell pods that were evicted from pods that failed by this condition (KEP-3329). */
function markEvicted(old: Pod, now: string): Pod {
  const pod = structuredClone(old)
  const status = (pod.status ??= {})
  const type = 'DisruptionTarget'
  const condition = { type, status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' }
  const others = (status.conditions ?? []).filter((each) => each.type !== type)
  const before = status.conditions?.find((each) => each.type === type && each.status === 'True')
  status.conditions = [
    ...others,
    { ...condition, lastProbeTime: null, lastTransitionTime: before?.lastTransitionTime ?? now } as unknown as PodCondition,
  ]
  return pod
}

/** Upstream refuses with a plain 500 that names no reason. */
function tooManyBudgets(): StatusError {
  const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 })
}

function deleteOptions(object: UnknownObject, dryRun: boolean): DeleteOptions {
  const given = (object['deleteOptions'] ?? {}) as Omit<DeleteOptions, 'dryRun'> & { dryRun?: string[] }
  const { gracePeriodSeconds, propagationPolicy, preconditions } = given
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy ? { propagationPolicy } : {}),
    ...(preconditions ? { preconditions } : {}),
    dryRun: dryRun || (given.dryRun?.length ?? 0) > 0,
  }
}

/** Pods that serve nobody are no disruption. */
function needsNoBudget({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || ['Pending', 'Succeeded', 'Failed'].includes(status?.phase ?? '')
}

/** unhealthyPodEvictionPolicy (KEP-3017): a pod that is not ready may go when the healthy ones suffice, or always. */
function mayGoUnhealthy(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const ready = pod.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
  if (ready) return false
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  return (status?.desiredHealthy ?? 0) > 0 && (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0)
}

/** Takes one disruption from the budget, or refuses. Compare-and-swap: two evictions cannot spend the same one. */
async function spend(access: ServerAccess, clock: Clock, name: string, pod: Pod, dryRun: boolean): Promise<void> {
  const client = access.client.resource<PodDisruptionBudget>(resources.podDisruptionBudgets)
  const namespace = pod.metadata.namespace ?? ''
  for (let tries = 0; tries < triesMax; tries++) {
    const budget = await client.get(namespace, name).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
    if (!budget) return
    const next = spent(budget, pod.metadata.name ?? '', timestamp(clock.now()))
    if (dryRun) return
    try {
      await client.updateStatus(next)
      return
    } catch (error) {
      if (!hasReason(error, 'Conflict')) throw error
    }
  }
  throw tooManyRequests('The disruption budget is changing too often to take from it; try again.', 10)
}

function spent(budget: PodDisruptionBudget, podName: string, now: string): PodDisruptionBudget {
  const { status, metadata } = budget
  const allowed = status?.disruptionsAllowed ?? 0
  const refuse = (why: string) => forbidden({ group: 'policy', resource: 'poddisruptionbudgets' }, metadata.name ?? '', why)
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0))
    throw overBudget(`The disruption budget ${metadata.name} is still being processed by the server.`, 10)
  if (allowed < 0) throw refuse('pdb disruptions allowed is negative')
  if (Object.keys(status?.disruptedPods ?? {}).length > disruptedPodsMax)
    throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller')
  if (allowed === 0) {
    const needs = `needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`
    throw overBudget(`The disruption budget ${metadata.name} ${needs}`, 0)
  }
  const left = allowed - 1
  return {
    ...budget,
    status: {
      ...status,
      expectedPods: status?.expectedPods ?? 0,
      currentHealthy: status?.currentHealthy ?? 0,
      desiredHealthy: status?.desiredHealthy ?? 0,
      disruptionsAllowed: left,
      disruptedPods: { ...status?.disruptedPods, [podName]: now },
      conditions: left > 0 ? status?.conditions : exhausted(budget, now),
    },
  }
}

function exhausted({ status, metadata }: PodDisruptionBudget, now: string) {
  const type = 'DisruptionAllowed'
  const old = status?.conditions?.find((condition) => condition.type === type)
  const condition = {
    type,
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    observedGeneration: metadata.generation ?? 0,
    lastTransitionTime: old?.status === 'False' ? old.lastTransitionTime : now,
  }
  return [...(status?.conditions ?? []).filter((other) => other.type !== type), condition]
}

function overBudget(why: string, retryAfterSeconds: number): StatusError {
  const { status } = tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds)
  const causes = [{ reason: 'DisruptionBudget', message: why }]
  return new StatusError({ ...status, details: { ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}), causes } })
}

/** POST bindings: the older spelling of POST pods/NAME/binding. */
export function podBindings(access: ServerAccess): VirtualResource {
  const pods = access.client.resource<Pod>(resources.pods)
  return {
    resource: { group: '', version: 'v1', resource: 'bindings' },
    subresource: '',
    async create(object, { namespace, dryRun }) {
      const { name = '' } = object.metadata ?? {}
      await pods.createSubresource(namespace, name, 'binding', object, { dryRun })
      return { ...success }
    },
  }
}
