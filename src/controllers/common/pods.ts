import type { Pod, PodCondition } from '../../api/types/core-v1.js'

/** A pod that is neither finished nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && !pod.metadata.deletionTimestamp
}

export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** When the pod became Ready, in ms since 1970; undefined when it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return undefined
  return ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : 0
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const since = readySinceMs(pod)
  if (since === undefined) return false
  return minReadySeconds === 0 || since + minReadySeconds * 1000 <= nowMs
}

/** How long until a Ready pod becomes available; undefined when it is not Ready or already available. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const since = readySinceMs(pod)
  if (since === undefined) return undefined
  const left = since + minReadySeconds * 1000 - nowMs
  return left > 0 ? left : undefined
}

export function restartsOf(pod: Pod): number {
  let most = 0
  for (const status of pod.status?.containerStatuses ?? []) most = Math.max(most, status.restartCount)
  return most
}
