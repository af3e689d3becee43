import { defaultMode, downwardFiles } from '../files/payload.js'
import { type FileVolumeHost, fileVolume } from '../files/file-volume.js'
import type { VolumeType } from '../volume-type.js'

/** What the node has to give, and where it is: for what pods are told of themselves. */
export interface NodeFacts {
  allocatable(): Readonly<Record<string, string>>
  hostIps(): readonly string[]
}

/** Fields of the pod as files, which follow its labels and annotations. */
export function downwardApiVolume(host: FileVolumeHost, node: NodeFacts): VolumeType {
  return fileVolume(host, {
    plugin: 'kubernetes.io/downward-api',
    inMemory: true,
    handles: ({ volume }) => volume.downwardAPI !== undefined,
    files({ pod, spec: { volume } }) {
      const { items = [], defaultMode: mode = defaultMode } = volume.downwardAPI ?? {}
      const context = { mode, allocatable: node.allocatable(), hostIps: node.hostIps() }
      // Inside the promise chain, so that what is wrong rejects.
      return Promise.resolve().then(() => downwardFiles(pod, items, context))
    },
  })
}
