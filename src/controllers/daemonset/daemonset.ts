/**
 * Keeps one pod of a DaemonSet on each node that its template fits, and moves them to a new template within maxUnavailable or
 * maxSurge. What to do next is decided in plan.ts; here it is read, written and reported.
 */
import { keyOf } from '../../api/object.js'
import { labelSelectorOf, type Selector } from '../../api/selectors/label.js'
import type { ControllerRevision, DaemonSet } from '../../api/types/apps-v1.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { Expectations } from '../common/expectations.js'
import { controllerOf, orphansOf, ownerIndex, ownerIndexValues } from '../common/owner.js'
import { Pace, paced } from '../common/pace.js'
import { sameJson } from '../../api/same-json.js'
import { msUntilAvailable } from '../common/pods.js'
import type { Controller, Outcome, View } from '../controller.js'
import { forgetRevisions, ownRevisions, revisionLabel } from '../history/history.js'
import { daemonSetKind, podsByNode } from './daemon-pods.js'
import { FailedPods } from './failed-pods.js'
import { type Placement, placementOf } from './nodes.js'
import { daemonSetStatus, manage, rollingUpdate, type Scene } from './plan.js'
import { applySteps, sayOf } from './pod-writer.js'
import { presentRevision } from './revision.js'

export function daemonSetController(): Controller {
  let state: State | undefined
  const stateOf = (view: View) => (state ??= new State(view))
  return {
    name: 'daemonset-controller',
    workers: 2,
    watches: [
      { resource: resources.daemonSets, toKeys: (object) => [keyOf(object)] },
      { resource: resources.pods, toKeys: (object, view, change) => keysOfPod(object as Pod, view, change, stateOf(view)) },
      {
        resource: resources.nodes,
        toKeys: (_node, view) => view.lister<DaemonSet>(resources.daemonSets).list().map(keyOf),
        changed: (object, old) => isOtherNode(object as Node, old as Node),
      },
      { resource: resources.controllerRevisions, toKeys: (object) => keysOfOwned(object as ControllerRevision) },
    ],
    start(view) {
      state = new State(view)
      view.informer<Pod>(resources.pods).addIndex(ownerIndex, ownerIndexValues)
      view.informer<ControllerRevision>(resources.controllerRevisions).addIndex(ownerIndex, ownerIndexValues)
    },
    async reconcile(key, view) {
      const set = view.lister<DaemonSet>(resources.daemonSets).get(key)
      if (!set) return stateOf(view).forget(key)
      return new Sync(key, set, view, stateOf(view)).run()
    },
  }
}

interface Compiled {
  readonly uid: string | undefined
  readonly generation: number | undefined
  readonly selector: Selector
  readonly placement: (node: Node) => Placement
}

/** What is remembered from one reconcile to the next. */
class State {
  readonly expectations: Expectations
  readonly pace: Pace
  readonly failed: FailedPods
  readonly #compiled = new Map<string, Compiled>()

  constructor(view: View) {
    this.expectations = new Expectations(view.clock)
    this.pace = new Pace(view.clock)
    this.failed = new FailedPods(view.clock)
  }

  /** The set's selector and node rule, made anew only when its spec changes. */
  compiled(set: DaemonSet): Compiled {
    const key = keyOf(set)
    const { uid, generation } = set.metadata
    let known = this.#compiled.get(key)
    if (!known || known.uid !== uid || known.generation !== generation) {
      known = { uid, generation, selector: labelSelectorOf(set.spec?.selector), placement: placementOf(set) }
      this.#compiled.set(key, known)
    }
    return known
  }

  forget(key: string): void {
    this.expectations.forget(key)
    this.pace.forget(key)
    this.#compiled.delete(key)
  }
}

function keysOfPod(pod: Pod, view: View, change: 'add' | 'update' | 'delete', state: State): readonly string[] {
  const controller = controllerOf(pod)
  const { namespace = '', name = '', labels } = pod.metadata
  if (!controller) {
    if (change === 'delete') return []
    const sets = view.lister<DaemonSet>(resources.daemonSets).list(namespace)
    return sets.filter((set) => state.compiled(set).selector.matches(labels)).map(keyOf)
  }
  if (controller.kind !== 'DaemonSet') return []
  const key = `${namespace}/${controller.name}`
  if (change === 'add') state.expectations.created(key)
  if (change === 'delete' || pod.metadata.deletionTimestamp) state.expectations.deleted(key, name)
  return paced([key], view, state.pace)
}

function keysOfOwned(revision: ControllerRevision): readonly string[] {
  const controller = controllerOf(revision)
  return controller?.kind === 'DaemonSet' ? [`${revision.metadata.namespace}/${controller.name}`] : []
}

/** Only labels and taints decide where daemon pods go; heartbeats do not. */
function isOtherNode(node: Node, old: Node): boolean {
  return !sameJson(node.metadata.labels, old.metadata.labels) || !sameJson(node.spec?.taints, old.spec?.taints)
}

/** One reconcile of one DaemonSet. */
class Sync {
  readonly #key: string
  readonly #set: DaemonSet
  readonly #view: View
  readonly #state: State

