/**
 * Which ReplicaSet should have how many pods next. Pure: the controller writes what these functions say.
 * Sources of the rules: the Deployment documentation (rolling update, proportional scaling).
 */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.js'
import { boundsOf, isRolling } from './bounds.js'
import { annotations, availableOf, byAge, replicasOf, totalOf, totalReplicas } from './replica-sets.js'

export interface Scale {
  readonly set: ReplicaSet
  readonly replicas: number
}

/** How many pods the new set should have: as many as maxSurge leaves room for, never fewer than it has. */
export function newSetReplicas(deployment: Deployment, newSet: ReplicaSet, all: readonly ReplicaSet[]): number {
  const { wanted, maxSurge } = boundsOf(deployment)
  if (!isRolling(deployment)) return wanted
  const has = replicasOf(newSet)
  const room = wanted + maxSurge - totalReplicas(all)
  if (room <= 0) return Math.min(has, wanted) === has ? has : wanted
  return has + Math.min(room, wanted - has)
}

/** Steps that shrink the old sets in a rolling update: first pods that are not healthy anyway, then as availability allows. */
export function shrinkOldSets(deployment: Deployment, old: readonly ReplicaSet[], newSet: ReplicaSet): Scale[] {
  const { wanted, maxUnavailable } = boundsOf(deployment)
  if (totalReplicas(old) === 0) return []
  const mustStay = wanted - maxUnavailable
  const newUnavailable = replicasOf(newSet) - availableOf(newSet)
  let mayGo = totalReplicas([...old, newSet]) - mustStay - newUnavailable
  if (mayGo <= 0) return []

  const sizes = new Map(old.map((set) => [set, replicasOf(set)]))
  const sorted = [...old].sort(byAge)
  for (const set of sorted) {
    const unhealthy = replicasOf(set) - availableOf(set)
    const gone = Math.min(mayGo, Math.max(0, unhealthy))
    sizes.set(set, replicasOf(set) - gone)
    mayGo -= gone
  }
  let spare = Math.max(0, totalOf([...old, newSet], 'availableReplicas') - mustStay)
  for (const set of sorted) {
    const size = sizes.get(set) ?? 0
    const gone = Math.min(spare, size)
    sizes.set(set, size - gone)
    spare -= gone
  }
  return sorted.map((set) => ({ set, replicas: sizes.get(set) ?? 0 })).filter(({ set, replicas }) => replicas !== replicasOf(set))
}

/** True when the wanted number changed since the active sets were last sized: then pods are shared out, not rolled. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  const wanted = deployment.spec?.replicas ?? 1
  return sets.some((set) => {
    const desired = set.metadata.annotations?.[annotations.desiredReplicas]
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== wanted
  })
}

/** Sizes for all sets when the wanted number changed: one active set takes it all, several share the difference by their size. */
export function proportionalScale(deployment: Deployment, newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): Scale[] {
  const { wanted, maxSurge } = boundsOf(deployment)
  const all = newSet ? [...old, newSet] : [...old]
  const active = all.filter((set) => replicasOf(set) > 0)
  if (active.length <= 1) {
    const target = active[0] ?? newSet ?? [...old].sort(byAge).at(-1)
    return target && replicasOf(target) !== wanted ? [{ set: target, replicas: wanted }] : []
  }
  if (newSet && isSaturated(newSet, wanted)) {
    return old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }))
  }
  if (!isRolling(deployment)) return []
  const allowed = wanted > 0 ? wanted + maxSurge : 0
  return shareOut(active, allowed - totalReplicas(active), { allowed, existing: deployment.status?.replicas ?? 0 })
}

/** The rollout has ended, and the wanted number has not changed since: the old sets have nothing to serve any more. */
function isSaturated(newSet: ReplicaSet, wanted: number): boolean {
  const desired = Number(newSet.metadata.annotations?.[annotations.desiredReplicas] ?? Number.NaN)
  return replicasOf(newSet) === wanted && desired === wanted && availableOf(newSet) === wanted
}

/** Shares `difference` among the sets by their size; growing favours the newest, shrinking the oldest, the first takes the rest. */
function shareOut(active: readonly ReplicaSet[], difference: number, size: Size): Scale[] {
  const order = [...active].sort((a, b) => {
    const size = replicasOf(b) - replicasOf(a)
    if (size !== 0) return size
    return difference > 0 ? byAge(b, a) : byAge(a, b)
  })
  let given = 0
  const sizes = order.map((set) => {
    const share = given === difference ? 0 : fraction(set, difference, given, size)
    given += share
    return { set, replicas: replicasOf(set) + share }
  })
  const first = sizes[0]
  if (first && given !== difference) sizes[0] = { set: first.set, replicas: Math.max(0, first.replicas + difference - given) }
  return sizes
}

interface Size {
  /** Pods that may be there from now on. */
  readonly allowed: number
  /** Pods that are there. */
  readonly existing: number
}

/** One set's part of the difference, measured against the size that the Deployment had when the set was last sized. */
function fraction(set: ReplicaSet, difference: number, given: number, { allowed, existing }: Size): number {
  const before = Number(set.metadata.annotations?.[annotations.maxReplicas] ?? 0) || existing
  const target = allowed === 0 ? 0 : before === 0 ? replicasOf(set) : Math.round((replicasOf(set) * allowed) / before)
  const share = target - replicasOf(set)
  const left = difference - given
  return difference > 0 ? Math.min(share, left) : Math.max(share, left)
}

/** Old sets beyond revisionHistoryLimit, oldest revisions first, that have nothing left to do. */
export function setsToForget(deployment: Deployment, old: readonly ReplicaSet[], revision: (set: ReplicaSet) => number): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit
  if (limit === undefined) return []
  const idle = old.filter((set) => !set.metadata.deletionTimestamp)
  const excess = idle.length - limit
  if (excess <= 0) return []
  return [...idle]
    .sort((a, b) => revision(a) - revision(b))
    .slice(0, excess)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        replicasOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
}
