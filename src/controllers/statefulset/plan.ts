/**
 * What a StatefulSet does next. OrderedReady goes one pod at a time, upwards when making and downwards when ending, and waits for
 * each to be available; Parallel does all at once. Scaling comes before updating. Pure.
 */
import type { StatefulSet } from '../../api/types/apps-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { scaledValue } from '../common/int-or-percent.js'
import { isPodAvailable, isPodFinished, isPodReady } from '../common/pods.js'
import { isInRange, ordinalOf, replicasOf, revisionOfPod, startOrdinal } from './identity.js'

export interface Plan {
  /** Ended pods in range: deleted, so that they are made anew. */
  readonly ended: readonly Pod[]
  /** Ordinals without a pod. */
  readonly missing: readonly number[]
  /** Pods in range whose labels and claims are to be kept right. */
  readonly kept: readonly Pod[]
  /** Pods out of range, highest ordinal first; empty while pods in range still need work. */
  readonly condemned: readonly Pod[]
  /** Those of them to end now. */
  readonly scaleDown: readonly Pod[]
  /** Pods of an old revision to end now. */
  readonly outdated: readonly Pod[]
}

const nothing: Plan = { ended: [], missing: [], kept: [], condemned: [], scaleDown: [], outdated: [] }

/** A place in range: its ordinal and the pod there, if any. */
interface Place {
  readonly ordinal: number
  readonly pod: Pod | undefined
}

export function planOf(set: StatefulSet, pods: readonly Pod[], updateRevision: string, nowMs: number): Plan {
  if (set.metadata.deletionTimestamp) return nothing
  const { places, condemned } = arrange(set, pods)
  const health = new Health(set.spec?.minReadySeconds ?? 0, nowMs)
  const inRange = set.spec?.podManagementPolicy === 'Parallel' ? parallel(places) : ordered(places, health)
  if (inRange.waits) return { ...nothing, ...inRange.plan }
  const plan = { ...nothing, ...inRange.plan, condemned }
  const ending = condemned.filter((pod) => !pod.metadata.deletionTimestamp)
  if (set.spec?.podManagementPolicy === 'Parallel')
    return { ...plan, scaleDown: ending, outdated: toUpdate(set, places, updateRevision, health) }
  if (condemned.length > 0) return { ...plan, scaleDown: nextToEnd(condemned, health) }
  return { ...plan, outdated: toUpdate(set, places, updateRevision, health) }
}

function arrange(set: StatefulSet, pods: readonly Pod[]): { places: Place[]; condemned: Pod[] } {
  const start = startOrdinal(set)
  const byOrdinal = new Map<number, Pod>()
  const outside: [number, Pod][] = []
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod)
    if (ordinal === undefined) continue
    if (isInRange(set, ordinal)) byOrdinal.set(ordinal, pod)
    else outside.push([ordinal, pod])
  }
  const places = Array.from({ length: replicasOf(set) }, (_, i) => ({ ordinal: start + i, pod: byOrdinal.get(start + i) }))
  return { places, condemned: outside.sort(([a], [b]) => b - a).map(([, pod]) => pod) }
}

interface InRange {
  readonly plan: Partial<Plan>
  /** Nothing else is done before this has come about. */
  readonly waits: boolean
}

function ordered(places: readonly Place[], health: Health): InRange {
  const kept: Pod[] = []
  for (const { ordinal, pod } of places) {
    if (!pod) return { plan: { kept, missing: [ordinal] }, waits: true }
    if (isPodFinished(pod)) return { plan: { kept, ended: pod.metadata.deletionTimestamp ? [] : [pod] }, waits: true }
    kept.push(pod)
    if (!health.isAvailable(pod)) return { plan: { kept }, waits: true }
  }
  return { plan: { kept }, waits: false }
}

function parallel(places: readonly Place[]): InRange {
  const there = places.flatMap(({ pod }) => (pod ? [pod] : []))
  return {
    plan: {
      missing: places.filter(({ pod }) => !pod).map(({ ordinal }) => ordinal),
      ended: there.filter((pod) => isPodFinished(pod) && !pod.metadata.deletionTimestamp),
      kept: there.filter((pod) => !isPodFinished(pod)),
    },
    waits: false,
  }
}

/** In order, only the highest goes, when those below it are well; the lowest that is not well may go too, or nothing ever would. */
function nextToEnd(condemned: readonly Pod[], health: Health): Pod[] {
  const [highest] = condemned
  if (!highest || highest.metadata.deletionTimestamp) return []
  const firstUnwell = condemned.findLast((pod) => !health.isAvailable(pod))
  return health.isReadyLongEnough(highest) || highest === firstUnwell ? [highest] : []
}

function toUpdate(set: StatefulSet, places: readonly Place[], updateRevision: string, health: Health): Pod[] {
  const { updateStrategy, podManagementPolicy } = set.spec ?? {}
  if (updateStrategy?.type === 'OnDelete') return []
  const { partition = 0, maxUnavailable } = updateStrategy?.rollingUpdate ?? {}
  const fromTop = places.slice(partition).reverse()
  if (maxUnavailable === undefined) return nextToUpdate(fromTop, updateRevision, health)
  const most = Math.max(1, scaledValue(maxUnavailable, replicasOf(set), 'down'))
  const left = most - places.filter(({ pod }) => !health.isAvailable(pod)).length
  const old = fromTop.flatMap(({ pod }) => (pod && !pod.metadata.deletionTimestamp && revisionOfPod(pod) !== updateRevision ? [pod] : []))
  if (podManagementPolicy !== 'Parallel') return old.slice(0, Math.max(0, left))
  // What is down already costs nothing more, and may be down because of its old revision (KEP-961).
  const down = old.filter((pod) => !health.isAvailable(pod))
  return [...down, ...old.filter((pod) => health.isAvailable(pod)).slice(0, Math.max(0, left))]
}

/** One at a time from the top, waiting for each to be available before the next. */
function nextToUpdate(fromTop: readonly Place[], updateRevision: string, health: Health): Pod[] {
  for (const { pod } of fromTop) {
    // Not there: it is being made, of whichever revision it belongs to.
    if (!pod) return []
    if (revisionOfPod(pod) !== updateRevision && !pod.metadata.deletionTimestamp) return [pod]
    if (!health.isAvailable(pod)) return []
  }
  return []
}

class Health {
  readonly #minReadySeconds: number
  readonly #nowMs: number

  constructor(minReadySeconds: number, nowMs: number) {
    this.#minReadySeconds = minReadySeconds
    this.#nowMs = nowMs
  }

  isReadyLongEnough(pod: Pod): boolean {
    return isRunningAndReady(pod) && isPodAvailable(pod, this.#minReadySeconds, this.#nowMs)
  }

  isAvailable(pod: Pod | undefined): boolean {
    return pod !== undefined && !pod.metadata.deletionTimestamp && this.isReadyLongEnough(pod)
  }
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod)
}

/**
 * True when the pod of an ordinal is to be made from the current revision, not from the new one: below the partition of a
 * rolling update (StatefulSet API, rollingUpdate.partition).
 */
export function usesCurrentRevision(set: StatefulSet, ordinal: number): boolean {
  const strategy = set.spec?.updateStrategy
  if (strategy?.type === 'OnDelete') return false
  return ordinal < startOrdinal(set) + (strategy?.rollingUpdate?.partition ?? 0)
}
