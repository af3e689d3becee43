import { timestamp } from '../../base/clock.js'
import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'
import { conditionsOf } from './conditions.js'
import { currentAttempt, ephemeralContainers, isActive, isSidecar, isTerminalPhase, previousAttempt, restartsAfter } from './containers.js'
import { phaseOf } from './phase.js'
import type { ProbeResults } from './plan.js'
import { qosClassOf } from './qos.js'

/** Why a container does not run yet. */
export interface Waiting {
  readonly reason: string
  readonly message?: string
}

/** Why the kubelet itself failed a pod ("OutOfcpu", "DeadlineExceeded"). */
export interface Verdict {
  readonly reason: string
  readonly message: string
  /** How long its containers have to end, where that is not the pod's own grace. */
  readonly graceSeconds?: number
  /** The kubelet ends a pod that ran, for the node's sake: that is a disruption (KEP-3329). */
  readonly isDisruption?: boolean
}

export interface StatusInput {
  readonly pod: Pod
  /** The status as last known: what is kept (times, foreign conditions, results that the runtime forgot) comes from it. */
  readonly old: PodStatus
  readonly runtime: RuntimePod | undefined
  readonly probes: ProbeResults
  readonly waiting: ReadonlyMap<string, Waiting>
  /** Set when the kubelet itself ended or refused the pod. */
  readonly verdict: Verdict | undefined
  /** The pod was deleted or given up: nothing starts any more. */
  readonly ending: boolean
  readonly hostIps: readonly string[]
  readonly isStatic: boolean
  readonly nowMs: number
}

