import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, realpath, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import type { Mounter } from '../mounter.js'

/**
 * A file or directory inside a volume, for one container. Whoever writes to the volume may put links in it at any time, so nothing
 * is taken by name after it was checked: each step from the volume's root is opened without following links, and the descriptor of
 * the last is what is bound to a place of the kubelet's own (CVE-2017-1002101, CVE-2021-25741).
 */
export interface SubPathRequest {
  /** The root of the volume. */
  readonly volume: string
  readonly subPath: string
  /** Where it is bound: …/volume-subpaths/VOLUME/CONTAINER/INDEX. */
  readonly target: string
  readonly mounter: Mounter
}

/** O_PATH of Linux, which Node has no name for: a place in the tree, without leave to read it. */
const pathOnly = 0o10000000
const step = pathOnly | constants.O_NOFOLLOW | constants.O_DIRECTORY

export async function bindSubPath({ volume, subPath, target, mounter }: SubPathRequest): Promise<string> {
  if (subPath.startsWith('/')) throw new Error(`error SubPath \`${subPath}\` must not be an absolute path`)
  if (subPath.split('/').includes('..')) throw new Error(`unable to provision SubPath \`${subPath}\`: must not contain '..'`)
  const handle = await openInside(await realpath(volume), subPath)
  try {
    const source = `/proc/${process.pid}/fd/${handle.fd}`
    const wanted = await handle.stat()
    // A restart finds it bound already; what was put there since stays out of sight, as for every bind mount.
    const points = (await mounter.mounts()).filter(({ path }) => path === target)
    if (points.length > 0) {
      const bound = await stat(target).catch(() => undefined)
      if (bound?.ino === wanted.ino && bound.dev === wanted.dev) return target
      await mounter.unmount(target)
    }
    await mkdir(dirname(target), { recursive: true, mode: 0o750 })
    if (wanted.isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 })
    else await writeFile(target, '', { flag: 'a', mode: 0o640 })
    await mounter.mount({ source, target, options: ['bind'], exactSource: true })
    return target
  } finally {
    await handle.close()
  }
}

/** Opens a path below `base`, making the directories that are missing. Links are followed only as long as they stay inside. */
async function openInside(base: string, subPath: string): Promise<FileHandle> {
  const { prefix, missing } = await existingPrefix(
    base,
    subPath.split('/').filter((part) => part !== '' && part !== '.'),
  )
  const inside = relative(base, prefix)
  if (inside === '..' || inside.startsWith('../')) throw new Error(`subpath "${subPath}" not within volume path ${base}`)
  const present = inside === '' ? [] : inside.split('/')
  let current = await open(base, step)
  const { mode } = await current.stat()
  try {
    for (const [index, part] of [...present, ...missing].entries()) {
      const path = `/proc/self/fd/${current.fd}/${part}`
      const isMissing = index >= present.length
      const isMade = isMissing && (await makeDirectory(path))
      const isLast = index === present.length + missing.length - 1
      const next = await open(path, isLast && !isMissing ? pathOnly | constants.O_NOFOLLOW : step)
      await current.close()
      current = next
      const found = await current.stat()
      // As open as the volume itself, whatever the mask of this process takes away; by the descriptor, so that it is this directory.
      if (isMade) await chmod(`/proc/self/fd/${current.fd}`, mode & 0o7777)
      if (found.isSymbolicLink()) throw new Error(`subpath "${subPath}" is a link that has just been put there`)
    }
    return current
  } catch (error) {
    await current.close()
    throw error
  }
}

/** False when it has just been made by somebody else. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** The longest part that is there, with its links resolved, and what is left to be made. */
async function existingPrefix(base: string, parts: readonly string[]): Promise<{ prefix: string; missing: string[] }> {
  let prefix = base
  for (const [index, part] of parts.entries()) {
    const next = await realpath(`${prefix}/${part}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (next === undefined) return { prefix, missing: parts.slice(index) as string[] }
    prefix = next
    const inside = relative(base, prefix)
    if (inside === '..' || inside.startsWith('../')) return { prefix, missing: [] }
  }
  return { prefix, missing: [] }
}

/** Takes away what was bound for a pod's containers. */
export async function unbindSubPath(target: string, mounter: Mounter): Promise<void> {
  await mounter.unmount(target)
  await rmdir(target).catch(() => unlink(target).catch(() => undefined))
}
