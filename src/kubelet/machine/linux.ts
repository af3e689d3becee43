import { readFile, readdir, stat, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { Observation, Signal } from '../eviction/signals.js'
import type { MachineCapacity } from '../nodes/allocatable.js'
import type { CgroupTree } from './cgroup-tree.js'

/**
 * What a Linux machine has and what is left of it: /proc, the root of the cgroups, and the file systems. A process whose cgroup root
 * has limits of its own (a host made of namespaces) has what those give.
 */
export interface LinuxMachineOptions {
  /** Where /proc is mounted. */
  readonly proc?: string
  readonly sys?: string
  /** The kubelet's root directory: on the node's file system. */
  readonly rootDir: string
  /** Where images lie; undefined while the runtime has not said. */
  readonly imagesDir: () => string | undefined
  readonly cgroups: CgroupTree
}

export class LinuxMachine {
  readonly #options: LinuxMachineOptions

  constructor(options: LinuxMachineOptions) {
    this.#options = options
  }

  async capacity(): Promise<MachineCapacity> {
    const [memory, disk, hugePages] = await Promise.all([this.memory(), this.#fileSystem(this.#options.rootDir), this.#hugePages()])
    return { cpus: availableParallelism(), memoryBytes: memory.capacity, ephemeralStorageBytes: disk?.capacityBytes ?? 0, hugePages }
  }

  /** Available: what is not in the working set, as cAdvisor counts it (page cache that was not used lately is free). */
  async memory(): Promise<Observation & { readonly workingSet: number; readonly usage: number }> {
    const [info, group] = await Promise.all([this.#meminfo(), this.#options.cgroups.memory('/')])
    const total = info.MemTotal ?? 0
    const limit = group?.limit ?? Number.POSITIVE_INFINITY
    const capacity = Math.min(total, limit)
    // The root of a machine's v2 tree counts nothing itself.
    const workingSet = group ? group.workingSet : total - (info.MemAvailable ?? 0)
    return { capacity, workingSet, usage: group?.usage ?? workingSet, available: Math.max(0, capacity - workingSet) }
  }

  async processes(): Promise<Observation> {
    const { cgroups, proc = '/proc' } = this.#options
    const [group, pidMax, threadsMax, load] = await Promise.all([
      cgroups.processes('/'),
      number(`${proc}/sys/kernel/pid_max`),
      number(`${proc}/sys/kernel/threads-max`),
      text(`${proc}/loadavg`),
    ])
    const machineMax = Math.min(pidMax ?? Number.POSITIVE_INFINITY, threadsMax ?? Number.POSITIVE_INFINITY)
    const running = Number(/\d+\/(\d+)/.exec(load ?? '')?.[1] ?? 0)
    if (group?.limit !== undefined && group.limit < machineMax) return { capacity: group.limit, available: group.limit - group.current }
    return { capacity: machineMax, available: machineMax - running }
  }

  /** Every signal that can be told of this machine now. */
  async observe(): Promise<Map<Signal, Observation>> {
    const { rootDir, imagesDir, cgroups } = this.#options
    const images = imagesDir() ?? rootDir
    const [memory, processes, node, image, pods] = await Promise.all([
      this.memory(),
      this.processes(),
      this.#fileSystem(rootDir),
      this.#fileSystem(images),
      cgroups.memory('/kubepods'),
    ])
    const seen = new Map<Signal, Observation>([
      ['memory.available', memory],
      ['pid.available', processes],
    ])
    if (pods && Number.isFinite(pods.limit))
      seen.set('allocatableMemory.available', { capacity: pods.limit, available: Math.max(0, pods.limit - pods.workingSet) })
    if (node) {
      seen.set('nodefs.available', { capacity: node.capacityBytes, available: node.availableBytes })
      if (node.inodes > 0) seen.set('nodefs.inodesFree', { capacity: node.inodes, available: node.inodesFree })
    }
    if (image) {
      seen.set('imagefs.available', { capacity: image.capacityBytes, available: image.availableBytes })
      if (image.inodes > 0) seen.set('imagefs.inodesFree', { capacity: image.inodes, available: image.inodesFree })
    }
    return seen
  }

  /** How full a file system is. */
  async fileSystem(path: string): Promise<FileSystem | undefined> {
    return this.#fileSystem(path)
  }

  async #fileSystem(path: string): Promise<FileSystem | undefined> {
    try {
      const [{ bsize, blocks, bavail, bfree, files, ffree }, { dev }] = await Promise.all([statfs(path), stat(path)])
      return {
        ...{ device: dev, capacityBytes: blocks * bsize, availableBytes: bavail * bsize, usedBytes: (blocks - bfree) * bsize },
        ...{ inodes: files, inodesFree: ffree },
      }
    } catch {
      return undefined
    }
  }

  async #meminfo(): Promise<Record<string, number>> {
    const lines = ((await text(`${this.#options.proc ?? '/proc'}/meminfo`)) ?? '').split('\n')
    return Object.fromEntries(
      lines.map((line) => /^(\w+):\s+(\d+)/.exec(line)).flatMap((match) => (match ? [[match[1], Number(match[2]) * 1_024]] : [])),
    )
  }

  async #hugePages(): Promise<Record<string, number>> {
    const directory = `${this.#options.sys ?? '/sys'}/kernel/mm/hugepages`
    const pages: Record<string, number> = {}
    for (const name of (await readdir(directory).catch(() => [])).sort()) {
      const kib = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0)
      if (kib > 0)
        pages[`hugepages-${kib >= 2 ** 20 ? `${kib / 2 ** 20}Gi` : `${kib / 2 ** 10}Mi`}`] =
          ((await number(`${directory}/${name}/nr_hugepages`)) ?? 0) * kib * 1_024
    }
    return pages
  }
}

export interface FileSystem {
  readonly device: number
  readonly capacityBytes: number
  readonly availableBytes: number
  readonly usedBytes: number
  readonly inodes: number
  readonly inodesFree: number
}

async function text(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}

async function number(file: string): Promise<number | undefined> {
  const content = await text(file)
  const value = Number(content?.trim())
  return content === undefined || Number.isNaN(value) ? undefined : value
}
