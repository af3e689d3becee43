import type { ConfigMap } from '../../../api/types/core-v1.js'
import { defaultMode, configMapFiles } from '../files/payload.js'
import { type FileVolumeHost, fileVolume } from '../files/file-volume.js'
import type { VolumeType } from '../volume-type.js'

/** The keys of a ConfigMap as files. An optional one that is not there is an empty volume. */
export function configMapVolume(
  host: FileVolumeHost,
  get: (namespace: string, name: string) => Promise<ConfigMap | undefined>,
): VolumeType {
  return fileVolume(host, {
    plugin: 'kubernetes.io/configmap',
    inMemory: false,
    handles: ({ volume }) => volume.configMap !== undefined,
    async files({ pod, spec: { volume } }) {
      const { name = '', items, defaultMode: mode = defaultMode, optional = false } = volume.configMap ?? {}
      const map = await get(pod.metadata.namespace ?? '', name)
      if (!map && !optional) throw new Error(`configmap "${name}" not found`)
      return configMapFiles(map ?? { metadata: {} }, { ...(items && map ? { items } : {}), mode, optional })
    },
  })
}
