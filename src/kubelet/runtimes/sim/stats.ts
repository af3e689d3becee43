import type { ContainerStats } from '../../runtime.js'
import type { ContainerScript } from './script.js'

/** What a container uses when its script does not say: little, and never quite the same. */
const idleCpuMillis = 2
const idleMemoryBytes = 12 * 2 ** 20

/** Usage of a simulated container: a function of time alone, so that nothing has to be sampled. */
export function statsOf(name: string, id: string, startedAtMs: number, script: ContainerScript, nowMs: number): ContainerStats {
  const phase = id.charCodeAt(id.length - 1) + id.charCodeAt(id.length - 2)
  const wave = 1 + 0.1 * Math.sin(nowMs / 60_000 + phase)
  const cpuMillis = script.cpuMillis ?? idleCpuMillis * wave
  const aliveSeconds = Math.max(0, nowMs - startedAtMs) / 1000
  return {
    name,
    startedAtMs,
    cpuNanoCores: Math.round(cpuMillis * 1e6),
    cpuCoreNanoSeconds: Math.round((script.cpuMillis ?? idleCpuMillis) * 1e6 * aliveSeconds),
    memoryBytes: Math.round(script.memoryBytes ?? idleMemoryBytes * wave),
    logBytes: 4096,
  }
}
