import { chmod, mkdir } from 'node:fs/promises'
import type { Clock } from '../../../base/clock.js'
import type { Mounter } from '../mounter.js'
import type { VolumeReady, VolumeRequest, VolumeType } from '../volume-type.js'
import { type Payload, writeAtomically } from './atomic-writer.js'
import { setOwnership } from './ownership.js'

/**
 * A volume of files made from objects of the API: what the types configMap, secret, projected and downwardAPI have in common. Secrets
 * never touch a disk: their files lie in memory where this process may mount.
 */
export interface FileVolumeHost {
  readonly clock: Clock
  /** Absent: nothing can be mounted, files lie on the disk. */
  readonly mounter?: Mounter
}

export interface FileVolumeOptions {
  readonly plugin: string
  readonly inMemory: boolean
  readonly handles: VolumeType['handles']
  readonly files: (request: VolumeRequest) => Promise<Payload>
}

export function fileVolume({ clock, mounter }: FileVolumeHost, { plugin, inMemory, handles, files }: FileVolumeOptions): VolumeType {
  return {
    plugin,
    handles,
    follows: true,
    async setUp(request: VolumeRequest): Promise<VolumeReady> {
      const { directory, fsGroup } = request
      // What goes in is known before anything is made.
      const payload = await files(request)
      await mkdir(directory, { recursive: true, mode: 0o750 })
      await chmod(directory, 0o777)
      if (inMemory && mounter && !(await mounter.mounts()).some(({ path }) => path === directory)) {
        await mounter.mount({ source: 'tmpfs', target: directory, type: 'tmpfs' })
        await chmod(directory, 0o777)
      }
      await writeAtomically(directory, payload, clock.now(), () =>
        fsGroup ? setOwnership(directory, { fsGroup: fsGroup.id, policy: 'Always', readOnly: true }) : Promise.resolve(),
      )
      return { path: directory, readOnly: true, selinuxRelabel: true }
    },
    tearDown: async (directory) => mounter?.unmount(directory),
  }
}
