import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CgroupTree } from './cgroup-tree.js'
import { diskUsage } from './disk-usage.js'
import { LinuxMachine } from './linux.js'

describe('a Linux machine', () => {
  let root = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'machine-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))
  const put = async (path: string, text: string) => {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), text)
  }
  const read = (path: string) => readFile(join(root, path), 'utf8')

  it('of cgroups version 2: limits are weights and maxima, the working set leaves idle cache out', async () => {
    await put('cgroup.controllers', 'cpuset cpu memory pids\n')
    await put('kubepods/cgroup.controllers', 'cpu memory pids\n')
    const tree = new CgroupTree(2, new Map([['', root]]))
    await tree.create('/kubepods/poda', { cpuShares: 1_024, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 4_096, processes: -1 })
    expect(await read('kubepods/poda/cpu.weight')).toBe('100')
    expect(await read('kubepods/poda/cpu.max')).toBe('50000 100000')
    expect(await read('kubepods/poda/memory.max')).toBe('4096')
    expect(await read('kubepods/poda/pids.max')).toBe('max')
    await put('kubepods/memory.current', '1000\n')
    await put('kubepods/memory.max', 'max\n')
    await put('kubepods/memory.stat', 'anon 1\ninactive_file 300\n')
    expect(await tree.memory('/kubepods')).toEqual({ usage: 1_000, workingSet: 700, limit: Number.POSITIVE_INFINITY })
    expect(await tree.memory('/none')).toBeUndefined()
  })

  it('of cgroups version 1: every controller has its group, an empty cpuset takes its parent’s', async () => {
    const controllers = ['cpu', 'cpuset', 'memory', 'pids']
    for (const controller of controllers) await mkdir(join(root, controller))
    await put('cpuset/cpuset.cpus', '0-1\n')
    await put('cpuset/cpuset.mems', '0\n')
    for (const group of ['kubepods', 'kubepods/poda'])
      for (const file of ['cpus', 'mems']) await put(`cpuset/${group}/cpuset.${file}`, '\n')
    const tree = new CgroupTree(1, new Map(controllers.map((controller) => [controller, join(root, controller)])))
    await tree.create('/kubepods/poda', { cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 4_096, processes: 10 })
    expect(await read('cpuset/kubepods/poda/cpuset.cpus')).toBe('0-1\n')
    expect(await read('cpu/kubepods/poda/cpu.shares')).toBe('512')
    expect(await read('cpu/kubepods/poda/cpu.cfs_quota_us')).toBe('50000')
    expect(await read('memory/kubepods/poda/memory.limit_in_bytes')).toBe('4096')
    expect(await read('pids/kubepods/poda/pids.max')).toBe('10')
    expect(await tree.children('/kubepods')).toEqual(['poda'])
  })

  it('has what its cgroup gives where that is less than what the hardware has', async () => {
    await put('proc/meminfo', 'MemTotal:       8000 kB\nMemAvailable:   3000 kB\n')
    await put('proc/sys/kernel/pid_max', '1000\n')
    await put('proc/sys/kernel/threads-max', '5000\n')
    await put('proc/loadavg', '0.1 0.2 0.3 2/150 4711\n')
    await put('sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '4\n')
    const at = (cgroups: CgroupTree) =>
      new LinuxMachine({ proc: join(root, 'proc'), sys: join(root, 'sys'), rootDir: root, imagesDir: () => undefined, cgroups })
    const whole = at(new CgroupTree(2, new Map([['', join(root, 'none')]])))
    expect(await whole.memory()).toMatchObject({ capacity: 8_000 * 1_024, available: 3_000 * 1_024 })
    expect(await whole.processes()).toEqual({ capacity: 1_000, available: 850 })
    expect((await whole.capacity()).hugePages).toEqual({ 'hugepages-2Mi': 8 * 2 ** 20 })
    await put('cgroup/memory.current', '2048000\n')
    await put('cgroup/memory.max', '4096000\n')
    await put('cgroup/memory.stat', 'inactive_file 48000\n')
    await put('cgroup/pids.current', '40\n')
    await put('cgroup/pids.max', '100\n')
    const part = at(new CgroupTree(2, new Map([['', join(root, 'cgroup')]])))
    expect(await part.memory()).toMatchObject({ capacity: 4_096_000, available: 2_096_000 })
    expect(await part.processes()).toEqual({ capacity: 100, available: 60 })
    const seen = await part.observe()
    expect(seen.get('nodefs.available')?.capacity).toBeGreaterThan(0)
    expect(seen.get('imagefs.inodesFree')).toEqual(seen.get('nodefs.inodesFree'))
  })

  it('counts the blocks of a directory, hard links once', async () => {
    await put('data/a', 'x'.repeat(10_000))
    const before = await diskUsage(join(root, 'data'))
    expect(before.bytes).toBeGreaterThanOrEqual(10_000)
    expect(before.inodes).toBe(2)
    const { link, symlink } = await import('node:fs/promises')
    await link(join(root, 'data/a'), join(root, 'data/b'))
    await link(join(root, 'data/a'), join(root, 'data/c'))
    await symlink('/', join(root, 'data/elsewhere'))
    expect((await diskUsage(join(root, 'data'))).bytes - before.bytes).toBeLessThan(10_000)
  })
})
