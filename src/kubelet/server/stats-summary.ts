import { timestamp } from '../../base/clock.js'
import type { ContainerStats, Runtime } from '../runtime.js'
import type { PodRecord } from '../worker/pod-record.js'

/** /stats/summary and /metrics/resource: what a node and its pods use, as metrics servers read it. Pure but for the runtime. */

export interface StatsInput {
  readonly runtime: Runtime
  readonly nodeName: string
  readonly startedAtMs: number
  readonly memoryBytes: number
  readonly records: Iterable<PodRecord>
  readonly nowMs: number
  /** What was measured of a real node; without it the node uses what its pods do. */
  readonly node?: NodeStats
  /** What a pod has on the node's disk. */
  readonly diskOf?: (uid: string) => readonly VolumeStats[]
}

export interface NodeStats {
  readonly cpuNanoCores: number
  readonly cpuCoreNanoSeconds: number
  readonly memory: { readonly availableBytes: number; readonly usageBytes: number; readonly workingSetBytes: number }
  readonly fileSystem: FileSystemStats | undefined
  readonly imageFileSystem: FileSystemStats | undefined
  readonly processes: { readonly max: number; readonly current: number }
}

export interface FileSystemStats {
  readonly availableBytes: number
  readonly capacityBytes: number
  readonly usedBytes: number
  readonly inodes: number
  readonly inodesFree: number
}

export interface VolumeStats {
  readonly name: string
  readonly bytes: number
  readonly inodes: number
}

interface PodStats {
  readonly record: PodRecord
  readonly containers: readonly ContainerStats[]
}

function statsOf({ runtime, records }: StatsInput): PodStats[] {
  return [...records].map((record) => ({ record, containers: runtime.stats(record.uid) })).filter(({ containers }) => containers.length > 0)
}

const sum = (containers: readonly ContainerStats[], field: 'cpuNanoCores' | 'cpuCoreNanoSeconds' | 'memoryBytes') =>
  containers.reduce((total, container) => total + container[field], 0)

export function statsSummary(input: StatsInput): object {
  const time = timestamp(input.nowMs)
  const pods = statsOf(input)
  const all = pods.flatMap(({ containers }) => [...containers])
  const cpu = (containers: readonly ContainerStats[]) => ({
    ...{ time, usageNanoCores: sum(containers, 'cpuNanoCores'), usageCoreNanoSeconds: sum(containers, 'cpuCoreNanoSeconds') },
  })
  const memory = (containers: readonly ContainerStats[]) => {
    const bytes = sum(containers, 'memoryBytes')
    return { time, usageBytes: bytes, workingSetBytes: bytes, rssBytes: bytes, pageFaults: 0, majorPageFaults: 0 }
  }
  const { node } = input
  return {
    node: {
      ...{ nodeName: input.nodeName, startTime: timestamp(input.startedAtMs) },
      ...(node
        ? nodeSummary(node, time)
        : { cpu: cpu(all), memory: { ...memory(all), availableBytes: Math.max(0, input.memoryBytes - sum(all, 'memoryBytes')) } }),
    },
    pods: pods.map(({ record: { pod, uid }, containers }) => ({
      podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid },
      startTime: timestamp(Math.min(...containers.map(({ startedAtMs }) => startedAtMs))),
      containers: containers.map((container) => ({
        ...{ name: container.name, startTime: timestamp(container.startedAtMs), cpu: cpu([container]), memory: memory([container]) },
        ...(container.writableBytes === undefined
          ? {}
          : { rootfs: { time, usedBytes: container.writableBytes, inodesUsed: container.writableInodes ?? 0 } }),
        logs: { time, usedBytes: container.logBytes },
      })),
      cpu: cpu(containers),
      memory: memory(containers),
      ...diskSummary(containers, input.diskOf?.(uid), node?.fileSystem, time),
    })),
  }
}

