import type { Pod } from '../../api/types/core-v1.js'
import type { Cancel, Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import { healthyStates, type NodeState } from '../nodes/node-object.js'
import type { Verdict } from '../pods/status.js'
import type { EvictionManager } from './eviction-manager.js'
import type { Candidate } from './ranking.js'
import { type Observations, type Pressure, pressureOf, type Signal } from './signals.js'

/**
 * Looks at a node every ten seconds, shows its pressures as conditions, frees what can be freed and evicts pods until it is well.
 * Measuring and ending are its hosts'.
 */
export interface NodePressureOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly manager: EvictionManager
  observe(): Promise<Observations>
  /** Pods that run, with what they use. */
  candidates(): Promise<readonly Candidate[]>
  /** Frees images and dead containers, as far as that helps with the signal. */
  reclaim?(signal: Signal): Promise<void>
}

export interface PressureHost {
  readonly nodeName: string
  evict(uid: string, verdict: Verdict): void
  /** Whether something of the pod still runs. */
  isActive(uid: string): boolean
  /** The conditions are others now. */
  changed(): void
  event(type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** Upstream's monitoringInterval. */
const intervalMs = 10_000
/** How long the next eviction waits for the last one to have freed something. */
const cleanupMs = 30_000

const states: Readonly<Record<Pressure, NodeState & { readonly event: readonly [well: string, ill: string] }>> = {
  MemoryPressure: {
    ...{ type: 'MemoryPressure', status: 'True', reason: 'KubeletHasInsufficientMemory' },
    message: 'kubelet has insufficient memory available',
    event: ['NodeHasSufficientMemory', 'NodeHasInsufficientMemory'],
  },
  DiskPressure: {
    ...{ type: 'DiskPressure', status: 'True', reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' },
    event: ['NodeHasNoDiskPressure', 'NodeHasDiskPressure'],
  },
  PIDPressure: {
    ...{ type: 'PIDPressure', status: 'True', reason: 'KubeletHasInsufficientPID' },
    message: 'kubelet has insufficient PID available',
    event: ['NodeHasSufficientPID', 'NodeHasInsufficientPID'],
  },
}

export class NodePressure {
  readonly #options: NodePressureOptions
  #host: PressureHost | undefined
  #shown: ReadonlySet<Pressure> = new Set()
  #cancel: Cancel = () => undefined
  #stopped = false
  #waitingFor: { readonly uid: string; readonly untilMs: number } | undefined

  constructor(options: NodePressureOptions) {
    this.#options = options
  }

  /** The conditions of the node: those of a healthy one but for what it is short of. */
  conditions(): NodeState[] {
    return healthyStates.map((state) => {
      const pressure = state.type as Pressure
      if (!this.#shown.has(pressure)) return state
      const { type, status, reason, message } = states[pressure]
      return { type, status, reason, message }
    })
  }

  refusal(pod: Pod): Verdict | undefined {
    return this.#options.manager.refusal(pod)
  }

  start(host: PressureHost): void {
    this.#host = host
    this.#plan(0)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #plan(ms: number): void {
    if (this.#stopped) return
    this.#cancel = this.#options.clock.timer(ms, () => {
      void this.synchronize()
        .catch((error: unknown) => this.#options.logger.warn('The node could not be looked at', { error: messageOf(error) }))
        .finally(() => this.#plan(intervalMs))
    })
  }

  /** One look at the node, and what follows from it. */
  async synchronize(): Promise<void> {
    const { manager, clock, observe, candidates, reclaim, logger } = this.#options
    const host = this.#host
    if (!host) return
    let observations = await observe()
    const { pressures, reclaim: short } = manager.observe(observations, clock.now())
    this.#show(pressures, host)
    if (short) {
      logger.warn('The node runs out of something', { signal: short.signal })
      host.event('Warning', 'EvictionThresholdMet', `Attempting to reclaim ${short.resource}`)
      if (pressureOf(short.signal) === 'DiskPressure' && reclaim) {
        await reclaim(short.signal)
        observations = await observe()
      }
    }
    if (this.#stillWaits(host)) return
    for (const { pod, message, graceSeconds } of manager.evictions(await candidates(), observations)) {
      const uid = pod.metadata.uid ?? ''
      logger.warn('A pod is evicted', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, message })
      host.evict(uid, { reason: 'Evicted', message, graceSeconds, isDisruption: true })
      this.#waitingFor = { uid, untilMs: clock.now() + cleanupMs }
    }
  }

  /** What the last eviction frees may be enough. */
  #stillWaits(host: PressureHost): boolean {
    const waiting = this.#waitingFor
    return waiting !== undefined && host.isActive(waiting.uid) && this.#options.clock.now() < waiting.untilMs
  }

  #show(pressures: ReadonlySet<Pressure>, host: PressureHost): void {
    const before = this.#shown
    this.#shown = new Set(pressures)
    let changed = false
    for (const [pressure, { event }] of Object.entries(states)) {
      const is = pressures.has(pressure as Pressure)
      if (is === before.has(pressure as Pressure)) continue
      changed = true
      const reason = event[is ? 1 : 0] as string
      host.event('Normal', reason, `Node ${host.nodeName} status is now: ${reason}`)
    }
    if (changed) host.changed()
  }
}
