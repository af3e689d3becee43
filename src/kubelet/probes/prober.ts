import type { Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { Container, Pod, Probe } from '../../api/types/core-v1.js'
import { Agenda } from '../agenda.js'
import type { ProbeResults } from '../pods/plan.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'

/**
 * Probes of running containers. A container is started and ready when its runtime says so (a component tells when it serves, which
 * is what a startup probe asks for, and sooner); from then on its readiness and liveness probes are run, and what they say after
 * the thresholds of the probe counts. A result belongs to one attempt: the next one begins anew.
 */
export interface ProberOptions {
  readonly clock: Clock
  readonly random: Random
  /** Asks once. Rejects with what was wrong; resolves when the container is well, or cannot be asked in this way. */
  probe(target: ProbeTarget): Promise<void>
  /** A verdict on a container has changed. */
  onChange(uid: string): void
  /** A probe has failed; `message` as upstream's event has it. */
  onFailure(uid: string, container: string, message: string): void
}

export interface ProbeTarget {
  readonly kind: 'Readiness' | 'Liveness'
  readonly probe: Probe
  readonly container: Container
  readonly podIp: string
  readonly timeoutMs: number
}

type Kind = ProbeTarget['kind']

interface Watched {
  readonly uid: string
  readonly kind: Kind
  readonly container: Container
  readonly id: string
  readonly podIp: string
  readonly probe: Probe
  good: boolean
  successes: number
  failures: number
  busy: boolean
}

export class Prober implements ProbeResults {
  readonly #options: ProberOptions
  readonly #agenda: Agenda<Watched>
  /** By container id. */
  readonly #watched = new Map<string, Watched[]>()
  /** By pod: the containers that are watched. */
  readonly #pods = new Map<string, Set<string>>()

  constructor(options: ProberOptions) {
    this.#options = options
    this.#agenda = new Agenda(options.clock, (watched) => void this.#ask(watched))
  }

  started(container: RuntimeContainer): boolean {
    return container.started ?? container.state === 'running'
  }

  ready(container: RuntimeContainer): boolean {
    return (container.ready ?? container.state === 'running') && this.#is('Readiness', container)
  }

  alive(container: RuntimeContainer): boolean {
    return this.#is('Liveness', container)
  }

  #is(kind: Kind, { id }: RuntimeContainer): boolean {
    return this.#watched.get(id)?.find((watched) => watched.kind === kind)?.good ?? true
  }

  /** Begins to watch what has come to run in a pod, and leaves what does no longer. */
  observe(pod: Pod, runtime: RuntimePod | undefined): void {
    const uid = runtime?.uid ?? pod.metadata.uid ?? ''
    const running = new Set<string>()
    for (const state of runtime?.simulated ? [] : (runtime?.containers ?? [])) {
      if (state.state !== 'running' || !this.started(state)) continue
      const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(({ name }) => name === state.name)
      if (!container?.readinessProbe && !container?.livenessProbe) continue
      running.add(state.id)
      if (!this.#watched.has(state.id)) this.#begin(uid, container, state, runtime?.ips[0] ?? '')
    }
    for (const id of this.#pods.get(uid) ?? []) if (!running.has(id)) this.#end(id)
    if (running.size > 0) this.#pods.set(uid, running)
    else this.#pods.delete(uid)
  }

  stop(): void {
    this.#agenda.stop()
  }

  #begin(uid: string, container: Container, { id, startedAtMs }: RuntimeContainer, podIp: string): void {
    const { clock, random } = this.#options
    const of = (kind: Kind, probe: Probe | undefined): Watched[] =>
      probe ? [{ uid, kind, container, id, podIp, probe, good: true, successes: 0, failures: 0, busy: false }] : []
    const all = [...of('Readiness', container.readinessProbe), ...of('Liveness', container.livenessProbe)]
    this.#watched.set(id, all)
    for (const watched of all) {
      const firstMs = (startedAtMs ?? clock.now()) + (watched.probe.initialDelaySeconds ?? 0) * 1000
      // Spread over a period, so that the probes of a node that has just come up do not all fall together.
      this.#agenda.set(watched, Math.max(firstMs, clock.now()) + random.next() * periodMs(watched))
    }
  }

  #end(id: string): void {
    for (const watched of this.#watched.get(id) ?? []) this.#agenda.delete(watched)
    this.#watched.delete(id)
  }

  async #ask(watched: Watched): Promise<void> {
    const { clock, probe } = this.#options
    this.#agenda.set(watched, clock.now() + periodMs(watched))
    // One that has not answered yet is not asked again.
    if (watched.busy) return
    watched.busy = true
    const { kind, container, podIp } = watched
    const failure = await probe({
      kind,
      probe: watched.probe,
      container,
      podIp,
      timeoutMs: (watched.probe.timeoutSeconds ?? 1) * 1000,
    }).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    watched.busy = false
    if (this.#watched.get(watched.id)?.includes(watched)) this.#answered(watched, failure)
  }

  #answered(watched: Watched, failure: string | undefined): void {
    const { successThreshold = 1, failureThreshold = 3 } = watched.probe
    if (failure === undefined) {
      watched.failures = 0
      watched.successes++
      if (watched.good || watched.successes < successThreshold) return
    } else {
      watched.successes = 0
      watched.failures++
      this.#options.onFailure(watched.uid, watched.container.name, `${watched.kind} probe failed: ${failure}`)
      if (!watched.good || watched.failures < failureThreshold) return
    }
    watched.good = failure === undefined
    this.#options.onChange(watched.uid)
  }
}

function periodMs({ probe }: Watched): number {
  return (probe.periodSeconds ?? 10) * 1000
}
