/** A scheduler by name: which plugins look at a pod, in which order, and how much their scores weigh. */
import type { PodInfo } from '../cache/pod-info.js'
import type { EventKind, Hint } from './events.js'
import type { Filter, Plugin, Snapshot } from './plugin.js'
import { isStatus, type NodeStatus } from './status.js'

export interface WeightedPlugin {
  readonly plugin: Plugin
  readonly weight: number
}

export interface ProfileOptions {
  readonly schedulerName: string
  readonly preEnqueue: readonly Plugin[]
  readonly filter: readonly Plugin[]
  readonly score: readonly WeightedPlugin[]
  readonly reserve: readonly Plugin[]
  readonly preBind: readonly Plugin[]
  /** undefined: this profile preempts nobody. */
  readonly preemption: PreemptionOptions | undefined
  readonly percentageOfNodesToScore?: number
}

export interface PreemptionOptions {
  readonly minCandidateNodesPercentage: number
  readonly minCandidateNodesAbsolute: number
}

/** The filters of one cycle, or what rejected the pod before. */
export type Prepared = { readonly filters: readonly Filter[]; readonly only: readonly OnlyNodes[] } | { readonly rejected: NodeStatus }

export interface OnlyNodes {
  readonly plugin: string
  readonly slots: ReadonlySet<number>
}

export class Profile {
  readonly hints: ReadonlyMap<string, ReadonlyMap<EventKind, Hint>>

  constructor(readonly options: ProfileOptions) {
    const all = new Map<string, ReadonlyMap<EventKind, Hint>>()
    for (const { name, events } of [...options.preEnqueue, ...options.filter, ...options.reserve]) if (events) all.set(name, events)
    this.hints = all
  }

  get schedulerName(): string {
    return this.options.schedulerName
  }

  preEnqueue(pod: PodInfo): NodeStatus | undefined {
    for (const plugin of this.options.preEnqueue) {
      const status = plugin.preEnqueue?.(pod)
      if (status) return status
    }
    return undefined
  }

  prepare(pod: PodInfo, snapshot: Snapshot): Prepared {
    const filters: Filter[] = []
    const only: OnlyNodes[] = []
    for (const plugin of this.options.filter) {
      const state = plugin.preFilter?.(pod, snapshot)
      if (state === undefined || state === 'skip') continue
      if (isStatus(state)) return { rejected: state }
      if (state.only) only.push({ plugin: plugin.name, slots: state.only })
      filters.push(state)
    }
    return { filters, only }
  }

  /** Adds every plugin's weighted scores; `scratch` and `total` have at least the length of `slots`. */
  score(pod: PodInfo, slots: Int32Array, snapshot: Snapshot, buffers: { total: Float64Array; scratch: Float64Array }): void {
    const { total, scratch } = buffers
    total.fill(0, 0, slots.length)
    for (const { plugin, weight } of this.options.score) {
      if (!plugin.score?.(pod, slots, snapshot, scratch)) continue
      for (let i = 0; i < slots.length; i++) total[i] = (total[i] as number) + weight * (scratch[i] as number)
    }
  }

  /** All or none. */
  reserve(pod: PodInfo, slot: number, snapshot: Snapshot): NodeStatus | undefined {
    const node = snapshot.nodes.names[slot] as string
    for (const [i, plugin] of this.options.reserve.entries()) {
      const status = plugin.reserve?.(pod, slot, snapshot)
      if (!status) continue
      for (const done of this.options.reserve.slice(0, i + 1).reverse()) done.unreserve?.(pod, node)
      return status
    }
    return undefined
  }

  unreserve(pod: PodInfo, node: string): void {
    for (const plugin of [...this.options.reserve].reverse()) plugin.unreserve?.(pod, node)
  }

  /** undefined: nothing to wait for, the usual case. */
  preBind(pod: PodInfo, node: string, signal: AbortSignal): Promise<void> | undefined {
    const waits = this.options.preBind.flatMap((plugin) => plugin.preBind?.(pod, node, signal) ?? [])
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined)
  }
}
