import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { timestampName } from './timestamp-name.js'

/**
 * Files that containers read while they change: a reader sees all of one version or all of the next. Each version has a directory
 * of its own, `..data` is a link to the current one, and what users see are links through it; one rename changes everything
 * (upstream's AtomicWriter, whose layout programs in containers rely on).
 */
export interface FileEntry {
  readonly data: Uint8Array
  /** Permission bits. */
  readonly mode: number
  /** Owner, when it is not root. */
  readonly uid?: number
}

export type Payload = ReadonlyMap<string, FileEntry>

const dataLink = '..data'
const newLink = '..data_tmp'

/** True when anything changed. `prepare` sets owners and modes of the new version before it is seen. */
export async function writeAtomically(
  directory: string,
  payload: Payload,
  nowMs: number,
  prepare: (versionDirectory: string) => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path)
  const before = await readlink(join(directory, dataLink)).catch(() => undefined)
  const oldPaths = before === undefined ? [] : await filesBelow(join(directory, before))
  const stale = oldPaths.filter((path) => !payload.has(path))
  if (before !== undefined && stale.length === 0 && (await isCurrent(join(directory, before), payload))) return false

  const version = await newVersion(directory, nowMs)
  for (const [path, { data, mode, uid }] of payload) {
    const file = join(version.path, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    await writeFile(file, data, { mode })
    // The process's mask has taken bits away.
    await chmod(file, mode)
    if (uid !== undefined) await chown(file, uid, -1)
  }
  await prepare(version.path)
  const visible = new Set([...payload.keys()].map(firstPart))
  for (const name of visible) {
    const link = join(directory, name)
    if ((await readlink(link).catch(() => undefined)) === undefined) await symlink(join(dataLink, name), link)
  }
  await rm(join(directory, newLink), { force: true })
  await symlink(version.name, join(directory, newLink))
  await rename(join(directory, newLink), join(directory, dataLink))
  for (const name of new Set(stale.map(firstPart))) if (!visible.has(name)) await unlink(join(directory, name)).catch(() => undefined)
  if (before !== undefined) await rm(join(directory, before), { recursive: true, force: true })
  return true
}

function firstPart(path: string): string {
  return path.split('/')[0] as string
}

/** A path is below the volume and is no name of the writer's own. */
function checkPath(path: string): void {
  const parts = path.split('/')
  if (path === '') throw new Error('invalid path: must not be empty')
  if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`)
  if (parts.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`)
  if (parts[0]?.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`)
}

async function newVersion(directory: string, nowMs: number): Promise<{ name: string; path: string }> {
  const path = await mkdtemp(join(directory, `${timestampName(nowMs)}.`))
  await chmod(path, 0o755)
  return { name: path.slice(directory.length).replace(/^\//, ''), path }
}

async function filesBelow(directory: string, prefix = ''): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(join(directory, prefix), { withFileTypes: true }).catch(() => [])) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.isDirectory()) found.push(...(await filesBelow(directory, path)))
    else found.push(path)
  }
  return found
}

async function isCurrent(version: string, payload: Payload): Promise<boolean> {
  for (const [path, { data, mode }] of payload) {
    const file = join(version, path)
    const [content, found] = await Promise.all([readFile(file).catch(() => undefined), stat(file).catch(() => undefined)])
    if (!content || !found || !content.equals(data)) return false
    // An fsGroup may have added bits for the group; what was asked for must be there.
    if ((found.mode & mode) !== mode) return false
  }
  return true
}
