import type { ContainerStatus, Pod } from '../types/core-v1.js'
import { ageOf, humanDuration } from './human-duration.js'

/** Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates. */
export function podCells(pod: Pod, nowMs: number): unknown[] {
  const { metadata, spec, status } = pod
  const statuses = status?.containerStatuses ?? []
  const sidecars = new Set((spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name))
  const running = [...statuses, ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name))]
  const total = (spec?.containers?.length ?? 0) + sidecars.size
  const gates = spec?.readinessGates ?? []
  const passed = gates.filter((gate) => status?.conditions?.some((each) => each.type === gate.conditionType && each.status === 'True'))
  return [
    metadata.name ?? '',
    `${running.filter((each) => each.ready && each.state?.running).length}/${total}`,
    podStatusText(pod, sidecars),
    restartsText(running, status?.initContainerStatuses ?? [], sidecars, nowMs),
    ageOf(metadata.creationTimestamp, nowMs),
    status?.podIPs?.[0]?.ip ?? status?.podIP ?? '<none>',
    spec?.nodeName || '<none>',
    status?.nominatedNodeName || '<none>',
    gates.length ? `${passed.length}/${gates.length}` : '<none>',
  ]
}

/** One word for a pod: the most telling of its containers' states, else its phase. */
export function podStatusText(pod: Pod, sidecars: ReadonlySet<string> = new Set()): string {
  const { status, metadata } = pod
  let text = status?.reason || status?.phase || ''
  if (status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')) text = 'SchedulingGated'
  const initial = initStatusText(pod, sidecars)
  if (initial.text) text = initial.text
  if (!initial.initializing) text = runningStatusText(pod, text)
  if (!metadata.deletionTimestamp) return text
  return status?.reason === 'NodeLost' ? 'Unknown' : status?.phase === 'Succeeded' || status?.phase === 'Failed' ? text : 'Terminating'
}

function initStatusText({ spec, status }: Pod, sidecars: ReadonlySet<string>): { initializing: boolean; text: string } {
  const initStatuses = status?.initContainerStatuses ?? []
  for (const [index, each] of initStatuses.entries()) {
    const { state } = each
    if (state?.terminated && state.terminated.exitCode === 0) continue
    if (sidecars.has(each.name) && each.started) continue
    if (state?.terminated) return { initializing: true, text: `Init:${terminatedText(state.terminated)}` }
    const waiting = state?.waiting?.reason
    if (waiting && waiting !== 'PodInitializing') return { initializing: true, text: `Init:${waiting}` }
    return { initializing: true, text: `Init:${index}/${spec?.initContainers?.length ?? 0}` }
  }
  return { initializing: false, text: '' }
}

function runningStatusText({ status }: Pod, start: string): string {
  let text = start
  let isRunning = false
  for (const { state, ready } of [...(status?.containerStatuses ?? [])].reverse()) {
    if (state?.waiting?.reason) text = state.waiting.reason
    else if (state?.terminated) text = terminatedText(state.terminated)
    else if (ready && state?.running) isRunning = true
  }
  if (text === 'Completed' && isRunning) {
    return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ? 'Running' : 'NotReady'
  }
  return text
}

function terminatedText({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode: number }): string {
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function restartsText(
  running: readonly ContainerStatus[],
  initial: readonly ContainerStatus[],
  sidecars: ReadonlySet<string>,
  nowMs: number,
): string {
  const counted = [...running, ...initial.filter(({ name }) => !sidecars.has(name))]
  const restarts = counted.reduce((sum, each) => sum + each.restartCount, 0)
  const last = Math.max(
    ...running.map(({ lastState }) => Date.parse(lastState?.terminated?.finishedAt ?? '')).filter((ms) => !Number.isNaN(ms)),
    0,
  )
  return restarts > 0 && last > 0 ? `${restarts} (${humanDuration(nowMs - last)} ago)` : String(restarts)
}
