/**
 * Rolls a Deployment's template out over ReplicaSets: finds or makes the set of the present template, shifts pods to it as the
 * strategy allows, shares out pods when the wanted number changes, forgets old revisions, and reports progress.
 * The decisions are pure functions beside this file; here they are read, written and reported.
 */
import { keyOf, splitKey } from '../../api/object.js'
import { labelSelectorOf } from '../../api/selectors/label.js'
import { hasReason } from '../../api/status.js'
import type { Deployment, DeploymentCondition, ReplicaSet } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { controllerOf, isControlledBy, orphansOf, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { sameJson } from '../../api/same-json.js'
import { isPodFinished } from '../common/pods.js'
import { isGoingNamespace } from '../common/refusals.js'
import type { Controller, Outcome, View } from '../controller.js'
import { isRolling } from './bounds.js'
import { byAge, findNewReplicaSet, replicasOf, revisionOf, sameTemplate, totalReplicas } from './replica-sets.js'
import { annotationsFor, deploymentKind, makeReplicaSet, maxRevision, sizeAnnotations } from './revision.js'
import { isScalingEvent, newSetReplicas, proportionalScale, type Scale, setsToForget, shrinkOldSets } from './scaling.js'
import { annotations } from './replica-sets.js'
import { deadlineMs, deploymentStatus, hasDeadline, isComplete, setCondition, withProgress } from './status.js'

export function deploymentController(): Controller {
  return {
    name: 'deployment-controller',
    watches: [
      { resource: resources.deployments, toKeys: (object) => [keyOf(object)] },
      { resource: resources.replicaSets, toKeys: (object, view) => keysOfReplicaSet(object as ReplicaSet, view) },
      // Only the last pod's going matters, and only to the Recreate strategy.
      { resource: resources.pods, toKeys: (object, view, change) => (change === 'delete' ? keysOfPod(object as Pod, view) : []) },
    ],
    start(view) {
      view.informer<ReplicaSet>(resources.replicaSets).addIndex(ownerIndex, ownerIndexValues)
      view.informer<Pod>(resources.pods).addIndex(ownerIndex, ownerIndexValues)
    },
    reconcile: (key, view) => new Rollout(key, view).run(),
  }
}

function keysOfReplicaSet(set: ReplicaSet, view: View): readonly string[] {
  const controller = controllerOf(set)
  const { namespace = '' } = set.metadata
  if (controller) return controller.kind === 'Deployment' ? [`${namespace}/${controller.name}`] : []
  const deployments = view.lister<Deployment>(resources.deployments).list(namespace)
  return deployments.filter((each) => labelSelectorOf(each.spec?.selector).matches(set.metadata.labels ?? {})).map(keyOf)
}

function keysOfPod(pod: Pod, view: View): readonly string[] {
  const owner = controllerOf(pod)
  if (owner?.kind !== 'ReplicaSet') return []
  const set = view.lister<ReplicaSet>(resources.replicaSets).get(`${pod.metadata.namespace}/${owner.name}`)
  const deployment = set && controllerOf(set)
  return deployment?.kind === 'Deployment' ? [`${pod.metadata.namespace}/${deployment.name}`] : []
}

/** One reconcile of one Deployment. */
class Rollout {
  readonly #key: string
  readonly #view: View
  #deployment!: Deployment

  constructor(key: string, view: View) {
    this.#key = key
    this.#view = view
  }

  async run(): Promise<Outcome | void> {
    const found = this.#view.lister<Deployment>(resources.deployments).get(this.#key)
    if (!found) return
    this.#deployment = found
    const sets = await this.#claim()
    if (found.metadata.deletionTimestamp) return this.#report(findNewReplicaSet(found, sets), sets, 'counts')
    await this.#markPaused()
    if (this.#deployment.spec?.paused || isScalingEvent(this.#deployment, sets)) return this.#resize(sets)
    return isRolling(this.#deployment) ? this.#roll(sets) : this.#recreate(sets)
  }

  async #claim(): Promise<ReplicaSet[]> {
    const deployment = this.#deployment
    const lister = this.#view.lister<ReplicaSet>(resources.replicaSets)
    const selector = labelSelectorOf(deployment.spec?.selector)
    const orphans = lister.by(ownerIndex, orphansOf(splitKey(this.#key).namespace))
    return claimObjects(this.#view.client, {
      owner: deployment,
      ownerKind: deploymentKind,
      resource: resources.replicaSets,
      candidates: [...lister.by(ownerIndex, deployment.metadata.uid ?? ''), ...orphans],
      matches: (set) => selector.matches(set.metadata.labels ?? {}),
      mayAdopt: liveOwner(this.#view.client, resources.deployments, deployment),
    })
  }

  /** Says in the Progressing condition that the deadline stands still, or goes on. */
  async #markPaused(): Promise<void> {
    const deployment = this.#deployment
    const progressing = deployment.status?.conditions?.find((each) => each.type === 'Progressing')
    if (!hasDeadline(deployment) || progressing?.reason === 'ProgressDeadlineExceeded') return
    const isPaused = progressing?.reason === 'DeploymentPaused'
    if (isPaused === Boolean(deployment.spec?.paused)) return
    const condition: DeploymentCondition = isPaused
      ? { type: 'Progressing', status: 'Unknown', reason: 'DeploymentResumed', message: 'Deployment is resumed' }
      : { type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' }
    const status = { ...deployment.status, conditions: setCondition(deployment.status?.conditions, condition, this.#view.clock.now()) }
    this.#deployment = await this.#deployments().updateStatus({ ...deployment, status })
  }

  async #resize(sets: readonly ReplicaSet[]): Promise<Outcome | void> {
    const newSet = await this.#newSet(sets, false)
    const old = sets.filter((set) => set.metadata.uid !== newSet?.metadata.uid)
    const sized = await this.#apply(proportionalScale(this.#deployment, newSet, old), [...old, ...(newSet ? [newSet] : [])])
    if (this.#deployment.spec?.paused) await this.#forget(old)
    return this.#report(
      sized.find((set) => set.metadata.uid === newSet?.metadata.uid),
      sized,
      'counts',
    )
  }

  async #roll(sets: readonly ReplicaSet[]): Promise<Outcome | void> {
    const newSet = await this.#newSet(sets, true)
    if (!newSet) return
    const old = sets.filter((set) => set.metadata.uid !== newSet.metadata.uid)
    const all = [...old, newSet]
    const replicas = newSetReplicas(this.#deployment, newSet, all)
    const grow = replicas === replicasOf(newSet) ? [] : [{ set: newSet, replicas }]
    const steps = grow.length > 0 ? grow : shrinkOldSets(this.#deployment, old, newSet)
    const sized = await this.#apply(steps, all)
    return this.#finish(sized, newSet)
  }

  /** Recreate: nothing new runs before the last old pod has gone. */
  async #recreate(sets: readonly ReplicaSet[]): Promise<Outcome | void> {
    const present = await this.#newSet(sets, false)
    const old = sets.filter((set) => set.metadata.uid !== present?.metadata.uid)
    const down = old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }))
    if (down.length > 0) {
      const sized = await this.#apply(down, sets)
      return this.#report(present, sized)
    }
    if (this.#oldPodsRun(old)) return this.#report(present, sets)
    const newSet = present ?? (await this.#newSet(sets, true))
    if (!newSet) return
    const wanted = this.#deployment.spec?.replicas ?? 1
    const sized = await this.#apply(replicasOf(newSet) === wanted ? [] : [{ set: newSet, replicas: wanted }], [...old, newSet])
    return this.#finish(sized, newSet)
  }

  #oldPodsRun(old: readonly ReplicaSet[]): boolean {
    const pods = this.#view.lister<Pod>(resources.pods)
    return old.some((set) => pods.by(ownerIndex, set.metadata.uid ?? '').some((pod) => !isPodFinished(pod)))
  }

  async #finish(sized: readonly ReplicaSet[], newSet: ReplicaSet): Promise<Outcome | void> {
    const present = sized.find((set) => set.metadata.uid === newSet.metadata.uid)
    const status = deploymentStatus(this.#deployment, present, sized, this.#view.clock.now())
    if (isComplete(this.#deployment, status)) await this.#forget(sized.filter((set) => set !== present))
    return this.#report(present, sized)
  }

  /** The set of the present template with its annotations right; made when `create`. Also numbers the Deployment itself. */
  async #newSet(sets: readonly ReplicaSet[], create: boolean): Promise<ReplicaSet | undefined> {
    const existing = findNewReplicaSet(this.#deployment, sets)
    const revision = maxRevision(sets.filter((set) => set !== existing)) + 1
    if (!existing) {
      if (!create) return undefined
      return this.#create(revision, sets)
    }
    const next = annotationsFor(this.#deployment, existing, revision)
    const minReadySeconds = this.#deployment.spec?.minReadySeconds
    let set = existing
    if (
      !sameJson({ ...next, ...sizeOf(existing) }, existing.metadata.annotations) ||
      (existing.spec?.minReadySeconds ?? 0) !== (minReadySeconds ?? 0)
    ) {
      const annotated = { ...next, ...sizeOf(existing) }
      set = await this.#sets().update({
        ...existing,
        metadata: { ...existing.metadata, annotations: annotated },
        spec: { ...existing.spec, selector: existing.spec?.selector ?? {}, minReadySeconds },
      })
    }
    await this.#note(revisionOf(set), 'FoundNewReplicaSet', `Found new replica set "${set.metadata.name}"`, false)
    return set
  }

  async #create(revision: number, sets: readonly ReplicaSet[]): Promise<ReplicaSet> {
    const made = makeReplicaSet(this.#deployment, revision)
    const spec = made.spec ?? { selector: {} }
    made.spec = { ...spec, replicas: newSetReplicas(this.#deployment, made, [...sets, made]) }
    try {
      const set = await this.#sets().create(made)
      if ((set.spec?.replicas ?? 0) > 0)
        this.#say('Normal', 'ScalingReplicaSet', `Scaled up replica set ${set.metadata.name} from 0 to ${set.spec?.replicas}`)
      await this.#note(revision, 'NewReplicaSetCreated', `Created new replica set "${set.metadata.name}"`, true)
      return set
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) return this.#afterCollision(made, error)
      // In a namespace that is being deleted nothing can be made, and nothing is wrong.
      if (!isGoingNamespace(error)) await this.#noteFailure(`Failed to create new replica set "${made.metadata.name}": ${messageOf(error)}`)
      throw error
    }
  }

  /** The name is taken: by our own set that the cache has not shown yet (use it), or by another one (count the collision and hash anew). */
  async #afterCollision(made: ReplicaSet, error: unknown): Promise<ReplicaSet> {
    const other = await this.#sets().get(made.metadata.namespace ?? '', made.metadata.name ?? '')
    if (isControlledBy(other, this.#deployment) && sameTemplate(other.spec?.template, this.#deployment.spec?.template)) return other
    const status = { ...this.#deployment.status, collisionCount: (this.#deployment.status?.collisionCount ?? 0) + 1 }
    await this.#deployments().updateStatus({ ...this.#deployment, status })
    throw error
  }

  /**
   * Numbers the Deployment and notes that there is something to make progress with (`always`: also over an older note). One write
   * of the status does both: annotations that are written beside a status do not move the generation.
   */
  async #note(revision: number, reason: string, message: string, always: boolean): Promise<void> {
    const { metadata, status } = this.#deployment
    const isNumbered = metadata.annotations?.[annotations.revision] === String(revision)
    const old = status?.conditions?.find((each) => each.type === 'Progressing')
    const isNoted = !hasDeadline(this.#deployment) || (old !== undefined && !always)
    if (isNumbered && isNoted) return
    const condition: DeploymentCondition = { type: 'Progressing', status: 'True', reason, message }
    const conditions = isNoted ? status?.conditions : setCondition(status?.conditions, condition, this.#view.clock.now())
    this.#deployment = await this.#deployments().updateStatus({
      ...this.#deployment,
      metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.revision]: String(revision) } },
      status: { ...status, ...(conditions ? { conditions } : {}) },
    })
  }

  async #noteFailure(message: string): Promise<void> {
    this.#say('Warning', 'ReplicaSetCreateError', message)
    if (!hasDeadline(this.#deployment)) return
    const condition: DeploymentCondition = {
      type: 'Progressing',
      status: 'False',
      reason: 'ReplicaSetCreateError',
      message,
    }
    const status = {
      ...this.#deployment.status,
      conditions: setCondition(this.#deployment.status?.conditions, condition, this.#view.clock.now()),
    }
    await this.#deployments().updateStatus({ ...this.#deployment, status })
  }

  /** Writes the sizes and gives the sets back as they are then, oldest first. Also brings the size annotations up to date. */
  async #apply(steps: readonly Scale[], all: readonly ReplicaSet[]): Promise<ReplicaSet[]> {
    const size = sizeAnnotations(this.#deployment)
    const target = new Map(steps.map(({ set, replicas }) => [set.metadata.uid, replicas]))
    const sized = await Promise.all(
      all.map(async (set) => {
        const replicas = target.get(set.metadata.uid) ?? replicasOf(set)
        const noted = replicas === 0 || sameJson({ ...set.metadata.annotations, ...size }, set.metadata.annotations)
        if (replicas === replicasOf(set) && noted) return set
        const metadata = { ...set.metadata, annotations: { ...set.metadata.annotations, ...size } }
        const updated = await this.#sets().update({ ...set, metadata, spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas } })
        if (replicas !== replicasOf(set)) {
          const direction = replicas > replicasOf(set) ? 'up' : 'down'
          this.#say(
            'Normal',
            'ScalingReplicaSet',
            `Scaled ${direction} replica set ${set.metadata.name} from ${replicasOf(set)} to ${replicas}`,
          )
        }
        return updated
      }),
    )
    return sized.sort(byAge)
  }

  async #forget(old: readonly ReplicaSet[]): Promise<void> {
    await Promise.all(
      setsToForget(this.#deployment, old, revisionOf).map(async (set) => {
        try {
          await this.#sets().delete(set.metadata.namespace ?? '', set.metadata.name ?? '', { preconditions: { uid: set.metadata.uid } })
        } catch (error) {
          if (!hasReason(error, 'NotFound')) throw error
        }
      }),
    )
  }

  /** `counts`: what is not a step of a rollout (a change of size, a pause) says nothing about its progress. */
  async #report(newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[], what?: 'counts'): Promise<Outcome | void> {
    const deployment = this.#deployment
    const nowMs = this.#view.clock.now()
    const plain = deploymentStatus(deployment, newSet, sets, nowMs)
    const status = what === 'counts' ? plain : withProgress(deployment, plain, newSet, sets, nowMs)
    if (!sameJson(status, deployment.status)) await this.#deployments().updateStatus({ ...deployment, status })
    const left = deadlineMs(deployment, status, nowMs)
    if (left === undefined || left === 0 || totalReplicas(sets) === 0) return undefined
    // One second later than the deadline, so that the look finds it passed.
    return { requeueAfterMs: left + 1000 }
  }

  #deployments() {
    return this.#view.client.resource<Deployment>(resources.deployments)
  }

  #sets() {
    return this.#view.client.resource<ReplicaSet>(resources.replicaSets)
  }

  #say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#view.events.event({ ...this.#deployment, apiVersion: 'apps/v1', kind: 'Deployment' }, type, reason, message)
  }
}

/** The size annotations a set has now: they change only together with its size. */
function sizeOf(set: ReplicaSet): Record<string, string> {
  const { desiredReplicas, maxReplicas } = annotations
  const old = set.metadata.annotations ?? {}
  return {
    ...(old[desiredReplicas] ? { [desiredReplicas]: old[desiredReplicas] } : {}),
    ...(old[maxReplicas] ? { [maxReplicas]: old[maxReplicas] } : {}),
  }
}
