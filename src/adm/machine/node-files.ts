/** The files of the machine that is prepared. Paths are the machine's own; `--rootfs` puts them below another directory. */
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readIfPresent, remove, writeFileWhole } from '../../base/node/files.js'

export interface NodeFiles {
  /** Where a path really is. */
  locate(path: string): string
  /** undefined when there is none. */
  read(path: string): string | undefined
  exists(path: string): boolean
  /** Names in a directory; [] when there is none. */
  list(path: string): string[]
  /** Whole or not at all. Default mode 0600. */
  write(path: string, text: string, mode?: number): void
  remove(path: string): void
}

export function nodeFiles(rootfs = ''): NodeFiles {
  const locate = (path: string) => (rootfs === '' ? path : join(rootfs, path))
  return {
    locate,
    read: (path) => readIfPresent(locate(path)),
    exists: (path) => existsSync(locate(path)),
    list: (path) => (existsSync(locate(path)) ? readdirSync(locate(path)) : []),
    write(path, text, mode = 0o600) {
      writeFileWhole(locate(path), text, { mode, durable: true })
      // The mode of a new file is cut by the umask.
      chmodSync(locate(path), mode)
    },
    remove: (path) => remove(locate(path)),
  }
}
