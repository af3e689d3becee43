import type { Pod } from '../../api/types/core-v1.js'
import type { Verdict } from '../pods/status.js'
import { qosClassOf } from '../pods/qos.js'
import { isTolerated } from '../../api/selectors/node.js'
import { localStorageFault } from './local-storage.js'
import { evictionMessage } from './messages.js'
import { type Candidate, isCritical, type PodUse, ranked } from './ranking.js'
import { isMet, type Observations, type Pressure, pressureOf, resourceOf, type Signal, type Threshold } from './signals.js'

/**
 * Decides, observation by observation, which pressures a node is under and which pod goes (node-pressure eviction). It measures and
 * ends nothing itself. Guarantees: a pressure is shown for the transition period after it was last seen, so that a node does not
 * flap; a soft threshold counts only when it has held for its grace period; one pod goes at a time.
 */
export interface EvictionManagerOptions {
  readonly thresholds: readonly Threshold[]
  /** evictionPressureTransitionPeriod */
  readonly transitionMs: number
  /** evictionMaxPodGracePeriod, in seconds: for pods that a soft threshold evicts. */
  readonly graceSecondsMax: number
}

export interface Decision {
  readonly pressures: ReadonlySet<Pressure>
  /** What to free before pods are looked at: "Attempting to reclaim memory". */
  readonly reclaim: { readonly signal: Signal; readonly resource: string } | undefined
  readonly evict: readonly Eviction[]
}

export interface Eviction {
  readonly pod: Pod
  readonly message: string
  readonly graceSeconds: number
}

/** Hard evictions do not wait for the pod's own grace. */
const hardGraceSeconds = 1

export class EvictionManager {
  readonly #options: EvictionManagerOptions
  readonly #firstSeen = new Map<Threshold, number>()
  readonly #lastSeen = new Map<Pressure, number>()
  #pressures: ReadonlySet<Pressure> = new Set()
  #met: readonly Threshold[] = []
  #due: readonly Threshold[] = []

  constructor(options: EvictionManagerOptions) {
    this.#options = options
  }

  get pressures(): ReadonlySet<Pressure> {
    return this.#pressures
  }

  /** Takes an observation of the node. `reclaim` in the answer: try that, observe again, then ask for `evict`. */
  observe(observations: Observations, nowMs: number): Pick<Decision, 'pressures' | 'reclaim'> {
    const { thresholds, transitionMs } = this.#options
    const met = new Set(thresholds.filter((threshold) => isMet(threshold, observations, false)))
    // One that was met stays so until the least reclaim is there, too.
    for (const threshold of this.#met) if (isMet(threshold, observations, true)) met.add(threshold)
    for (const threshold of this.#firstSeen.keys()) if (!met.has(threshold)) this.#firstSeen.delete(threshold)
    for (const threshold of met) if (!this.#firstSeen.has(threshold)) this.#firstSeen.set(threshold, nowMs)
    this.#met = [...met]
    this.#due = this.#met.filter((threshold) => nowMs - (this.#firstSeen.get(threshold) ?? nowMs) >= threshold.graceMs).sort(byUrgency)
    // A condition is shown once the threshold has held for its grace period.
    for (const { signal } of this.#due) this.#lastSeen.set(pressureOf(signal), nowMs)
    this.#pressures = new Set(
      [...this.#lastSeen].filter(([, at]) => nowMs - at < transitionMs || at === nowMs).map(([pressure]) => pressure),
    )
    const [first] = this.#due
    return {
      pressures: this.#pressures,
      reclaim: first ? { signal: first.signal, resource: resourceOf(first.signal) } : undefined,
    }
  }

  /** Pods that go: each that has passed a limit of its own, or else the first in rank while the node is short of something. */
  evictions(pods: readonly Candidate[], observations: Observations): Eviction[] {
    const overLimit = pods.flatMap(({ pod, use }) => {
      const fault = use && !isCritical(pod) ? localStorageFault(pod, use) : undefined
      return fault ? [{ pod, message: fault, graceSeconds: hardGraceSeconds }] : []
    })
    if (overLimit.length > 0) return overLimit
    const threshold = this.#due.find((candidate) => isMet(candidate, observations, true))
    if (!threshold) return []
    const first = ranked(pods, threshold.signal).find(({ pod }) => !isCritical(pod))
    if (!first) return []
    const { pod, use } = first
    const graceSeconds = threshold.isSoft ? this.#options.graceSecondsMax : hardGraceSeconds
    return [{ pod, message: evictionMessage(pod, use, threshold, observations), graceSeconds }]
  }

  /** Whether a pod may come in now: under memory pressure only those that asked for memory, under others none. */
  refusal(pod: Pod): Verdict | undefined {
    if (this.#pressures.size === 0 || isCritical(pod)) return undefined
    if (this.#pressures.size === 1 && this.#pressures.has('MemoryPressure')) {
      if (qosClassOf(pod) !== 'BestEffort') return undefined
      const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' as const }
      if (isTolerated(pod.spec?.tolerations, taint)) return undefined
    }
    return { reason: 'Evicted', message: `The node had condition: [${[...this.#pressures].join(' ')}]. ` }
  }
}

/** Memory first: a node that runs out of it is lost to everybody. Then hard before soft, in the order of the configuration. */
function byUrgency(a: Threshold, b: Threshold): number {
  const isMemory = ({ signal }: Threshold) => (pressureOf(signal) === 'MemoryPressure' ? 0 : 1)
  return isMemory(a) - isMemory(b)
}

export type { Candidate, PodUse }
