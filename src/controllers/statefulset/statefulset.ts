/**
 * Gives a StatefulSet its pods, each with a name, an ordinal and claims that stay its own, and moves them to a new template in
 * order. What to do next is decided in plan.ts; here it is read, written and reported.
 */
import { keyOf } from '../../api/object.js'
import { labelSelectorOf, type Selector } from '../../api/selectors/label.js'
import type { ControllerRevision, StatefulSet } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { controllerOf, orphansOf, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { isGoingNamespace } from '../common/refusals.js'
import { Pace, paced } from '../common/pace.js'
import { sameJson } from '../../api/same-json.js'
import { msUntilAvailable } from '../common/pods.js'
import { slowStartBatch } from '../common/slow-start.js'
import type { Controller, Outcome, View } from '../controller.js'
import {
  createRevision,
  forgetRevisions,
  isOfTemplate,
  makeRevision,
  nextRevision,
  ownRevisions,
  renumber,
  revisionsToForget,
  templateOf,
} from '../history/history.js'
import { ordinalOf, revisionOfPod, statefulSetKind } from './identity.js'
import { planOf, usesCurrentRevision } from './plan.js'
import { PodWriter } from './pod-writer.js'
import { type Revisions, statefulSetStatus } from './status.js'

/** Where a StatefulSet's revision keeps its hash. */
const hashLabel = 'controller.kubernetes.io/hash'

export function statefulSetController(): Controller {
  const selectors = new WeakMap<StatefulSet, Selector>()
  const selectorOf = (set: StatefulSet) => {
    let selector = selectors.get(set)
    if (!selector) selectors.set(set, (selector = labelSelectorOf(set.spec?.selector)))
    return selector
  }
  let pace: Pace | undefined
  const paceOf = (view: View) => (pace ??= new Pace(view.clock))
  return {
    name: 'statefulset-controller',
    watches: [
      { resource: resources.statefulSets, toKeys: (object) => [keyOf(object)] },
      {
        resource: resources.pods,
        toKeys: (object, view, change) => paced(keysOfPod(object as Pod, view, change, selectorOf), view, paceOf(view)),
      },
      { resource: resources.persistentVolumeClaims, toKeys: () => [] },
      { resource: resources.controllerRevisions, toKeys: () => [] },
    ],
    start(view) {
      view.informer<Pod>(resources.pods).addIndex(ownerIndex, ownerIndexValues)
      view.informer<ControllerRevision>(resources.controllerRevisions).addIndex(ownerIndex, ownerIndexValues)
    },
    async reconcile(key, view) {
      const set = view.lister<StatefulSet>(resources.statefulSets).get(key)
      if (!set) return paceOf(view).forget(key)
      paceOf(view).ran(key, set.status?.replicas ?? 0)
      return new Sync(set, selectorOf(set), view).run()
    },
  }
}

function keysOfPod(pod: Pod, view: View, change: string, selectorOf: (set: StatefulSet) => Selector): readonly string[] {
  const controller = controllerOf(pod)
  const { namespace = '' } = pod.metadata
  if (controller) return controller.kind === 'StatefulSet' ? [`${namespace}/${controller.name}`] : []
  if (change === 'delete') return []
  const sets = view.lister<StatefulSet>(resources.statefulSets).list(namespace)
  return sets.filter((set) => selectorOf(set).matches(pod.metadata.labels ?? {})).map(keyOf)
}

/** One reconcile of one StatefulSet. */
class Sync {
  readonly #view: View
  readonly #set: StatefulSet
  readonly #selector: Selector

  constructor(set: StatefulSet, selector: Selector, view: View) {
    this.#set = set
    this.#selector = selector
    this.#view = view
  }

  async run(): Promise<Outcome | void> {
    const set = this.#set
    const all = await ownRevisions(this.#view, {
      object: set,
      kind: statefulSetKind,
      resource: resources.statefulSets,
      selector: this.#selector,
    })
    const pods = await this.#claim()
    const { current, update, collisionCount } = await this.#revisions(all)
    const names: Revisions = { current: current.metadata.name ?? '', update: update.metadata.name ?? '', collisionCount }
    let failure: unknown
    try {
      await this.#act(pods, current, update)
    } catch (error) {
      if (!isGoingNamespace(error)) failure = error
    }
    const status = statefulSetStatus(set, pods, names, this.#view.clock.now())
    if (!sameJson(status, set.status)) {
      await this.#view.client.resource<StatefulSet>(resources.statefulSets).updateStatus({ ...set, status })
    }
    const live = new Set([names.current, names.update, ...pods.map(revisionOfPod)])
    await forgetRevisions(
      this.#view,
      revisionsToForget(all, (name) => live.has(name), set.spec?.revisionHistoryLimit),
    )
    if (failure !== undefined) throw failure
    return this.#nextLook(pods)
  }

  async #claim(): Promise<Pod[]> {
    const set = this.#set
    const pods = this.#view.lister<Pod>(resources.pods)
    return claimObjects(this.#view.client, {
      owner: set,
      ownerKind: statefulSetKind,
      resource: resources.pods,
      candidates: [...pods.by(ownerIndex, set.metadata.uid ?? ''), ...pods.by(ownerIndex, orphansOf(set.metadata.namespace ?? ''))],
      matches: (pod) => this.#selector.matches(pod.metadata.labels ?? {}) && ordinalOf(set, pod) !== undefined,
      mayAdopt: liveOwner(this.#view.client, resources.statefulSets, set),
    })
  }

  /** The revision of the present template (made, or moved to the front, when needed) and the one that an update comes from. */
  async #revisions(all: readonly ControllerRevision[]) {
    const set = this.#set
    const template = set.spec?.template ?? {}
    let collisionCount = set.status?.collisionCount ?? 0
    const equal = all.filter((each) => isOfTemplate(each, template)).at(-1)
    let update: ControllerRevision | undefined
    if (equal) update = equal === all.at(-1) ? equal : await renumber(this.#view, equal, nextRevision(all))
    while (!update) {
      const made = await createRevision(
        this.#view,
        makeRevision({ owner: set, kind: statefulSetKind, template, revision: nextRevision(all), hashLabel, collisionCount }),
      )
      if ('revision' in made) update = made.revision
      else collisionCount++
    }
    const current = all.find((each) => each.metadata.name === set.status?.currentRevision) ?? update
    return { current, update, collisionCount }
  }

  async #act(pods: readonly Pod[], current: ControllerRevision, update: ControllerRevision): Promise<void> {
    const set = this.#set
    const writer = new PodWriter(set, this.#view)
    const origin = (revision: ControllerRevision) => ({ template: templateOf(revision), revision: revision.metadata.name ?? '' })
    const [old, fresh] = [origin(current), origin(update)]
    const plan = planOf(set, pods, fresh.revision, this.#view.clock.now())
    await each(plan.ended, (pod) => writer.delete(pod))
    await each(plan.kept, (pod) => writer.keep(pod))
    await each(plan.missing, (ordinal) => writer.create(ordinal, usesCurrentRevision(set, ordinal) ? old : fresh))
    await each(plan.condemned, (pod) => writer.keepClaims(pod))
    await each(plan.scaleDown, (pod) => writer.delete(pod))
    await each(plan.outdated, (pod) => writer.delete(pod))
  }

  /** With minReadySeconds a pod becomes available without any event: look again then. */
  #nextLook(pods: readonly Pod[]): Outcome | undefined {
    const minReadySeconds = this.#set.spec?.minReadySeconds ?? 0
    if (minReadySeconds === 0) return undefined
    const now = this.#view.clock.now()
    const waits = pods.map((pod) => msUntilAvailable(pod, minReadySeconds, now)).filter((ms) => ms !== undefined)
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined
  }
}

/** All of them, a few at first, until one fails. */
async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const { error } = await slowStartBatch(items.length, (index) => act(items[index] as T))
  if (error !== undefined) throw error
}
