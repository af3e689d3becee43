/**
 * Works out how many pods of each PodDisruptionBudget may be evicted; the eviction API grants by that. Also takes the condition
 * DisruptionTarget back from pods that were to be disrupted and were not.
 */
import { keyOf } from '../../api/object.js'
import { labelSelectorOf, type Selector } from '../../api/selectors/label.js'
import { hasReason } from '../../api/status.js'
import type { Pod } from '../../api/types/core-v1.js'
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.js'
import { timestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { Pace, paced } from '../common/pace.js'
import { sameJson } from '../../api/same-json.js'
import { isPodFinished, podCondition } from '../common/pods.js'
import type { Controller, Outcome, View } from '../controller.js'
import { asksForScale, budgetStatus, disruptedOf, expectedOf, failSafeStatus, healthyOf } from './budget.js'
import { Scales } from './scale.js'

/** After so long without a deletion the pod is not going to be disrupted (KEP-3329). */
const staleMs = 2 * 60_000
/** Before the key of a pod. Keys of budgets have one slash, these two. */
const podPrefix = 'pod/'

export function disruptionController(): Controller {
  const selectors = new WeakMap<PodDisruptionBudget, Selector>()
  const selectorOf = (budget: PodDisruptionBudget) => {
    let selector = selectors.get(budget)
    if (!selector) selectors.set(budget, (selector = labelSelectorOf(budget.spec?.selector)))
    return selector
  }
  const scales = new Scales()
  let pace: Pace | undefined
  const paceOf = (view: View) => (pace ??= new Pace(view.clock))

  const keysOfPod = (pod: Pod, view: View, change: string): readonly string[] => {
    const budgets = view.lister<PodDisruptionBudget>(resources.podDisruptionBudgets).list(pod.metadata.namespace)
    const keys = budgets.filter((budget) => selectorOf(budget).matches(pod.metadata.labels)).map(keyOf)
    const now = paced(keys, view, paceOf(view))
    return change !== 'delete' && isDisruptionTarget(pod) ? [...now, podPrefix + keyOf(pod)] : now
  }
  /** Owners' sizes matter to every budget of their namespace that selects their pods. */
  const keysOfOwner = (namespace: string, labels: Readonly<Record<string, string>> | undefined, view: View): readonly string[] =>
    view
      .lister<PodDisruptionBudget>(resources.podDisruptionBudgets)
      .list(namespace)
      .filter((budget) => asksForScale(budget) && selectorOf(budget).matches(labels))
      .map(keyOf)
  const owner = (resource: (typeof resources)['deployments']) => ({
    resource,
    toKeys: (object: Owner, view: View) => keysOfOwner(object.metadata.namespace ?? '', object.spec?.template?.metadata?.labels, view),
    changed: (object: Owner, old: Owner) => object.spec?.replicas !== old.spec?.replicas,
  })

  return {
    name: 'disruption-controller',
    watches: [
      { resource: resources.podDisruptionBudgets, toKeys: (object) => [keyOf(object)] },
      { resource: resources.pods, toKeys: (object, view, change) => keysOfPod(object as Pod, view, change) },
      ...[resources.deployments, resources.replicaSets, resources.replicationControllers, resources.statefulSets].map(owner),
    ],
    async reconcile(key, view) {
      if (key.startsWith(podPrefix)) return takeBackTarget(key.slice(podPrefix.length), view)
      const budget = view.lister<PodDisruptionBudget>(resources.podDisruptionBudgets).get(key)
      if (!budget) return paceOf(view).forget(key)
      const all = view.lister<Pod>(resources.pods).list(budget.metadata.namespace)
      paceOf(view).ran(key, all.length)
      const selector = selectorOf(budget)
      return syncBudget(
        budget,
        all.filter((pod) => selector.matches(pod.metadata.labels)),
        scales,
        view,
      )
    },
  }
}

interface Owner {
  readonly metadata: { readonly namespace?: string }
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly metadata?: { readonly labels?: Record<string, string> } } }
}

async function syncBudget(budget: PodDisruptionBudget, pods: readonly Pod[], scales: Scales, view: View): Promise<Outcome | void> {
  const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    view.events.event({ ...budget, apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, type, reason, message)
  if (pods.length === 0) say('Normal', 'NoPods', 'No matching pods found')
  const now = view.clock.now()
  let scale = 0
  if (asksForScale(budget)) {
    try {
      const owners = await scales.of(pods, view)
      scale = owners.scale
      if (owners.unmanaged.length > 0) say('Warning', 'UnmanagedPods', unmanagedMessage(owners.unmanaged))
    } catch (error) {
      say('Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${messageOf(error)}`)
      await write(budget, failSafeStatus(budget, messageOf(error), now), view)
      throw error
    }
  }
  const disrupted = disruptedOf(budget, pods, now)
  for (const pod of disrupted.overdue)
    view.events.event(
      { ...pod, apiVersion: 'v1', kind: 'Pod' },
      'Warning',
      'NotDeleted',
      `Pod was expected by PDB ${keyOf(budget)} to be deleted but it wasn't`,
    )
  const status = budgetStatus(budget, expectedOf(budget, pods.length, scale), healthyOf(pods, disrupted), disrupted, now)
  await write(budget, status, view)
  return disrupted.recheckMs === undefined ? undefined : { requeueAfterMs: disrupted.recheckMs + 1 }
}

async function write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus, view: View): Promise<void> {
  if (sameJson(status, budget.status ?? {})) return
  // The eviction API writes here too: with the resource version that was read, neither loses what the other has noted.
  await view.client.resource<PodDisruptionBudget>(resources.podDisruptionBudgets).updateStatus({ ...budget, status })
}

function unmanagedMessage(names: readonly string[]): string {
  const some = names.slice(0, 5).join(' ')
  return (
    `Pods selected by this PodDisruptionBudget (${some}) were found to be unmanaged. As a result, the status of the PDB cannot be ` +
    'calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field ' +
    'of the PDB to an integer value.'
  )
}

function isDisruptionTarget(pod: Pod): boolean {
  return podCondition(pod, 'DisruptionTarget')?.status === 'True' && !pod.metadata.deletionTimestamp && !isPodFinished(pod)
}

async function takeBackTarget(key: string, view: View): Promise<Outcome | void> {
  const pod = view.lister<Pod>(resources.pods).get(key)
  if (!pod || !isDisruptionTarget(pod)) return
  const since = Date.parse(podCondition(pod, 'DisruptionTarget')?.lastTransitionTime ?? '')
  const leftMs = since + staleMs - view.clock.now()
  if (leftMs > 0) return { requeueAfterMs: leftMs }
  const { namespace = '', name = '', uid, resourceVersion } = pod.metadata
  const condition = {
    type: 'DisruptionTarget',
    status: 'False',
    lastTransitionTime: timestamp(view.clock.now()),
    reason: null,
    message: null,
  }
  const body = { metadata: { uid, resourceVersion }, status: { conditions: [condition] } }
  try {
    await view.client.resource(resources.pods).patch(namespace, name, { type: 'strategic', body }, { subresource: 'status' })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