/** What the kubelet says of a pod. Pure; the parts of the status that others own are not in it. */
export function statusOf(input: StatusInput): PodStatus {
  const { pod, old, runtime, verdict } = input
  const at = timestamp(input.nowMs)
  const inits = pod.spec?.initContainers ?? []
  const init = inits.map((container) => containerStatusOf(input, container, true))
  const containers = (pod.spec?.containers ?? []).map((container) => containerStatusOf(input, container, false))
  const ephemeral = ephemeralContainers(pod).map((container) => ephemeralStatusOf(input, container))
  const phase = verdict ? 'Failed' : phaseOf(pod, { initContainerStatuses: init, containerStatuses: containers }, input.ending)
  const settled = settlePhase(phase, old.phase, runtime)
  const ips = runtime && runtime.ips.length > 0 ? runtime.ips : (old.podIPs ?? []).map(({ ip }) => ip)
  const conditions = conditionsOf(
    { pod, phase: settled, hasSandbox: (runtime?.ips.length ?? 0) > 0, init, containers, isStatic: input.isStatic, at },
    old.conditions ?? [],
  )
  return {
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase: settled,
    conditions: verdict?.isDisruption ? [...conditions, disruptionOf(verdict, old.conditions ?? [], at)] : conditions,
    ...(verdict ? { reason: verdict.reason, message: verdict.message } : {}),
    hostIP: input.hostIps[0],
    hostIPs: input.hostIps.map((ip) => ({ ip })),
    ...(ips.length > 0 ? { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: old.startTime ?? at,
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: containers,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: old.qosClass ?? qosClassOf(pod),
  }
}

function disruptionOf({ message }: Verdict, old: readonly PodCondition[], at: string): PodCondition {
  const before = old.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const lastTransitionTime = before?.lastTransitionTime ?? at
  return { type: 'DisruptionTarget', status: 'True', lastTransitionTime, reason: 'TerminationByKubelet', message }
}

/** A pod that ended stays ended, and does not say so before its last container has. */
function settlePhase(
  phase: NonNullable<PodStatus['phase']>,
  old: PodStatus['phase'],
  runtime: RuntimePod | undefined,
): NonNullable<PodStatus['phase']> {
  if (old && isTerminalPhase(old)) return old
  if (isTerminalPhase(phase) && runtime?.containers.some(isActive)) return old ?? 'Running'
  return phase
}

function containerStatusOf(input: StatusInput, container: Container, init: boolean): ContainerStatus {
  const { pod, runtime, probes } = input
  const current = currentAttempt(runtime, container.name)
  const old = (init ? input.old.initContainerStatuses : input.old.containerStatuses)?.find(({ name }) => name === container.name)
  const waiting = input.waiting.get(container.name)
  if (!current) return notStarted(input, container, old, waiting)

  const backingOff =
    !input.ending && current.state === 'exited' && waiting !== undefined && restartsAfter(pod, container, current.exitCode ?? 0, init)
  const before = backingOff ? current : previousAttempt(runtime, container.name)
  const lastState = before ? { terminated: terminatedOf(before) } : (old?.restartCount ?? 0) > 0 ? old?.lastState : undefined
  const started = current.state === 'running' && probes.started(current)
  const done = init && !isSidecar(container) && current.state === 'exited' && current.exitCode === 0
  return {
    name: container.name,
    state: backingOff ? { waiting } : stateOf(current, waiting),
    ...(lastState ? { lastState } : {}),
    ready: done || (started && (init && !isSidecar(container) ? false : probes.ready(current))),
    restartCount: current.attempt,
    image: current.image,
    imageID: current.imageId,
    containerID: current.id,
    started,
    ...resourcesOf(container),
  }
}

/** Neither ready nor restarted: it is there to look around. */
function ephemeralStatusOf(input: StatusInput, container: Container): ContainerStatus {
  const current = currentAttempt(input.runtime, container.name)
  const old = input.old.ephemeralContainerStatuses?.find(({ name }) => name === container.name)
  const waiting = input.waiting.get(container.name)
  if (!current && old?.containerID) return old
  if (!current) return { ...notStarted(input, container, undefined, waiting) }
  const { name } = container
  const { image, imageId: imageID, id: containerID } = current
  return { name, state: stateOf(current, waiting), ready: false, restartCount: 0, ...{ image, imageID, containerID } }
}

/** What a container's end looks like when there was no beginning. */
const neverStarted: ContainerState = {
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
}

/** No attempt is known to the runtime: it was never started, or its results are only in the old status. */
function notStarted(
  input: StatusInput,
  container: Container,
  old: ContainerStatus | undefined,
  waiting: Waiting | undefined,
): ContainerStatus {
  if (old?.state?.terminated && (!waiting || input.ending)) return old
  const hasInits = (input.pod.spec?.initContainers?.length ?? 0) > 0
  const state: ContainerState =
    input.ending && !input.verdict ? neverStarted : { waiting: waiting ?? { reason: hasInits ? 'PodInitializing' : 'ContainerCreating' } }
  const last = old?.state?.terminated ? { terminated: old.state.terminated } : old?.lastState
  return {
    name: container.name,
    state,
    ...(last && Object.keys(last).length > 0 ? { lastState: last } : {}),
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
  }
}

function stateOf(current: RuntimeContainer, waiting: Waiting | undefined): ContainerState {
  if (current.state === 'exited') return { terminated: terminatedOf(current) }
  if (current.state === 'created') return { waiting: waiting ?? { reason: 'ContainerCreating' } }
  return { running: { startedAt: timestamp(current.startedAtMs ?? 0) } }
}

function terminatedOf(attempt: RuntimeContainer): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: attempt.exitCode ?? 0,
    ...(attempt.signal ? { signal: attempt.signal } : {}),
    reason: attempt.reason ?? (attempt.exitCode === 0 ? 'Completed' : 'Error'),
    ...(attempt.message ? { message: attempt.message } : {}),
    startedAt: timestamp(attempt.startedAtMs ?? attempt.finishedAtMs ?? 0),
    finishedAt: timestamp(attempt.finishedAtMs ?? 0),
    containerID: attempt.id,
  }
}

/** What the container was given, for in-place resize (KEP-1287). */
function resourcesOf({ resources }: Container): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (!resources || (!resources.requests && !resources.limits)) return {}
  return { ...(resources.requests ? { allocatedResources: resources.requests } : {}), resources }
}
