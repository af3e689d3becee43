import { mkdir } from 'node:fs/promises'
import type { Mounter } from '../mounter.js'
import type { VolumeType } from '../volume-type.js'

/** A share of an NFS server, mounted by the machine's mount.nfs. Owners and modes are the server's. */
export function nfsVolume(mounter: Mounter | undefined): VolumeType {
  return {
    plugin: 'kubernetes.io/nfs',
    handles: ({ volume, persistent }) => volume.nfs !== undefined || persistent?.spec?.nfs !== undefined,
    async setUp({ spec, directory }) {
      const source = spec.volume.nfs ?? spec.persistent?.spec?.nfs
      if (!source) throw new Error('the volume is no NFS share')
      if (!mounter) throw new Error('an NFS share needs a kubelet that may mount (root, or CAP_SYS_ADMIN)')
      const readOnly = spec.readOnly || source.readOnly === true
      if (!(await mounter.mounts()).some(({ path }) => path === directory)) {
        await mkdir(directory, { recursive: true, mode: 0o750 })
        const server = source.server.includes(':') ? `[${source.server}]` : source.server
        const options = [...(spec.persistent?.spec?.mountOptions ?? []), ...(readOnly ? ['ro'] : [])]
        await mounter.mount({ source: `${server}:${source.path}`, target: directory, type: 'nfs', options })
      }
      return { path: directory, readOnly }
    },
    tearDown: async (directory) => mounter?.unmount(directory),
  }
}
