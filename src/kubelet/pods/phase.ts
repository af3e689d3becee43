import type { Container, ContainerStatus, Pod, PodStatus } from '../../api/types/core-v1.js'
import { isSidecar, restartsAfter } from './containers.js'

type Statuses = Pick<PodStatus, 'initContainerStatuses' | 'containerStatuses'>

/**
 * The pod's phase, from the states of its containers. `ending`: the pod was deleted or given up, so nothing restarts any more and
 * an exit is final whatever the restart policy says.
 */
export function phaseOf(pod: Pod, statuses: Statuses, ending: boolean): NonNullable<PodStatus['phase']> {
  const byName = (list: readonly ContainerStatus[] | undefined, container: Container) =>
    list?.find((status) => status.name === container.name)
  let pendingInit = false
  for (const container of pod.spec?.initContainers ?? []) {
    const status = byName(statuses.initContainerStatuses, container)
    const ended = exitOf(status)
    if (isSidecar(container)) {
      if (!status?.state?.running && !ended) pendingInit = true
      continue
    }
    if (ended?.exitCode === 0) continue
    if (ended && (ending || !restartsAfter(pod, container, ended.exitCode, true))) return 'Failed'
    pendingInit = true
  }

  let waiting = 0
  let running = 0
  let restarting = 0
  let failed = 0
  for (const container of pod.spec?.containers ?? []) {
    const status = byName(statuses.containerStatuses, container)
    const ended = exitOf(status)
    if (status?.state?.running) running++
    else if (!ended) waiting++
    else if (!ending && restartsAfter(pod, container, ended.exitCode, false)) restarting++
    else if (ended.exitCode !== 0) failed++
  }
  const everRan = running > 0 || restarting > 0 || failed > 0
  if (pendingInit && !everRan) return 'Pending'
  if (waiting > 0) return 'Pending'
  if (running > 0 || restarting > 0) return 'Running'
  // Main containers are over; sidecars that still run hold the pod in Running until they have ended.
  const sidecarRuns = (pod.spec?.initContainers ?? []).some(
    (container) => isSidecar(container) && byName(statuses.initContainerStatuses, container)?.state?.running,
  )
  if (sidecarRuns) return 'Running'
  return failed > 0 ? 'Failed' : 'Succeeded'
}

/** How the last attempt ended, when it did: also while the next one waits for its back-off. */
function exitOf(status: ContainerStatus | undefined): { exitCode: number } | undefined {
  if (!status) return undefined
  if (status.state?.terminated) return status.state.terminated
  return status.state?.waiting ? status.lastState?.terminated : undefined
}
