import { mkdir, stat } from 'node:fs/promises'
import { setOwnership } from '../files/ownership.js'
import type { Mounter } from '../mounter.js'
import type { VolumeType } from '../volume-type.js'

/**
 * A disk or directory of one node that a PersistentVolume with node affinity names. A directory is bound into the pod's folder, a
 * block device is mounted there, or handed on as it is when the claim's volumeMode is Block.
 */
export function localVolume({ mounter, resolve }: { mounter?: Mounter; resolve: (path: string) => string }): VolumeType {
  return {
    plugin: 'kubernetes.io/local-volume',
    handles: ({ persistent }) => persistent?.spec?.local !== undefined,
    async setUp({ spec: { persistent, readOnly, block }, directory, fsGroup }) {
      const { path: shown = '', fsType } = persistent?.spec?.local ?? {}
      const source = resolve(shown)
      const found = await stat(source).catch(() => undefined)
      if (!found) throw new Error(`path "${shown}" does not exist`)
      if (block) {
        if (!found.isBlockDevice()) throw new Error(`local path ${shown} is not a block device`)
        return { path: source }
      }
      if (!mounter) return { path: source, readOnly, selinuxRelabel: true }
      if (!(await mounter.mounts()).some(({ path }) => path === directory)) {
        await mkdir(directory, { recursive: true, mode: 0o750 })
        const options = [...(persistent?.spec?.mountOptions ?? []), ...(readOnly ? ['ro'] : [])]
        await mounter.mount(
          found.isBlockDevice()
            ? { source, target: directory, type: fsType ?? 'ext4', options }
            : { source, target: directory, options: ['bind', ...options] },
        )
      }
      if (fsGroup && !readOnly) await setOwnership(directory, { fsGroup: fsGroup.id, policy: fsGroup.policy, readOnly })
      return { path: directory, readOnly, selinuxRelabel: true }
    },
    tearDown: async (directory) => mounter?.unmount(directory),
  }
}