function nodeSummary(node: NodeStats, time: string): object {
  const { memory, fileSystem, imageFileSystem, processes } = node
  const disk = (stats: FileSystemStats) => ({ time, ...stats, inodesUsed: stats.inodes - stats.inodesFree })
  return {
    cpu: { time, usageNanoCores: node.cpuNanoCores, usageCoreNanoSeconds: node.cpuCoreNanoSeconds },
    memory: { time, ...memory },
    ...(fileSystem ? { fs: disk(fileSystem) } : {}),
    ...(imageFileSystem ? { runtime: { imageFs: disk(imageFileSystem), containerFs: disk(imageFileSystem) } } : {}),
    rlimit: { time, maxpid: processes.max, curproc: processes.current },
  }
}

/** Volumes on the node's disk, and all that a pod has there. */
function diskSummary(
  containers: readonly ContainerStats[],
  volumes: readonly VolumeStats[] | undefined,
  fileSystem: FileSystemStats | undefined,
  time: string,
): object {
  if (!volumes) return {}
  const { availableBytes, capacityBytes, inodes, inodesFree } = fileSystem ?? {}
  const around = fileSystem ? { availableBytes, capacityBytes, inodes, inodesFree } : {}
  const used = containers.reduce((total, { logBytes, writableBytes = 0 }) => total + logBytes + writableBytes, 0)
  const bytes = volumes.reduce((total, volume) => total + volume.bytes, used)
  const files = volumes.reduce((total, volume) => total + volume.inodes, 0)
  return {
    volume: volumes.map((volume) => ({ time, ...around, usedBytes: volume.bytes, inodesUsed: volume.inodes, name: volume.name })),
    'ephemeral-storage': { time, ...around, usedBytes: bytes, inodesUsed: files },
  }
}

/** The Prometheus page that metrics-server scrapes (KEP-727). */
export function resourceMetrics(input: StatsInput): string {
  const pods = statsOf(input)
  const all = pods.flatMap(({ containers }) => [...containers])
  const lines: string[] = []
  const family = (name: string, type: string, help: string, samples: readonly string[]) => {
    lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`, ...samples)
  }
  const seconds = (nanos: number) => nanos / 1e9
  const at = input.nowMs
  const samples = (name: string, value: (container: ContainerStats) => number) =>
    pods.flatMap(({ record: { pod }, containers }) =>
      containers.map(
        (container) =>
          `${name}{container="${container.name}",namespace="${pod.metadata.namespace}",pod="${pod.metadata.name}"} ${value(container)} ${at}`,
      ),
    )
  const podSamples = (name: string, value: (containers: readonly ContainerStats[]) => number) =>
    pods.map(
      ({ record: { pod }, containers }) =>
        `${name}{namespace="${pod.metadata.namespace}",pod="${pod.metadata.name}"} ${value(containers)} ${at}`,
    )
  const cpuOf = (container: ContainerStats) => seconds(container.cpuCoreNanoSeconds)
  const cpu = 'Cumulative cpu time consumed by the %s in core-seconds'
  family(
    'container_cpu_usage_seconds_total',
    'counter',
    cpu.replace('%s', 'container'),
    samples('container_cpu_usage_seconds_total', cpuOf),
  )
  family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', [
    ...samples('container_memory_working_set_bytes', ({ memoryBytes }) => memoryBytes),
  ])
  family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', [
    ...samples('container_start_time_seconds', ({ startedAtMs }) => startedAtMs / 1000),
  ])
  family('node_cpu_usage_seconds_total', 'counter', cpu.replace('%s', 'node'), [
    `node_cpu_usage_seconds_total ${seconds(input.node?.cpuCoreNanoSeconds ?? sum(all, 'cpuCoreNanoSeconds'))} ${at}`,
  ])
  family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [
    `node_memory_working_set_bytes ${input.node?.memory.workingSetBytes ?? sum(all, 'memoryBytes')} ${at}`,
  ])
  family('pod_cpu_usage_seconds_total', 'counter', cpu.replace('%s', 'pod'), [
    ...podSamples('pod_cpu_usage_seconds_total', (containers) => seconds(sum(containers, 'cpuCoreNanoSeconds'))),
  ])
  family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', [
    ...podSamples('pod_memory_working_set_bytes', (containers) => sum(containers, 'memoryBytes')),
  ])
  family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
    'resource_scrape_error 0',
  ])
  return `${lines.join('\n')}\n`
}
