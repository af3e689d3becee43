import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cpuWeight, type Limits } from '../cgroups/limits.js'
import { parseMountInfo } from '../volumes/mounter.js'

/**
 * The cgroups of this machine as files, version 1 and version 2 (KEP-2254). A group is named by its path from the root; making one
 * that is there, and removing one that is not, is fine.
 */
export interface MemoryOfGroup {
  readonly usage: number
  /** Usage without the page cache that was not used lately. */
  readonly workingSet: number
  /** Infinity: none. */
  readonly limit: number
}

/** Controllers of version 1 in which a pod's group is made. */
const v1Controllers = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'hugetlb', 'blkio', 'devices', 'freezer', 'name=systemd'] as const
const v2Controllers = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'] as const
/** What version 1 shows where there is no limit. */
const unlimited = 2 ** 62

export class CgroupTree {
  readonly version: 1 | 2
  /** Controller → where its hierarchy is mounted. Version 2 has one for all. */
  readonly #mounts: ReadonlyMap<string, string>

  constructor(version: 1 | 2, mounts: ReadonlyMap<string, string>) {
    this.version = version
    this.#mounts = mounts
  }

  /** Finds the hierarchies that this process sees; version 2 where it carries the memory controller. */
  static async open(proc = '/proc'): Promise<CgroupTree> {
    const mounts = parseMountInfo(await readFile(`${proc}/self/mountinfo`, 'utf8').catch(() => ''))
    const unified = mounts.find(({ type }) => type === 'cgroup2')?.path
    const controllers = unified ? ((await read(join(unified, 'cgroup.controllers'))) ?? '') : ''
    if (unified && controllers.split(/\s+/).includes('memory')) return new CgroupTree(2, new Map([['', unified]]))
    const found = new Map<string, string>()
    // A hierarchy's options are those of its super block; its last field has them, and so does the name of its mount point.
    for (const { type, path, source } of mounts) {
      if (type !== 'cgroup') continue
      for (const name of path.slice(path.lastIndexOf('/') + 1).split(',')) found.set(name === 'systemd' ? 'name=systemd' : name, path)
      if (source.startsWith('name=')) found.set(source, path)
    }
    return new CgroupTree(1, found)
  }

  async create(path: string, limits: Limits = {}): Promise<void> {
    if (this.version === 2) await this.#createV2(path)
    else await this.#createV1(path)
    await this.limit(path, limits)
  }

  async limit(path: string, limits: Limits): Promise<void> {
    for (const [controller, file, value] of this.version === 2 ? v2Files(limits) : v1Files(limits)) {
      const place = this.#place(this.version === 2 ? '' : controller, path)
      if (place) await writeFile(join(place, file), value).catch(ignoreMissing)
    }
  }

