/**
 * Files of a cluster: directories only their owner may enter (0700), files only their owner may read (0600), and every file either
 * the old one or the new one, whole: written beside and renamed.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { QuorateError } from '../errors.js'

export function makeDirectory(path: string): void {
  try {
    makeWithParents(path)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** Node's own recursive mkdir never returns where a directory says of its children that they do not exist (Linux: /proc). */
function makeWithParents(path: string): void {
  const parent = dirname(path)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || parent === path || existsSync(parent)) throw error
    makeWithParents(parent)
    makeWithParents(path)
  }
}

/** `durable`: on disk, not only in the system's cache, before it returns. */
export function writeFileWhole(path: string, text: string, options: { mode?: number; durable?: boolean } = {}): void {
  makeDirectory(dirname(path))
  const beside = `${path}.${process.pid}.new`
  try {
    const file = openSync(beside, 'w', options.mode ?? 0o600)
    try {
      writeSync(file, text)
      if (options.durable) fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw unwritable(path, error)
  }
}

/** False when there is such a file already: of several that try only one succeeds, and it appears with its text in it. */
export function createExclusively(path: string, text: string): boolean {
  const beside = `${path}.${process.pid}.new`
  try {
    writeFileSync(beside, text, { mode: 0o600 })
    linkSync(beside, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unwritable(path, error)
  } finally {
    rmSync(beside, { force: true })
  }
}

/** undefined when there is no such file. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw new QuorateError('FileUnreadable', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

export function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
}

function unwritable(path: string, error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  return new QuorateError('FileUnwritable', `${path} cannot be written: ${(error as Error).message}`, {
    remedy: 'Make the directory writable, or choose another one (QUORATE_HOME, --rootfs).',
    cause: error,
  })
}
