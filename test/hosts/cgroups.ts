/** The cgroups of a host: one group in each hierarchy of the machine, v1, hybrid or v2. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const parent = 'quorate-hosts'

export interface CgroupHierarchy {
  readonly mount: string
  readonly v2: boolean
}

export function hierarchies(): readonly CgroupHierarchy[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, point = '', type = '']) => point.startsWith('/sys/fs/cgroup') && /^cgroup2?$/.test(type))
    .map(([, mount = '', type]) => ({ mount, v2: type === 'cgroup2' }))
}

/** Makes the groups of a host and says where a process has to write itself to be in them. */
export function makeCgroups(id: string): readonly string[] {
  return hierarchies().map(({ mount, v2 }) => {
    const path = join(mount, parent, id)
    for (const each of [dirname(path), path]) {
      mkdirSync(each, { recursive: true })
      inheritCpuset(each)
    }
    if (v2) for (const each of [mount, dirname(path)]) handDown(each)
    return path
  })
}

/** No process may enter a v1 cpuset before it has CPUs and memory nodes. */
function inheritCpuset(path: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(path, file)
    if (!existsSync(own) || readFileSync(own, 'utf8').trim() !== '') continue
    const above = join(dirname(path), file)
    if (existsSync(above)) writeFileSync(own, readFileSync(above))
  }
}

function handDown(path: string): void {
  for (const name of readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ')) {
    try {
      if (name !== '') writeFileSync(join(path, 'cgroup.subtree_control'), `+${name}`)
    } catch {
      // In use by the machine's own groups: the host goes without it.
    }
  }
}

/** Every process of a host, the ones that were moved into groups of its own making too. */
export function processesOf(id: string): number[] {
  const found = new Set<number>()
  const visit = (path: string) => {
    for (const line of readText(join(path, 'cgroup.procs')).split('\n')) if (line) found.add(Number(line))
    for (const child of childrenOf(path)) visit(child)
  }
  for (const { mount } of hierarchies()) visit(join(mount, parent, id))
  found.delete(0)
  return [...found]
}

/** Removes the groups, deepest first. False: something still holds one of them. */
export function removeCgroups(id: string): boolean {
  let clean = true
  const remove = (path: string) => {
    for (const child of childrenOf(path)) remove(child)
    try {
      if (existsSync(path)) rmdirSync(path)
    } catch {
      clean = false
    }
  }
  for (const { mount } of hierarchies()) {
    remove(join(mount, parent, id))
    try {
      rmdirSync(join(mount, parent))
    } catch {
      // Another host lives, or it was never made.
    }
  }
  return clean
}

function childrenOf(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(path, name))
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
