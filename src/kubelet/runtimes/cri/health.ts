import type { Cancel, Clock } from '../../../base/clock.js'
import type { RuntimeHealth } from '../../runtime.js'
import type { CriClient } from './api/client.js'
import type { RuntimeCondition } from './api/types.js'

/**
 * Whether the runtime and its network can run pods, in the words of upstream's Ready condition. Asked every five seconds; silence counts
 * after thirty.
 */
const askMs = 5_000
const silenceMs = 30_000
const relistSilenceMs = 180_000

export interface HealthOptions {
  readonly clock: Clock
  readonly client: Pick<CriClient, 'status'>
  /** When the lists of pods were last seen. */
  relistedMs(): number
  onChange(): void
}

export class HealthWatch {
  readonly #options: HealthOptions
  #cancel: Cancel = () => undefined
  #stopped = false
  #askedMs: number | undefined
  #runtime: string | undefined
  #network: string | undefined = 'container runtime status check may not have completed yet'
  #shown = ''

  constructor(options: HealthOptions) {
    this.#options = options
  }

  async ask(): Promise<void> {
    const { client, clock } = this.#options
    try {
      const conditions = await client.status()
      this.#askedMs = clock.now()
      this.#runtime = faultOf('container runtime not ready', 'RuntimeReady', conditions)
      this.#network = faultOf('container runtime network not ready', 'NetworkReady', conditions)
    } catch {
      // Silence: what was last known counts until it has lasted.
    }
    this.#compare()
  }

  async run(): Promise<void> {
    await this.ask()
    if (this.#stopped) return
    this.#cancel = this.#options.clock.timer(askMs, () => void this.run())
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  now(): RuntimeHealth {
    const nowMs = this.#options.clock.now()
    const runtime: string[] = []
    if (this.#askedMs === undefined) runtime.push('container runtime status check may not have completed yet')
    else if (this.#askedMs + silenceMs <= nowMs) runtime.push('container runtime is down')
    const silentMs = nowMs - this.#options.relistedMs()
    if (Number.isFinite(silentMs) && silentMs > relistSilenceMs)
      runtime.push(`PLEG is not healthy: pleg was last seen active ${goDuration(silentMs)} ago; threshold is 3m0s`)
    if (this.#runtime !== undefined) runtime.push(this.#runtime)
    return { runtime, network: this.#network }
  }

  #compare(): void {
    const { runtime, network } = this.now()
    const shown = [...runtime.map((text) => text.replace(/active .* ago/, '')), network].join('\n')
    if (shown === this.#shown) return
    this.#shown = shown
    this.#options.onChange()
  }
}

function faultOf(what: string, type: string, conditions: readonly RuntimeCondition[]): string | undefined {
  const found = conditions.find((condition) => condition.type === type)
  if (found?.status) return undefined
  return `${what}: ${type}=false reason:${found?.reason ?? ''} message:${found?.message ?? ''}`
}

/** As Go prints a duration. */
function goDuration(ms: number): string {
  const seconds = ms / 1000
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  const rest = `${Number((seconds % 60).toFixed(3))}s`
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest
}