  /** Removes a group and those below it. Rejects while there are processes in one. */
  async remove(path: string): Promise<void> {
    for (const place of new Set(this.#places(path))) await removeBelow(place)
  }

  async exists(path: string): Promise<boolean> {
    const place = this.#place(this.version === 2 ? '' : 'memory', path)
    return place !== undefined && (await readdir(place).catch(() => undefined)) !== undefined
  }

  /** Names of the groups directly below. */
  async children(path: string): Promise<string[]> {
    const place = this.#place(this.version === 2 ? '' : 'memory', path)
    const entries = place ? await readdir(place, { withFileTypes: true }).catch(() => []) : []
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  }

  async memory(path: string): Promise<MemoryOfGroup | undefined> {
    const place = this.#place(this.version === 2 ? '' : 'memory', path)
    if (!place) return undefined
    const [usageFile, limitFile, inactive] =
      this.version === 2
        ? ['memory.current', 'memory.max', 'inactive_file']
        : ['memory.usage_in_bytes', 'memory.limit_in_bytes', 'total_inactive_file']
    const [usage, limit, statistics] = await Promise.all([
      read(join(place, usageFile)),
      read(join(place, limitFile)),
      read(join(place, 'memory.stat')),
    ])
    if (usage === undefined) return undefined
    const cached = Number(new RegExp(`^${inactive} (\\d+)`, 'm').exec(statistics ?? '')?.[1] ?? 0)
    const bound = limit === undefined || limit.trim() === 'max' ? Number.POSITIVE_INFINITY : Number(limit)
    return {
      usage: Number(usage),
      workingSet: Math.max(0, Number(usage) - cached),
      limit: bound >= unlimited ? Number.POSITIVE_INFINITY : bound,
    }
  }

  /** CPU time used so far. */
  async cpuNanoseconds(path: string): Promise<number | undefined> {
    if (this.version === 1) {
      const place = this.#place('cpuacct', path)
      const usage = place && (await read(join(place, 'cpuacct.usage')))
      return usage === undefined ? undefined : Number(usage)
    }
    const place = this.#place('', path)
    const micros = /^usage_usec (\d+)/m.exec((place && (await read(join(place, 'cpu.stat')))) ?? '')?.[1]
    return micros === undefined ? undefined : Number(micros) * 1_000
  }

  async processes(path: string): Promise<{ readonly current: number; readonly limit: number | undefined } | undefined> {
    const place = this.#place(this.version === 2 ? '' : 'pids', path)
    const current = place && (await read(join(place, 'pids.current')))
    if (!place || current === undefined) return undefined
    const max = (await read(join(place, 'pids.max')))?.trim()
    return { current: Number(current), limit: max === undefined || max === 'max' ? undefined : Number(max) }
  }

  #place(controller: string, path: string): string | undefined {
    const mount = this.#mounts.get(controller)
    return mount === undefined ? undefined : join(mount, path)
  }

  #places(path: string): string[] {
    return [...this.#mounts.values()].map((mount) => join(mount, path))
  }

  async #createV1(path: string): Promise<void> {
    for (const controller of v1Controllers) {
      const place = this.#place(controller, path)
      if (!place) continue
      await mkdir(place, { recursive: true })
      if (controller === 'cpuset') await seedCpuset(this.#mounts.get('cpuset') as string, place)
    }
  }

  /** Each group hands its controllers down to those below it. */
  async #createV2(path: string): Promise<void> {
    const root = this.#mounts.get('') as string
    let place = root
    for (const part of path.split('/').filter((name) => name !== '')) {
      const available = new Set(((await read(join(place, 'cgroup.controllers'))) ?? '').trim().split(/\s+/))
      for (const controller of v2Controllers)
        if (available.has(controller)) await writeFile(join(place, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined)
      place = join(place, part)
      await mkdir(place, { recursive: true })
    }
  }
}

/** A new cpuset is empty, and nothing may enter it: it gets what its parent has, from the top down. */
async function seedCpuset(root: string, place: string): Promise<void> {
  if (place === root) return
  await seedCpuset(root, dirname(place))
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if ((await read(join(place, file)))?.trim() !== '') continue
    await writeFile(join(place, file), (await read(join(dirname(place), file))) ?? '')
  }
}

function v1Files({ cpuShares, cpuQuotaUs, cpuPeriodUs, memoryBytes, processes }: Limits): [string, string, string][] {
  const files: [string, string, string][] = []
  if (cpuShares !== undefined) files.push(['cpu', 'cpu.shares', String(cpuShares)])
  if (cpuPeriodUs !== undefined) files.push(['cpu', 'cpu.cfs_period_us', String(cpuPeriodUs)])
  if (cpuQuotaUs !== undefined) files.push(['cpu', 'cpu.cfs_quota_us', String(cpuQuotaUs)])
  if (memoryBytes !== undefined) files.push(['memory', 'memory.limit_in_bytes', String(memoryBytes)])
  if (processes !== undefined) files.push(['pids', 'pids.max', processes < 0 ? 'max' : String(processes)])
  return files
}

function v2Files({ cpuShares, cpuQuotaUs, cpuPeriodUs = 100_000, memoryBytes, processes }: Limits): [string, string, string][] {
  const files: [string, string, string][] = []
  if (cpuShares !== undefined) files.push(['cpu', 'cpu.weight', String(cpuWeight(cpuShares))])
  if (cpuQuotaUs !== undefined) files.push(['cpu', 'cpu.max', `${cpuQuotaUs < 0 ? 'max' : cpuQuotaUs} ${cpuPeriodUs}`])
  if (memoryBytes !== undefined) files.push(['memory', 'memory.max', memoryBytes < 0 ? 'max' : String(memoryBytes)])
  if (processes !== undefined) files.push(['pids', 'pids.max', processes < 0 ? 'max' : String(processes)])
  return files
}

async function removeBelow(place: string): Promise<void> {
  const entries = await readdir(place, { withFileTypes: true }).catch(() => undefined)
  if (!entries) return
  for (const entry of entries) if (entry.isDirectory()) await removeBelow(join(place, entry.name))
  await rmdir(place).catch(ignoreMissing)
}

/** A controller that this kernel does not have, or a group that has gone meanwhile. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'EACCES' && error.code !== 'EPERM') throw error
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
