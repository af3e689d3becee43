import { type Stats } from 'node:fs'
import { chmod, mkdir, open, stat } from 'node:fs/promises'
import type { HostPathVolumeSource } from '../../../api/types/core-v1.js'
import type { VolumeType } from '../volume-type.js'

/** A file or directory of the node itself, checked or made as its type says. It is never unmounted nor removed. */
export function hostPathVolume(resolve: (path: string) => string): VolumeType {
  return {
    plugin: 'kubernetes.io/host-path',
    handles: ({ volume, persistent }) => volume.hostPath !== undefined || persistent?.spec?.hostPath !== undefined,
    async setUp({ spec: { volume, persistent } }) {
      const source = volume.hostPath ?? persistent?.spec?.hostPath
      if (!source) throw new Error('the volume is no hostPath')
      if (source.path.split('/').includes('..')) throw new Error(`path must not contain '..': ${source.path}`)
      const path = resolve(source.path)
      await checkHostPath(path, source)
      return { path, selinuxRelabel: false }
    },
    tearDown: () => Promise.resolve(),
  }
}

const kinds: Readonly<Record<string, readonly [is: (found: Stats) => boolean, what: string]>> = {
  Directory: [(found) => found.isDirectory(), 'a directory'],
  DirectoryOrCreate: [(found) => found.isDirectory(), 'a directory'],
  File: [(found) => found.isFile(), 'a file'],
  FileOrCreate: [(found) => found.isFile(), 'a file'],
  Socket: [(found) => found.isSocket(), 'a socket file'],
  CharDevice: [(found) => found.isCharacterDevice(), 'a character device'],
  BlockDevice: [(found) => found.isBlockDevice(), 'a block device'],
}

async function checkHostPath(path: string, { path: shown, type }: HostPathVolumeSource): Promise<void> {
  if (!type) return
  const kind = kinds[type]
  if (!kind) throw new Error(`${type} is an invalid volume type`)
  let found = await stat(path).catch(() => undefined)
  if (!found && type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 })
    await chmod(path, 0o755)
  } else if (!found && type === 'FileOrCreate') {
    await (await open(path, 'a', 0o644)).close()
  }
  found ??= await stat(path).catch(() => undefined)
  const [is, what] = kind
  if (!found || !is(found)) throw new Error(`hostPath type check failed: ${shown} is not ${what}`)
}
