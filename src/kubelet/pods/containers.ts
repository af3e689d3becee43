import type { Container, Pod } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'

/** Questions about a pod's containers that the plan and the status both ask. */

/** An init container that keeps running beside the main ones (KEP-753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** The current attempt of a container: the last one of its name. */
export function currentAttempt(runtime: RuntimePod | undefined, name: string): RuntimeContainer | undefined {
  return runtime?.containers.findLast((container) => container.name === name)
}

/** The attempt before the current one. */
export function previousAttempt(runtime: RuntimePod | undefined, name: string): RuntimeContainer | undefined {
  const current = currentAttempt(runtime, name)
  return runtime?.containers.findLast((container) => container.name === name && container !== current)
}

export function isActive(container: RuntimeContainer | undefined): boolean {
  return container !== undefined && container.state !== 'exited'
}

/** True once a main container was ever started: the init stage is behind and is not entered again in the same sandbox. */
export function mainStageEntered(pod: Pod, runtime: RuntimePod | undefined): boolean {
  const current = (pod.spec?.containers ?? []).map(({ name }) => currentAttempt(runtime, name))
  return current.some((attempt) => attempt !== undefined && !attempt.earlierSandbox)
}

/** Ephemeral containers (KEP-277) as what they have in common with others: they are started once and never restarted. */
export function ephemeralContainers({ spec }: Pod): readonly Container[] {
  return (spec?.ephemeralContainers ?? []) as readonly Container[]
}

/** Whether a container of this pod runs again after an exit with `exitCode` (KEP-753 for sidecars, KEP-5307 for own policies). */
export function restartsAfter(pod: Pod, container: Container, exitCode: number, init: boolean): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false
    if (rule.exitCodes?.operator === 'In' ? listed : rule.exitCodes?.operator === 'NotIn' && !listed) return true
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'
  if (policy === 'Never') return false
  // An init container that is done is done: only its failures are tried again, unless it is a sidecar.
  if (policy === 'OnFailure' || (init && !isSidecar(container))) return exitCode !== 0
  return true
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
