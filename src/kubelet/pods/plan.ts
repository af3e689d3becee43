import type { Container, Pod } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'
import { currentAttempt, ephemeralContainers, isActive, isSidecar, mainStageEntered, restartsAfter } from './containers.js'
import type { RestartBackoff } from './restart-backoff.js'

/**
 * Decides what a pod needs next, from its spec and what runs: a function of values to values, without effects. The worker
 * carries a plan out and asks again until nothing is left to do.
 */
export interface PodView {
  readonly pod: Pod
  readonly runtime: RuntimePod | undefined
  readonly probes: ProbeResults
  readonly backoff: RestartBackoff
  /** Restarts that earlier processes of this kubelet saw: where counting goes on when the runtime remembers nothing. */
  readonly restartsBefore: (container: string) => number
  readonly nowMs: number
}

/** What the probes last said of the running attempt of a container; without a probe it is started, ready and alive. */
export interface ProbeResults {
  started(container: RuntimeContainer): boolean
  ready(container: RuntimeContainer): boolean
  alive(container: RuntimeContainer): boolean
}

export interface PodPlan {
  readonly sandbox: boolean
  readonly start: readonly ContainerStart[]
  readonly stop: readonly ContainerStop[]
  /** Containers that wait for their back-off. */
  readonly backingOff: readonly { readonly container: string; readonly delayMs: number; readonly untilMs: number }[]
}

export interface ContainerStart {
  readonly container: Container
  readonly attempt: number
  /** When the attempt before it ended; undefined for a first start. */
  readonly after: number | undefined
}

export interface ContainerStop {
  readonly container: Container
  readonly why: 'unhealthy' | 'pod-ends'
}

interface Draft {
  start: ContainerStart[]
  stop: ContainerStop[]
  backingOff: { container: string; delayMs: number; untilMs: number }[]
}

/** The plan for a pod that is meant to run. */
export function planRun(view: PodView): PodPlan {
  if (!view.runtime) return { sandbox: true, start: [], stop: [], backingOff: [] }
  // What still runs beside a dead sandbox has lost the namespaces that it shared.
  if (view.runtime.sandboxLost && view.runtime.containers.some(isActive)) return planStop(view)
  const draft: Draft = { start: [], stop: [], backingOff: [] }
  const entered = mainStageEntered(view.pod, view.runtime)
  if (entered || planInit(view, draft)) {
    const mainsOver = planMains(view, draft)
    if (mainsOver) return planStop(view)
    if (entered) planSidecars(view, draft)
  }
  planEphemeral(view, draft)
  if (view.runtime.sandboxLost && draft.start.length > 0) return { ...draft, sandbox: true, start: [] }
  return { sandbox: false, ...draft }
}

/** The plan for a pod that must end: main containers first, then sidecars one by one from the last (KEP-753). */
export function planStop(view: Pick<PodView, 'pod' | 'runtime'>): PodPlan {
  const { pod, runtime } = view
  const running = (container: Container) => isActive(currentAttempt(runtime, container.name))
  const inits = pod.spec?.initContainers ?? []
  const ephemeral = ephemeralContainers(pod)
  const ordinary = [...(pod.spec?.containers ?? []), ...inits.filter((container) => !isSidecar(container)), ...ephemeral].filter(running)
  const ending = ordinary.length > 0 ? ordinary : inits.filter((container) => isSidecar(container) && running(container)).slice(-1)
  return { sandbox: false, start: [], stop: ending.map((container) => ({ container, why: 'pod-ends' })), backingOff: [] }
}

/** One init container after another; true when all are done (sidecars: started). */
function planInit(view: PodView, draft: Draft): boolean {
  for (const container of view.pod.spec?.initContainers ?? []) {
    const current = currentAttempt(view.runtime, container.name)
    if (isSidecar(container)) {
      if (current?.state === 'running' && planHealthy(view, draft, container, current) && view.probes.started(current)) continue
      if (!isActive(current)) planStart(view, draft, container, current, true)
      return false
    }
    if (current?.earlierSandbox) {
      // What it prepared may be gone with the sandbox that it ran in.
      draft.start.push({ container, attempt: current.attempt + 1, after: undefined })
      return false
    }
    if (current?.state === 'exited' && current.exitCode === 0) continue
    if (!isActive(current)) planStart(view, draft, container, current, true)
    return false
  }
  return true
}

function planEphemeral(view: PodView, draft: Draft): void {
  for (const container of ephemeralContainers(view.pod)) {
    const known = view.pod.status?.ephemeralContainerStatuses?.find(({ name }) => name === container.name)
    if (currentAttempt(view.runtime, container.name) || known?.containerID) continue
    draft.start.push({ container, attempt: 0, after: undefined })
  }
}

function planSidecars(view: PodView, draft: Draft): void {
  for (const container of view.pod.spec?.initContainers ?? []) {
    if (!isSidecar(container)) continue
    const current = currentAttempt(view.runtime, container.name)
    if (current?.state === 'running') planHealthy(view, draft, container, current)
    else if (!isActive(current)) planStart(view, draft, container, current, true)
  }
}

/** True when every main container has ended for good. */
function planMains(view: PodView, draft: Draft): boolean {
  let over = true
  for (const container of view.pod.spec?.containers ?? []) {
    const current = currentAttempt(view.runtime, container.name)
    if (current && isActive(current)) {
      over = false
      if (current.state === 'running') planHealthy(view, draft, container, current)
    } else if (planStart(view, draft, container, current, false)) over = false
  }
  return over
}

function planHealthy(view: PodView, draft: Draft, container: Container, current: RuntimeContainer): boolean {
  if (view.probes.alive(current)) return true
  draft.stop.push({ container, why: 'unhealthy' })
  return false
}

/** Starts a container that does not run, or lets it wait; false when it is over for good. */
function planStart(view: PodView, draft: Draft, container: Container, last: RuntimeContainer | undefined, init: boolean): boolean {
  if (!last) {
    draft.start.push({ container, attempt: view.restartsBefore(container.name), after: undefined })
    return true
  }
  if (!restartsAfter(view.pod, container, last.exitCode ?? 0, init)) return false
  const finishedMs = last.finishedAtMs ?? view.nowMs
  const delayMs = view.backoff.delayOf(container.name, finishedMs)
  const untilMs = finishedMs + delayMs
  if (untilMs > view.nowMs) draft.backingOff.push({ container: container.name, delayMs, untilMs })
  else draft.start.push({ container, attempt: last.attempt + 1, after: finishedMs })
  return true
}
