import type { Clock } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import type { Container, ContainerStatus, Pod, Probe } from '../../api/types/core-v1.js'
import { Agenda } from '../agenda.js'
import type { ProbeResults } from '../pods/plan.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'

/**
 * Probes of running containers. Where the runtime says that a container is started and ready (a component tells when it serves, which
 * is what a startup probe asks for, and sooner), its readiness and liveness probes are run from then on. Of other containers nothing is
 * taken for granted: startup probes are run first, and a readiness probe has to succeed. What probes say after their thresholds counts.
 * A result belongs to one attempt: the next one begins anew; what the pod's status said before this process began goes on counting.
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
  readonly kind: 'Startup' | 'Readiness' | 'Liveness'
  readonly probe: Probe
  readonly container: Container
  readonly podIp: string
  readonly timeoutMs: number
  /** The pod. */
  readonly uid: string
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
  /** A startup probe that has failed for good. */
  gaveUp: boolean
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
    return container.started ?? (container.state === 'running' && this.#is('Startup', container))
  }

  ready(container: RuntimeContainer): boolean {
    return (container.ready ?? (container.state === 'running' && this.started(container))) && this.#is('Readiness', container)
  }

  alive(container: RuntimeContainer): boolean {
    return this.#is('Liveness', container) && !this.#gaveUp(container)
  }

  /** Its startup probe has failed too often. */
  #gaveUp({ id }: RuntimeContainer): boolean {
    return this.#watched.get(id)?.some(({ kind, gaveUp }) => kind === 'Startup' && gaveUp) ?? false
  }

  #is(kind: Kind, { id }: RuntimeContainer): boolean {
    return this.#watched.get(id)?.find((watched) => watched.kind === kind)?.good ?? true
  }

  /** Begins to watch what has come to run in a pod, and leaves what does no longer. */
  observe(pod: Pod, runtime: RuntimePod | undefined): void {
    const uid = runtime?.uid ?? pod.metadata.uid ?? ''
    const running = new Set<string>()
    for (const state of runtime?.simulated ? [] : (runtime?.containers ?? [])) {
      // A component that does not serve yet is not asked; a container is, by its startup probe.
      if (state.state !== 'running' || state.started === false) continue
      const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(({ name }) => name === state.name)
      if (!container?.readinessProbe && !container?.livenessProbe && !container?.startupProbe) continue
      running.add(state.id)
      if (!this.#watched.has(state.id)) this.#begin(pod, { uid, container, podIp: runtime?.ips[0] ?? '' }, state)
    }
    for (const id of this.#pods.get(uid) ?? []) if (!running.has(id)) this.#end(id)
    if (running.size > 0) this.#pods.set(uid, running)
    else this.#pods.delete(uid)
  }

  stop(): void {
    this.#agenda.stop()
  }

  #begin(pod: Pod, target: Pick<Watched, 'uid' | 'container' | 'podIp'>, state: RuntimeContainer): void {
    const { container } = target
    const { id } = state
    const told = state.started !== undefined
    const before = statusBefore(pod, id)
    const of = (kind: Kind, probe: Probe | undefined, good: boolean): Watched[] =>
      probe ? [{ ...target, kind, id, probe, good, successes: 0, failures: 0, busy: false, gaveUp: false }] : []
    const startup = told ? [] : of('Startup', container.startupProbe, before?.started ?? false)
    const readiness = of('Readiness', container.readinessProbe, told || (before?.ready ?? false))
    const all = [...startup, ...readiness, ...of('Liveness', container.livenessProbe, true)]
    this.#watched.set(id, all)
    const waits = startup.some(({ good }) => !good)
    for (const watched of all) {
      if (watched.kind === 'Startup' ? watched.good : waits) continue
      this.#schedule(watched, state.startedAtMs, told)
    }
  }

  #schedule(watched: Watched, startedAtMs: number | undefined, spread: boolean): void {
    const { clock, random } = this.#options
    const nowMs = clock.now()
    const firstMs = (startedAtMs ?? nowMs) + (watched.probe.initialDelaySeconds ?? 0) * 1000
    // Spread over a period, so that the probes of a node that has just come up do not all fall together.
    const late = spread || nowMs - firstMs > periodMs(watched)
    this.#agenda.set(watched, Math.max(firstMs, nowMs) + (late ? random.next() * periodMs(watched) : 0))
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
    const { kind, container, podIp, uid } = watched
    const failure = await probe({
      ...{ kind, uid },
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

  /** Startup probes end with their first verdict; the others begin when it is a good one. */
  #startupOver(startup: Watched): void {
    this.#agenda.delete(startup)
    if (!startup.good) return
    for (const watched of this.#watched.get(startup.id) ?? []) if (watched.kind !== 'Startup') this.#schedule(watched, undefined, false)
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
      if (watched.failures < failureThreshold) return
      if (watched.kind === 'Startup') watched.gaveUp = true
      else if (!watched.good) return
    }
    watched.good = failure === undefined
    if (watched.kind === 'Startup') this.#startupOver(watched)
    this.#options.onChange(watched.uid)
  }
}

/** What the status says of this very container: another process of the kubelet may have asked it before. */
function statusBefore({ status }: Pod, id: string): ContainerStatus | undefined {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(({ containerID }) => containerID === id)
}

function periodMs({ probe }: Watched): number {
  return (probe.periodSeconds ?? 10) * 1000
}
