/**
 * What a scheduling plugin is. Extension points and their order are upstream's (KEP-624); they work on whole sets of nodes. A
 * plugin that has nothing to say about a pod says so once, in `preFilter` or `score`, and costs nothing more.
 *
 * A cycle is synchronous: `preEnqueue` to `reserve` never wait. Only `preBind` and the binding itself do.
 */
import type { Cache } from '../cache/cache.js'
import type { NodeTable } from '../cache/node-table.js'
import type { PodIndex } from '../cache/pod-index.js'
import type { PodInfo } from '../cache/pod-info.js'
import type { NamespaceLabels } from '../cache/pod-term.js'
import type { ClusterEvent, EventKind, Hint } from './events.js'
import type { NodeSet } from './node-set.js'
import type { NodeStatus } from './status.js'

/** The cluster at the moment of a cycle. */
export interface Snapshot {
  readonly nodes: NodeTable
  readonly index: PodIndex
  readonly namespaceLabels: NamespaceLabels
  readonly cache: Cache
}

/** The state of one cycle, made by `preFilter`. */
export interface Filter {
  /** Only these slots come into question. */
  readonly only?: ReadonlySet<number>
  /** Rejects nodes of the set. Absent: there was only `only` to say. */
  filter?(nodes: NodeSet): void
  /** What if this pod were on the node too (or were not)? The cache has been told; undone by the opposite call. */
  addPod?(pod: PodInfo, slot: number): void
  removePod?(pod: PodInfo, slot: number): void
}

export const skip = 'skip'

export interface Plugin {
  readonly name: string
  /** What may make a pod schedulable that this plugin has rejected, and whether it does. */
  readonly events?: ReadonlyMap<EventKind, Hint>
  /** Why a pod may not even be queued. */
  preEnqueue?(pod: PodInfo): NodeStatus | undefined
  /** A status rejects the pod on every node. */
  preFilter?(pod: PodInfo, snapshot: Snapshot): Filter | NodeStatus | typeof skip
  /** Writes a score from 0 to 100 for each of `nodes` (slots) into `into`. False: the plugin has no preference. */
  score?(pod: PodInfo, nodes: Int32Array, snapshot: Snapshot, into: Float64Array): boolean
  /** Takes note of the choice. A status undoes the cycle. */
  reserve?(pod: PodInfo, slot: number, snapshot: Snapshot): NodeStatus | undefined
  unreserve?(pod: PodInfo, node: string): void
  /** Prepares the binding: writes, waits. Throws when the pod cannot be bound. undefined: nothing to do. */
  preBind?(pod: PodInfo, node: string, signal: AbortSignal): Promise<void> | undefined
}

export const scoreMax = 100

/** Raw scores to 0..100 by the largest (upstream's DefaultNormalizeScore); reversed: the largest gets 0. */
export function normalize(scores: Float64Array, count: number, reverse = false): void {
  let max = 0
  for (let i = 0; i < count; i++) if ((scores[i] as number) > max) max = scores[i] as number
  if (max === 0) {
    if (reverse) scores.fill(scoreMax, 0, count)
    return
  }
  for (let i = 0; i < count; i++) {
    const score = Math.floor((scoreMax * (scores[i] as number)) / max)
    scores[i] = reverse ? scoreMax - score : score
  }
}

/** The usual hints of a plugin, by event. */
export function hints(of: Partial<Record<EventKind, Hint>>): ReadonlyMap<EventKind, Hint> {
  return new Map(Object.entries(of) as [EventKind, Hint][])
}

export const always: Hint = () => true
export type { ClusterEvent, EventKind, Hint }