  constructor(key: string, set: DaemonSet, view: View, state: State) {
    this.#key = key
    this.#set = set
    this.#view = view
    this.#state = state
  }

  async run(): Promise<Outcome | void> {
    const set = this.#set
    const { selector, placement } = this.#state.compiled(set)
    if (selector.empty) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.'
      return sayOf(this.#view, set)('Warning', 'SelectingAll', message)
    }
    if (set.metadata.deletionTimestamp) return
    const settled = this.#state.expectations.satisfied(this.#key)
    const revisions = await ownRevisions(this.#view, {
      ...{ object: set, kind: daemonSetKind, resource: resources.daemonSets, selector },
    })
    const current = await presentRevision(this.#view, set, revisions)
    const hash = current.metadata.labels?.[revisionLabel] ?? ''
    const claimed = await this.#claim(selector)
    const nodes = this.#view.lister<Node>(resources.nodes).list()
    this.#state.pace.ran(this.#key, nodes.length + claimed.length)
    const scene = { set, nodes, pods: podsByNode(claimed), placement, hash, nowMs: this.#view.clock.now() }
    let failure: unknown
    let retryMs: number | undefined
    if (settled) {
      try {
        retryMs = await this.#act(scene)
        await this.#forget(revisions, current, claimed)
      } catch (error) {
        failure = error
      }
    }
    await this.#report(scene, settled)
    if (failure !== undefined) throw failure
    return this.#nextLook(claimed, retryMs)
  }

  async #claim(selector: Selector): Promise<Pod[]> {
    const set = this.#set
    const pods = this.#view.lister<Pod>(resources.pods)
    return claimObjects(this.#view.client, {
      owner: set,
      ownerKind: daemonSetKind,
      resource: resources.pods,
      candidates: [...pods.by(ownerIndex, set.metadata.uid ?? ''), ...pods.by(ownerIndex, orphansOf(set.metadata.namespace ?? ''))],
      matches: (pod) => selector.matches(pod.metadata.labels ?? {}),
      mayAdopt: liveOwner(this.#view.client, resources.daemonSets, set),
    })
  }

  /** Gives back when the next failed pod may be replaced. */
  async #act(scene: Scene): Promise<number | undefined> {
    let retryMs: number | undefined
    const say = sayOf(this.#view, this.#set)
    const managed = manage(scene, (_pod, node) => {
      const wait = this.#state.failed.waitMs(`${this.#set.metadata.uid}/${this.#set.status?.observedGeneration ?? 0}/${node}`)
      if (wait > 0) retryMs = Math.min(wait, retryMs ?? wait)
      return wait === 0
    })
    for (const { metadata, status, spec } of managed.ended) {
      const what = `daemon pod ${metadata.namespace}/${metadata.name} on node ${spec?.nodeName}`
      if (status?.phase === 'Failed') say('Warning', 'FailedDaemonPod', `Found failed ${what}, will try to kill it`)
      else say('Normal', 'SucceededDaemonPod', `Found succeeded ${what}, will try to delete it`)
    }
    const writing = { view: this.#view, set: this.#set, key: this.#key, hash: scene.hash, expectations: this.#state.expectations }
    await applySteps(writing, managed)
    if (managed.create.length === 0 && managed.delete.length === 0) await applySteps(writing, rollingUpdate(scene))
    return retryMs
  }

  /** Deletes old revisions beyond the limit, oldest first, but none that a pod still has. */
  async #forget(revisions: readonly ControllerRevision[], current: ControllerRevision, pods: readonly Pod[]): Promise<void> {
    const old = revisions.filter((each) => each.metadata.name !== current.metadata.name)
    const beyond = old.length - (this.#set.spec?.revisionHistoryLimit ?? 10)
    if (beyond <= 0) return
    const live = new Set(pods.map((pod) => pod.metadata.labels?.[revisionLabel]))
    const unused = old.filter((each) => !live.has(each.metadata.labels?.[revisionLabel]))
    await forgetRevisions(this.#view, unused.slice(0, beyond))
  }

  async #report(scene: Scene, settled: boolean): Promise<void> {
    const status = daemonSetStatus(scene, settled)
    if (sameJson(status, this.#set.status)) return
    await this.#view.client.resource<DaemonSet>(resources.daemonSets).updateStatus({ ...this.#set, status })
  }

  /** A pod becomes available, and a failed one may be replaced, without any event: look again then. */
  #nextLook(pods: readonly Pod[], retryMs: number | undefined): Outcome | undefined {
    const waits = retryMs === undefined ? [] : [retryMs]
    const minReadySeconds = this.#set.spec?.minReadySeconds ?? 0
    if (minReadySeconds > 0) {
      const now = this.#view.clock.now()
      for (const pod of pods) {
        const wait = msUntilAvailable(pod, minReadySeconds, now)
        if (wait !== undefined) waits.push(wait)
      }
    }
    return waits.length > 0 ? { requeueAfterMs: waits.reduce((least, each) => Math.min(least, each)) } : undefined
  }
}
