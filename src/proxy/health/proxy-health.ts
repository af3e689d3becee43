/**
 * Whether the proxy does its work: it does while no change has waited longer than a while for being written. /healthz also tells load
 * balancers to leave a node that is about to go (KEP-3836); /livez does not, or the kubelet would restart a proxy in vain.
 */
import type { Node } from '../../api/types/core-v1.js'
import type { Clock } from '../../base/clock.js'

const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler'

export interface HealthAnswer {
  readonly status: 200 | 503
  readonly text: string
}

export class ProxyHealth {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #oldestPendingMs: number | undefined
  #lastUpdatedMs = 0
  #nodeEligible = true

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  queued(): void {
    this.#oldestPendingMs ??= this.#clock.now()
  }

  updated(): void {
    this.#oldestPendingMs = undefined
    this.#lastUpdatedMs = this.#clock.now()
  }

  /** A node that is not known, or not any more, is not eligible only once it was seen to go. */
  syncNode(node: Node | undefined): void {
    this.#nodeEligible =
      node !== undefined && !node.metadata.deletionTimestamp && !node.spec?.taints?.some(({ key }) => key === toBeDeletedTaint)
  }

  get isHealthy(): boolean {
    return this.#oldestPendingMs === undefined || this.#clock.now() - this.#oldestPendingMs < this.#timeoutMs
  }

  healthz(): HealthAnswer {
    return this.#answer(this.isHealthy && this.#nodeEligible, `, "nodeEligible": ${this.#nodeEligible}`)
  }

  livez(): HealthAnswer {
    return this.#answer(this.isHealthy, '')
  }

  #answer(healthy: boolean, more: string): HealthAnswer {
    const nowMs = this.#clock.now()
    // Upstream's meaning: a healthy proxy is up to date now.
    const [updated, current] = [healthy ? nowMs : this.#lastUpdatedMs, nowMs].map((ms) => JSON.stringify(goTime(ms)))
    return { status: healthy ? 200 : 503, text: `{"lastUpdated": ${updated},"currentTime": ${current}${more}}` }
  }
}

/** As Go prints a time: "2006-01-02 15:04:05.999 +0000 UTC". */
function goTime(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').slice(0, -1)} +0000 UTC`
}
