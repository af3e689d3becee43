/** The files of the machine that is prepared. Paths are the machine's own; `--rootfs` puts them below another directory. */
import { chmodSync, closeSync, existsSync, fdatasyncSync, lstatSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { dirname, join } from 'node:path'
import { readIfPresent, remove, writeFileWhole } from '../../base/node/files.js'

export interface NodeFiles {
  /** Where a path really is. */
  locate(path: string): string
  /** undefined when there is none. */
  read(path: string): string | undefined
  exists(path: string): boolean
  kind(path: string): 'file' | 'directory' | 'socket' | 'other' | undefined
  /** How long a small write takes until it is on the disk of the nearest directory that is there; undefined when it cannot be told. */
  syncMs(directory: string): number | undefined
  /** Names in a directory; [] when there is none. */
  list(path: string): string[]
  /** Whole or not at all. Default mode 0600. */
  write(path: string, text: string, mode?: number): void
  remove(path: string): void
  /** Removes what is in a directory; the directory itself may be a mount. */
  empty(path: string): void
}

export function nodeFiles(rootfs = ''): NodeFiles {
  const locate = (path: string) => (rootfs === '' ? path : join(rootfs, path))
  return {
    locate,
    read: (path) => readIfPresent(locate(path)),
    exists: (path) => existsSync(locate(path)),
    kind: (path) => kindOf(locate(path)),
    syncMs: (directory) => syncMs(locate(directory)),
    list: (path) => (existsSync(locate(path)) ? readdirSync(locate(path)) : []),
    write(path, text, mode = 0o600) {
      writeFileWhole(locate(path), text, { mode, durable: true })
      // The mode of a new file is cut by the umask.
      chmodSync(locate(path), mode)
    },
    remove: (path) => remove(locate(path)),
    empty(path) {
      const directory = locate(path)
      if (existsSync(directory)) for (const name of readdirSync(directory)) remove(join(directory, name))
    },
  }
}

function kindOf(path: string): 'file' | 'directory' | 'socket' | 'other' | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return undefined
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  return stat.isSocket() ? 'socket' : 'other'
}

/** The median of a few. */
function syncMs(directory: string): number | undefined {
  const existing = nearest(directory)
  const file = join(existing, `.quorate-sync-${process.pid}`)
  try {
    const handle = openSync(file, 'w', 0o600)
    try {
      const times = Array.from({ length: 9 }, () => {
        const startedAtMs = performance.now()
        writeSync(handle, 'x'.repeat(2048))
        fdatasyncSync(handle)
        return performance.now() - startedAtMs
      })
      return times.toSorted((a, b) => a - b)[4]
    } finally {
      closeSync(handle)
      rmSync(file, { force: true })
    }
  } catch {
    return undefined
  }
}

function nearest(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : nearest(dirname(directory))
}
