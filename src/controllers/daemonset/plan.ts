/** What a DaemonSet does next: pods to make and end by node, and the steps of a rolling update. Pure. */
import type { DaemonSet, DaemonSetStatus } from '../../api/types/apps-v1.js'
import type { Node, Pod } from '../../api/types/core-v1.js'
import { scaledValue } from '../common/int-or-percent.js'
import { isPodAvailable, isPodReady } from '../common/pods.js'
import { isUpdated, oldestFirst } from './daemon-pods.js'
import type { Placement } from './nodes.js'

/** The world as one reconcile sees it. */
export interface Scene {
  readonly set: DaemonSet
  readonly nodes: readonly Node[]
  /** By target node: see podsByNode. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>
  readonly placement: (node: Node) => Placement
  /** Of the present template. */
  readonly hash: string
  readonly nowMs: number
}

export interface Steps {
  /** Nodes that get a new pod. */
  readonly create: readonly string[]
  readonly delete: readonly Pod[]
}

export interface Management extends Steps {
  /** Pods among `delete` that have ended by themselves. */
  readonly ended: readonly Pod[]
}

/**
 * One pod on each node that should run one, none where none may stay, ended ones replaced. `mayReplace` says whether a failed
 * pod's node has waited long enough.
 */
export function manage(scene: Scene, mayReplace: (pod: Pod, node: string) => boolean): Management {
  const create: string[] = []
  const gone: Pod[] = []
  const ended: Pod[] = []
  const known = new Set<string>()
  for (const node of scene.nodes) {
    const name = node.metadata.name ?? ''
    known.add(name)
    const { run, stay } = scene.placement(node)
    const there = scene.pods.get(name)
    if (!there) {
      if (run) create.push(name)
    } else if (!stay) {
      gone.push(...there.filter((pod) => !pod.metadata.deletionTimestamp))
    } else {
      const present = there.filter((pod) => !pod.metadata.deletionTimestamp)
      const finished = present.filter((pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed')
      ended.push(...finished.filter((pod) => pod.status?.phase === 'Succeeded' || mayReplace(pod, name)))
      const running = present.filter((pod) => !finished.includes(pod))
      if (surgeOf(scene.set, 1) === 0) gone.push(...oldestFirst(running).slice(1))
      else if (running.length === 0 && run) create.push(name)
      else gone.push(...beyondSurge(scene, running))
    }
  }
  // The node went before its pod was scheduled: the pod waits for nothing.
  for (const [name, pods] of scene.pods) {
    if (!known.has(name)) gone.push(...pods.filter((pod) => !pod.spec?.nodeName && !pod.metadata.deletionTimestamp))
  }
  return { create, delete: [...ended, ...gone], ended }
}

/** While surging a node has at most an old pod that is ready and a new one that is not available yet. */
function beyondSurge({ set, hash, nowMs }: Scene, running: readonly Pod[]): Pod[] {
  if (running.length < 2) return []
  const sorted = oldestFirst(running)
  const fresh = sorted.find((pod) => isUpdated(set, pod, hash))
  const old = sorted.find((pod) => !isUpdated(set, pod, hash))
  const beyond = sorted.filter((pod) => pod !== fresh && pod !== old)
  if (fresh && old && (!isPodReady(old) || isPodAvailable(fresh, minReadySeconds(set), nowMs))) beyond.push(old)
  return beyond
}

const none: Steps = { create: [], delete: [] }

/** The next steps of a rolling update, within maxUnavailable or maxSurge. */
export function rollingUpdate(scene: Scene): Steps {
  const { set, nodes, placement } = scene
  if (set.spec?.updateStrategy?.type === 'OnDelete') return none
  const wanted = new Set(nodes.filter((node) => placement(node).run).map((node) => node.metadata.name ?? ''))
  // A node without its pod counts as unavailable; nodes that only have a pod to lose are looked at too.
  const names = new Set([...scene.pods.keys(), ...wanted])
  const surge = surgeOf(set, wanted.size)
  return surge > 0 ? surgeSteps(scene, names, surge) : replaceSteps(scene, names, unavailableOf(set, wanted.size, surge))
}

/** Without surge: old pods that are not available go at once, available ones as far as maxUnavailable allows. */
function replaceSteps(scene: Scene, names: ReadonlySet<string>, maxUnavailable: number): Steps {
  let unavailable = 0
  const broken: Pod[] = []
  const candidates: Pod[] = []
  for (const name of names) {
    const { fresh, old, tooMany } = onNode(scene, name)
    if (tooMany || Boolean(fresh) === Boolean(old)) unavailable++
    else if (fresh) unavailable += available(scene, fresh) ? 0 : 1
    else if (old && available(scene, old)) candidates.push(old)
    else if (old) {
      broken.push(old)
      unavailable++
    }
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] }
}

/** With surge: a new pod beside the old one, which goes once the new one is available. */
function surgeSteps(scene: Scene, names: ReadonlySet<string>, maxSurge: number): Steps {
  let surging = 0
  const atOnce: string[] = []
  const candidates: string[] = []
  const done: Pod[] = []
  for (const name of names) {
    const { fresh, old, tooMany } = onNode(scene, name)
    if (tooMany) surging++
    else if (old && !fresh) {
      if (available(scene, old)) candidates.push(name)
      else atOnce.push(name)
    } else if (old && fresh) {
      if (available(scene, fresh)) done.push(old)
      else surging++
    }
  }
  return { create: [...atOnce, ...candidates.slice(0, Math.max(0, maxSurge - surging))], delete: done }
}

/** The node's pod of the present template and its old one; `tooMany` when there is more than one of either. */
function onNode({ set, pods, hash }: Scene, name: string): { fresh?: Pod; old?: Pod; tooMany?: boolean } {
  let fresh: Pod | undefined
  let old: Pod | undefined
  for (const pod of pods.get(name) ?? []) {
    if (pod.metadata.deletionTimestamp) continue
    const isFresh = isUpdated(set, pod, hash)
    if (isFresh ? fresh : old) return { tooMany: true }
    if (isFresh) fresh = pod
    else old = pod
  }
  return { ...(fresh ? { fresh } : {}), ...(old ? { old } : {}) }
}

const minReadySeconds = (set: DaemonSet): number => set.spec?.minReadySeconds ?? 0
const available = (scene: Scene, pod: Pod): boolean => isPodAvailable(pod, minReadySeconds(scene.set), scene.nowMs)

function surgeOf(set: DaemonSet, desired: number): number {
  const { type, rollingUpdate: rolling } = set.spec?.updateStrategy ?? {}
  return type === 'OnDelete' ? 0 : scaledValue(rolling?.maxSurge, desired, 'up')
}

/** When neither is allowed, one may be unavailable, or nothing could ever move. */
function unavailableOf(set: DaemonSet, desired: number, surge: number): number {
  const most = scaledValue(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, 'up')
  return desired > 0 && most === 0 && surge === 0 ? 1 : most
}

/** `settled`: everything asked for has been seen, so that the generation counts as observed. */
export function daemonSetStatus(scene: Scene, settled: boolean): DaemonSetStatus {
  const { set, nodes, pods, placement, hash } = scene
  const count = { desired: 0, current: 0, updated: 0, ready: 0, available: 0, misscheduled: 0 }
  for (const node of nodes) {
    const there = pods.get(node.metadata.name ?? '')
    if (!placement(node).run) {
      if (there) count.misscheduled++
      continue
    }
    count.desired++
    const [pod] = there ? oldestFirst(there) : []
    if (!pod) continue
    count.current++
    if (isPodReady(pod)) count.ready++
    if (available(scene, pod)) count.available++
    if (isUpdated(set, pod, hash)) count.updated++
  }
  const unavailable = count.desired - count.available
  const observedGeneration = settled ? set.metadata.generation : set.status?.observedGeneration
  return {
    currentNumberScheduled: count.current,
    numberMisscheduled: count.misscheduled,
    desiredNumberScheduled: count.desired,
    numberReady: count.ready,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(count.updated ? { updatedNumberScheduled: count.updated } : {}),
    ...(count.available ? { numberAvailable: count.available } : {}),
    ...(unavailable ? { numberUnavailable: unavailable } : {}),
    ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  }
}
