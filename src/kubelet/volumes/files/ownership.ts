import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * fsGroup: a volume's files belong to the pod's group, which may read (and write) them; new files in its directories inherit the
 * group (setgid). `OnRootMismatch` leaves a volume alone whose root already looks like it (KEP-695).
 */
export interface Ownership {
  readonly fsGroup: number
  readonly policy: 'Always' | 'OnRootMismatch'
  readonly readOnly: boolean
}

const readWrite = 0o660
const readOnlyMode = 0o440
const execute = 0o110
const setgid = 0o2000

export async function setOwnership(directory: string, ownership: Ownership): Promise<void> {
  if (ownership.policy === 'OnRootMismatch' && (await rootMatches(directory, ownership))) return
  await changeBelow(directory, ownership)
}

async function rootMatches(directory: string, { fsGroup, readOnly }: Ownership): Promise<boolean> {
  const { gid, mode } = await lstat(directory)
  const wanted = (readOnly ? readOnlyMode : readWrite) | execute
  return gid === fsGroup && (mode & wanted) === wanted && (mode & setgid) !== 0
}

/** The root last: that it looks right says that all below it is. */
async function changeBelow(path: string, ownership: Ownership): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  if (found.isDirectory()) for (const name of await readdir(path)) await changeBelow(join(path, name), ownership)
  await lchown(path, found.uid, ownership.fsGroup)
  if (found.isSymbolicLink()) return
  const mask = (ownership.readOnly ? readOnlyMode : readWrite) | (found.isDirectory() ? setgid | execute : 0)
  const mode = found.mode & 0o7777
  if ((mode | mask) !== mode || found.gid !== ownership.fsGroup) await chmod(path, mode | mask)
}
