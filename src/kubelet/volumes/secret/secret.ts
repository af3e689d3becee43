import type { Secret } from '../../../api/types/core-v1.js'
import { defaultMode, secretFiles } from '../files/payload.js'
import { type FileVolumeHost, fileVolume } from '../files/file-volume.js'
import type { VolumeType } from '../volume-type.js'

/** The keys of a Secret as files in memory. An optional one that is not there is an empty volume. */
export function secretVolume(host: FileVolumeHost, get: (namespace: string, name: string) => Promise<Secret | undefined>): VolumeType {
  return fileVolume(host, {
    plugin: 'kubernetes.io/secret',
    inMemory: true,
    handles: ({ volume }) => volume.secret !== undefined,
    async files({ pod, spec: { volume } }) {
      const { secretName = '', items, defaultMode: mode = defaultMode, optional = false } = volume.secret ?? {}
      const secret = await get(pod.metadata.namespace ?? '', secretName)
      if (!secret && !optional) throw new Error(`secret "${secretName}" not found`)
      return secretFiles(secret ?? { metadata: {} }, { ...(items && secret ? { items } : {}), mode, optional })
    },
  })
}
