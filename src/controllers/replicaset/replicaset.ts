/**
 * Keeps as many pods as a ReplicaSet or a ReplicationController asks for: adopts matching orphans, releases what no longer
 * matches, makes what is missing, ends the worst of what is too much, and reports the status. Both kinds are one rule with
 * two spellings of the selector.
 */
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../api/object.js'
import { keyOf } from '../../api/object.js'
import { labelSelectorOf, type Selector } from '../../api/selectors/label.js'
import { hasReason } from '../../api/status.js'
import type { ReplicaSet, ReplicaSetStatus } from '../../api/types/apps-v1.js'
import type { Pod, PodTemplateSpec, ReplicationController } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { Expectations } from '../common/expectations.js'
import { controllerOf, controllerReference, orphansOf, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { podFromTemplate } from '../common/pod-template.js'
import { sameJson } from '../../api/same-json.js'
import { isPodActive, isPodFinished, msUntilAvailable } from '../common/pods.js'
import { isGoingNamespace } from '../common/refusals.js'
import { slowStartBatch } from '../common/slow-start.js'
import type { Controller, View } from '../controller.js'
import { podsToDelete } from './ranking.js'
import { replicaStatus } from './status.js'

/** What one reconcile creates or deletes at most (upstream's BurstReplicas). */
const burstReplicas = 500

/** From how many pods on changes of pods are gathered, and for how long: 100 ms for 5,000. */
const bigSetReplicas = 250
const updateWaitMsPerReplica = 0.02
const updateWaitMsMax = 500

/** The spellings in which the two kinds differ. */
interface Flavour {
  readonly name: string
  readonly eventSource: string
  readonly resource: GroupVersionResource
  readonly kind: GroupVersionKind
  /** ReplicationController has no terminatingReplicas. */
  readonly reportsTerminating: boolean
  selector(owner: Owner): Selector
}

type Owner = ReplicaSet | ReplicationController

export const replicaSetFlavour: Flavour = {
  name: 'replicaset-controller',
  eventSource: 'replicaset-controller',
  resource: resources.replicaSets,
  kind: { group: 'apps', version: 'v1', kind: 'ReplicaSet' },
  reportsTerminating: true,
  selector: (owner) => labelSelectorOf((owner as ReplicaSet).spec?.selector),
}

export const replicationControllerFlavour: Flavour = {
  name: 'replicationcontroller-controller',
  eventSource: 'replication-controller',
  resource: resources.replicationControllers,
  kind: { group: '', version: 'v1', kind: 'ReplicationController' },
  reportsTerminating: false,
  selector: (owner) => {
    const { selector, template } = (owner as ReplicationController).spec ?? {}
    return labelSelectorOf({ matchLabels: selector ?? template?.metadata?.labels ?? {} })
  },
}

export function replicaController(flavour: Flavour): Controller {
  let expectations: Expectations | undefined
  const selectors = new WeakMap<Owner, Selector>()
  const selectorOf = (owner: Owner) => {
    let selector = selectors.get(owner)
    if (!selector) selectors.set(owner, (selector = flavour.selector(owner)))
    return selector
  }

  /** The keys a pod wakes: its controller, or every owner that could adopt it. */
  const keysOfPod = (pod: Pod, view: View, change: 'add' | 'update' | 'delete'): readonly string[] => {
    const controller = controllerOf(pod)
    const { namespace = '', name = '' } = pod.metadata
    if (controller) {
      if (controller.kind !== flavour.kind.kind) return []
      const key = `${namespace}/${controller.name}`
      if (change === 'add') expectations?.created(key)
      if (change === 'delete' || pod.metadata.deletionTimestamp) expectations?.deleted(key, name)
      const waitMs = change === 'update' ? updateWaitMs(view.lister<Owner>(flavour.resource).get(key)) : 0
      if (waitMs === 0) return [key]
      view.enqueue(key, waitMs)
      return []
    }
    if (change === 'delete') return []
    const owners = view.lister<Owner>(flavour.resource).list(namespace)
    return owners.filter((owner) => selectorOf(owner).matches(pod.metadata.labels ?? {})).map(keyOf)
  }

  return {
    name: flavour.name,
    eventSource: flavour.eventSource,
    watches: [
      { resource: flavour.resource, toKeys: (object) => [keyOf(object)] },
      { resource: resources.pods, toKeys: (object, view, change) => keysOfPod(object as Pod, view, change) },
    ],
    start(view) {
      expectations = new Expectations(view.clock)
      view.informer<Pod>(resources.pods).addIndex(ownerIndex, ownerIndexValues)
    },
    async reconcile(key, view) {
      assertStarted(expectations)
      const owner = view.lister<Owner>(flavour.resource).get(key)
      if (!owner) return expectations.forget(key)
      const settled = expectations.satisfied(key)
      const mine = await claimPods(owner, selectorOf(owner), flavour, view)
      const active = mine.filter(isPodActive)
      const wanted = owner.spec?.replicas ?? 1
      let error: unknown
      if (settled && !owner.metadata.deletionTimestamp) {
        error = await scale({ key, owner, active, wanted, flavour, view, expectations })
      }
      await writeStatus({ owner, mine, active, wanted, error, flavour, view })
      if (error !== undefined) throw error
      return nextLook(owner, active, view)
    },
  }
}

/**
 * A reconcile looks at every pod of its set, so a set of thousands must not be reconciled for each step that one of its pods makes
 * (that would be quadratic): what changes a pod's state is gathered for a while, the longer the bigger the set is.
 */
function updateWaitMs(owner: Owner | undefined): number {
  const replicas = owner?.spec?.replicas ?? 1
  return replicas < bigSetReplicas ? 0 : Math.min(updateWaitMsMax, replicas * updateWaitMsPerReplica)
}

function assertStarted(expectations: Expectations | undefined): asserts expectations {
  if (!expectations) throw new Error('assertion failed: reconcile before start')
}

async function claimPods(owner: Owner, selector: Selector, flavour: Flavour, view: View): Promise<Pod[]> {
  const pods = view.lister<Pod>(resources.pods)
  const orphans = pods.by(ownerIndex, orphansOf(owner.metadata.namespace ?? '')).filter(isPodActive)
  return claimObjects(view.client, {
    owner,
    ownerKind: flavour.kind,
    resource: resources.pods,
    candidates: [...pods.by(ownerIndex, owner.metadata.uid ?? ''), ...orphans],
    matches: (pod) => selector.matches(pod.metadata.labels ?? {}),
    mayAdopt: liveOwner(view.client, flavour.resource, owner),
  })
}

interface Scaling {
  readonly key: string
  readonly owner: Owner
  readonly active: readonly Pod[]
  readonly wanted: number
  readonly flavour: Flavour
  readonly view: View
  readonly expectations: Expectations
}

/** Makes or ends pods towards the wanted number; returns the first error, after everything else was tried. */
async function scale(scaling: Scaling): Promise<unknown> {
  const difference = scaling.wanted - scaling.active.length
  if (difference > 0) return createPods(scaling, Math.min(difference, burstReplicas))
  if (difference < 0) return deletePods(scaling, Math.min(-difference, burstReplicas))
  return undefined
}

async function createPods({ key, owner, flavour, view, expectations }: Scaling, count: number): Promise<unknown> {
  const template = (owner.spec as { template?: PodTemplateSpec } | undefined)?.template ?? {}
  const reference = controllerReference(owner, flavour.kind)
  expectations.expect(key, count)
  let tried = 0
  const { succeeded, error } = await slowStartBatch(count, async () => {
    tried++
    try {
      const pod = await view.client.resource<Pod>(resources.pods).create(podFromTemplate(template, owner, reference))
      view.events.event(withKind(owner, flavour), 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (failure) {
      expectations.created(key)
      if (!isGoingNamespace(failure))
        view.events.event(withKind(owner, flavour), 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`)
      throw failure
    }
  })
  for (let skipped = count - tried; skipped > 0; skipped--) expectations.created(key)
  view.logger.debug('Created pods', { owner: key, wanted: count, created: succeeded })
  // In a namespace that is being deleted nothing can be made, and nothing is wrong.
  return isGoingNamespace(error) ? undefined : error
}

async function deletePods({ key, owner, active, flavour, view, expectations }: Scaling, count: number): Promise<unknown> {
  const related = relatedPods(owner, flavour, view)
  const victims = podsToDelete(active, count, related, view.clock.now())
  expectations.expect(
    key,
    0,
    victims.map((pod) => pod.metadata.name ?? ''),
  )
  const outcomes = await Promise.allSettled(
    victims.map(async (pod) => {
      const { namespace = '', name = '', uid } = pod.metadata
      try {
        await view.client.resource(resources.pods).delete(namespace, name, { preconditions: { uid } })
        view.events.event(withKind(owner, flavour), 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
      } catch (failure) {
        expectations.deleted(key, name)
        if (hasReason(failure, 'NotFound')) return
        view.events.event(withKind(owner, flavour), 'Warning', 'FailedDelete', `Error deleting: ${messageOf(failure)}`)
        throw failure
      }
    }),
  )
  return outcomes.find((outcome) => outcome.status === 'rejected')?.reason
}

/** Active pods of all owners that share this one's controller (the ReplicaSets of one Deployment): they crowd the same nodes. */
function relatedPods(owner: Owner, flavour: Flavour, view: View): Pod[] {
  const pods = view.lister<Pod>(resources.pods)
  const family = controllerOf(owner)
  const siblings =
    family && flavour === replicaSetFlavour
      ? view
          .lister<ReplicaSet>(resources.replicaSets)
          .list(owner.metadata.namespace)
          .filter((set) => controllerOf(set)?.uid === family.uid)
      : [owner]
  return siblings.flatMap((sibling) => pods.by(ownerIndex, sibling.metadata.uid ?? '').filter(isPodActive))
}

interface Reporting {
  readonly owner: Owner
  readonly mine: readonly Pod[]
  readonly active: readonly Pod[]
  readonly wanted: number
  readonly error: unknown
  readonly flavour: Flavour
  readonly view: View
}

async function writeStatus({ owner, mine, active, wanted, error, flavour, view }: Reporting): Promise<void> {
  const terminating = mine.filter((pod) => pod.metadata.deletionTimestamp && !isPodFinished(pod)).length
  const old = owner.status as ReplicaSetStatus | undefined
  const status = replicaStatus({
    old,
    generation: owner.metadata.generation,
    template: (owner.spec as { template?: PodTemplateSpec } | undefined)?.template,
    minReadySeconds: owner.spec?.minReadySeconds ?? 0,
    pods: active,
    ...(flavour.reportsTerminating ? { terminating } : {}),
    error,
    missing: wanted - active.length,
    nowMs: view.clock.now(),
  })
  if (sameJson(status, old ?? {})) return
  const owners = view.client.resource<Owner>(flavour.resource)
  try {
    await owners.updateStatus({ ...owner, status } as Owner)
  } catch (failure) {
    if (!hasReason(failure, 'Conflict')) throw failure
    // The cache was behind, most often behind this controller's own last write; the counts are of now all the same.
    const live = await owners.get(owner.metadata.namespace ?? '', owner.metadata.name ?? '')
    if (live.metadata.uid !== owner.metadata.uid || live.metadata.generation !== owner.metadata.generation) throw failure
    await owners.updateStatus({ ...live, status } as Owner)
  }
}

/** With minReadySeconds a pod becomes available without any event: look again then. */
function nextLook(owner: Owner, active: readonly Pod[], view: View): { requeueAfterMs: number } | undefined {
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0
  if (minReadySeconds === 0) return undefined
  let soonestMs = Number.POSITIVE_INFINITY
  for (const pod of active) soonestMs = Math.min(soonestMs, msUntilAvailable(pod, minReadySeconds, view.clock.now()) ?? soonestMs)
  return Number.isFinite(soonestMs) ? { requeueAfterMs: soonestMs } : undefined
}

function withKind(owner: Owner, flavour: Flavour): KubeObject {
  return {
    ...owner,
    apiVersion: flavour.kind.group ? `${flavour.kind.group}/${flavour.kind.version}` : flavour.kind.version,
    kind: flavour.kind.kind,
  }
}
