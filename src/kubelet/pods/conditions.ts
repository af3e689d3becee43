import type { ContainerStatus, Pod, PodCondition } from '../../api/types/core-v1.js'
import { isSidecar, isTerminalPhase } from './containers.js'

/** The conditions that a kubelet owns. Others (readiness gates, DisruptionTarget) belong to their writers and are left alone. */
export const kubeletConditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const

export interface ConditionInput {
  readonly pod: Pod
  readonly phase: string
  readonly hasSandbox: boolean
  readonly init: readonly ContainerStatus[]
  readonly containers: readonly ContainerStatus[]
  /** A static pod was never scheduled: its kubelet says PodScheduled itself. */
  readonly isStatic: boolean
  readonly at: string
}

type Verdict = { readonly status: 'True' | 'False'; readonly reason?: string; readonly message?: string }

/** The kubelet's conditions, keeping lastTransitionTime where the status did not change. */
export function conditionsOf(input: ConditionInput, old: readonly PodCondition[]): PodCondition[] {
  const containersReady = containersReadyVerdict(input)
  const verdicts: Record<(typeof kubeletConditions)[number], Verdict> = {
    PodReadyToStartContainers: { status: input.hasSandbox && !isTerminalPhase(input.phase) ? 'True' : 'False' },
    Initialized: initializedVerdict(input),
    Ready: readyVerdict(input, containersReady, old),
    ContainersReady: containersReady,
    PodScheduled: { status: 'True' },
  }
  const generation = input.pod.metadata.generation
  return kubeletConditions.map((type) => {
    const before = old.find((condition) => condition.type === type)
    if (type === 'PodScheduled' && before && !input.isStatic) return before
    const { status, reason, message } = verdicts[type]
    return {
      type,
      ...(generation ? { observedGeneration: generation } : {}),
      status,
      lastTransitionTime: before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : input.at,
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    }
  })
}

function initializedVerdict({ pod, phase, init }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const waiting = (pod.spec?.initContainers ?? [])
    .filter((container) => {
      const status = init.find((candidate) => candidate.name === container.name)
      return isSidecar(container) ? !status?.started : status?.state?.terminated?.exitCode !== 0
    })
    .map((container) => container.name)
  if (waiting.length === 0) return { status: 'True' }
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${waiting.join(' ')}]` }
}

function containersReadyVerdict({ pod, phase, init, containers }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar)
  const unready = [...sidecars, ...(pod.spec?.containers ?? [])]
    .filter(({ name }) => !(containers.find((status) => status.name === name) ?? init.find((status) => status.name === name))?.ready)
    .map(({ name }) => name)
  if (unready.length === 0) return { status: 'True' }
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
}

/** Ready is ContainersReady and every readiness gate (KEP-580). */
function readyVerdict({ pod }: ConditionInput, containersReady: Verdict, old: readonly PodCondition[]): Verdict {
  if (containersReady.status === 'False') return containersReady
  const unmet: string[] = []
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = old.find((condition) => condition.type === conditionType)
    if (!gate) unmet.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`)
    else if (gate.status !== 'True') unmet.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`)
  }
  if (unmet.length === 0) return { status: 'True' }
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: unmet.join(', ') }
}
