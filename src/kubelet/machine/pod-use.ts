import { join } from 'node:path'
import type { Pod } from '../../api/types/core-v1.js'
import type { Clock } from '../../base/clock.js'
import type { PodUse } from '../eviction/ranking.js'
import type { ContainerStats } from '../runtime.js'
import { podDirectory } from '../volumes/pod-resources.js'
import type { CgroupTree } from './cgroup-tree.js'
import { type DiskUsage, diskUsage } from './disk-usage.js'

/** What pods of this machine use: memory and processes by their cgroups, disk by their files. Volumes are measured once a minute. */
export interface PodUseOptions {
  readonly clock: Clock
  readonly rootDir: string
  readonly cgroups: CgroupTree
  cgroupOf(pod: Pod): string
  stats(uid: string): readonly ContainerStats[]
}

/** volumeStatsAggPeriod */
const remeasureMs = 60_000

export class PodUses {
  readonly #options: PodUseOptions
  readonly #volumes = new Map<string, { readonly atMs: number; readonly usage: ReadonlyMap<string, DiskUsage> }>()

  constructor(options: PodUseOptions) {
    this.#options = options
  }

  async of(pod: Pod, fresh = false): Promise<PodUse> {
    const { cgroups, cgroupOf, stats } = this.#options
    const uid = pod.metadata.uid ?? ''
    const group = cgroupOf(pod)
    const [memory, processes, volumes] = await Promise.all([cgroups.memory(group), cgroups.processes(group), this.volumes(pod, fresh)])
    const containers = stats(uid).map(({ name, memoryBytes, logBytes, writableBytes = 0, writableInodes = 0 }) => ({
      ...{ name, memoryBytes, diskBytes: logBytes + writableBytes, inodes: writableInodes },
    }))
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    return {
      memoryBytes: memory?.workingSet ?? sum(containers.map(({ memoryBytes }) => memoryBytes)),
      diskBytes: sum(containers.map(({ diskBytes }) => diskBytes)) + sum([...volumes.values()].map(({ bytes }) => bytes)),
      inodes: sum(containers.map(({ inodes }) => inodes)) + sum([...volumes.values()].map(({ inodes }) => inodes)),
      processes: processes?.current ?? 0,
      containers,
      volumes: [...volumes].map(([name, { bytes }]) => ({ name, bytes })),
    }
  }

  /** The emptyDir volumes of a pod that lie on the disk. */
  async volumes(pod: Pod, fresh = false): Promise<ReadonlyMap<string, DiskUsage>> {
    const uid = pod.metadata.uid ?? ''
    const nowMs = this.#options.clock.now()
    const known = this.#volumes.get(uid)
    if (known && !fresh && nowMs - known.atMs < remeasureMs) return known.usage
    const usage = new Map<string, DiskUsage>()
    for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
      if (!emptyDir || emptyDir.medium) continue
      const directory = join(podDirectory(this.#options.rootDir, uid), 'volumes', 'kubernetes.io~empty-dir', name)
      usage.set(name, await diskUsage(directory))
    }
    this.#volumes.set(uid, { atMs: nowMs, usage })
    return usage
  }

  /** The volumes as last measured. */
  known(uid: string): ReadonlyMap<string, DiskUsage> {
    return this.#volumes.get(uid)?.usage ?? new Map()
  }

  forget(uid: string): void {
    this.#volumes.delete(uid)
  }
}
