import { parseDurationMs } from '../../../base/duration.js'
import type { Container, Pod } from '../../../api/types/core-v1.js'
import { quantityMilliValue, quantityValue } from '../../../api/quantity.js'
import { simulationPrefix } from '../../../api/well-known.js'
import { isSidecar } from '../../pods/containers.js'

/**
 * What a simulated container does, as its pod's annotations say it (docs/simulation.md): `sim.quorate.dev/KEY` for every
 * container of the pod, `sim.quorate.dev/CONTAINER.KEY` for one. A value that cannot be read counts as absent. Pure.
 */
export interface ContainerScript {
  /** From the start of the attempt to the moment at which it runs. */
  readonly startDelayMs: number
  /** From running to ready. */
  readonly readyAfterMs: number
  /** From running to the exit by itself; undefined: it runs until it is stopped. */
  readonly exitAfterMs: number | undefined
  readonly exitCode: number
  readonly oom: boolean
  /** Attempts that exit with `exitCode` before one that goes on; undefined: all of them. */
  readonly failures: number | undefined
  /** How long it takes to end once asked (at most the grace period). */
  readonly stopAfterMs: number
  readonly imagePullError: string | undefined
  readonly logs: string | undefined
  readonly execReply: string | undefined
  readonly execCode: number
  readonly message: string | undefined
  readonly cpuMillis: number | undefined
  readonly memoryBytes: number | undefined
}

export interface ScriptDefaults {
  readonly startDelayMs: number
  /** How long pods of Jobs run. */
  readonly jobDurationMs: number
}

export function scriptOf(pod: Pod, container: Container, init: boolean, defaults: ScriptDefaults): ContainerScript {
  const annotations = pod.metadata.annotations
  const text = (key: string) => annotations?.[`${simulationPrefix}${container.name}.${key}`] ?? annotations?.[`${simulationPrefix}${key}`]
  // Only what is scripted for an init container by name makes it run for long or fail: a key for all means the main ones.
  const ownText = (key: string) => (init ? annotations?.[`${simulationPrefix}${container.name}.${key}`] : text(key))
  const oom = isTrue(ownText('oom'))
  const code = integerOf(ownText('exit-code'))
  const failures = integerOf(ownText('failures'))
  const exits = oom || code !== undefined || failures !== undefined
  const runsToEnd = init ? !isSidecar(container) : isJobPod(pod)
  const exitAfterMs = timeOf(ownText('exit-after')) ?? (runsToEnd ? (init ? 0 : defaults.jobDurationMs) : exits ? 1_000 : undefined)
  return {
    startDelayMs: timeOf(text('start-delay')) ?? defaults.startDelayMs,
    readyAfterMs: timeOf(ownText('ready-after')) ?? 0,
    exitAfterMs,
    exitCode: oom ? 137 : (code ?? (failures === undefined ? 0 : 1)),
    oom,
    failures,
    stopAfterMs: timeOf(text('stop-after')) ?? 0,
    imagePullError: ownText('image-pull-error'),
    logs: text('logs'),
    execReply: text('exec-reply'),
    execCode: integerOf(text('exec-code')) ?? 0,
    message: ownText('message'),
    cpuMillis: text('cpu') === undefined ? undefined : quantityMilliValue(text('cpu')),
    memoryBytes: text('memory') === undefined ? undefined : quantityValue(text('memory')),
  }
}

/** After how long, and how, this attempt ends by itself; undefined: it does not. */
export function exitOf(script: ContainerScript, attempt: number, runsToEnd: boolean): { afterMs: number; code: number } | undefined {
  if (script.exitAfterMs === undefined) return undefined
  if (script.failures === undefined || attempt < script.failures) return { afterMs: script.exitAfterMs, code: script.exitCode }
  return runsToEnd ? { afterMs: script.exitAfterMs, code: 0 } : undefined
}

export function isJobPod(pod: Pod): boolean {
  return pod.metadata.ownerReferences?.some((owner) => owner.kind === 'Job' && owner.controller === true) ?? false
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDurationMs(text)
  return ms !== undefined && ms >= 0 ? ms : undefined
}

function integerOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === ''
}
