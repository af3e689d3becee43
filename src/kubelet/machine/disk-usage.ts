import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** How much of a disk a directory takes: the blocks of its files, each inode once. What is mounted below it is not its own. */
export interface DiskUsage {
  readonly bytes: number
  readonly inodes: number
}

const blockBytes = 512
const nothing: DiskUsage = { bytes: 0, inodes: 0 }

export async function diskUsage(directory: string): Promise<DiskUsage> {
  const root = await lstat(directory).catch(() => undefined)
  if (!root) return nothing
  const linked = new Set<number>()
  const total = { bytes: root.blocks * blockBytes, inodes: 1 }
  // One directory at a time: a tree may be large, and the node has other things to do.
  const pending = [directory]
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    for (const name of await readdir(current).catch(() => [])) {
      const path = join(current, name)
      const found = await lstat(path).catch(() => undefined)
      if (!found || found.dev !== root.dev) continue
      if (found.nlink > 1 && !found.isDirectory()) {
        if (linked.has(found.ino)) continue
        linked.add(found.ino)
      }
      total.bytes += found.blocks * blockBytes
      total.inodes++
      if (found.isDirectory()) pending.push(path)
    }
  }
  return total
}
