import { chmod, mkdir } from 'node:fs/promises'
import { quantityValue } from '../../../api/quantity.js'
import type { Pod, Volume } from '../../../api/types/core-v1.js'
import { setOwnership } from '../files/ownership.js'
import type { MountRequest, Mounter } from '../mounter.js'
import type { VolumeType } from '../volume-type.js'

/**
 * A directory that lives as long as its pod: on the node's disk, in memory (a tmpfs of the volume's limit, or of the least limit that
 * holds for the pod: KEP-1967), or in huge pages. On disk its sizeLimit is kept by eviction, not here.
 */
export interface EmptyDirOptions {
  readonly mounter?: Mounter
  readonly allocatable: () => Readonly<Record<string, string>>
}

export function emptyDirVolume({ mounter, allocatable }: EmptyDirOptions): VolumeType {
  return {
    plugin: 'kubernetes.io/empty-dir',
    handles: ({ volume }) => volume.emptyDir !== undefined || isSourceless(volume),
    async setUp({ pod, spec: { volume }, directory, fsGroup }) {
      const medium = volume.emptyDir?.medium ?? ''
      if (medium !== '' && medium !== 'Memory' && !medium.startsWith('HugePages')) throw new Error(`unknown storage medium "${medium}"`)
      await mkdir(directory, { recursive: true, mode: 0o750 })
      const mounted = mounter && (await mounter.mounts()).some(({ path }) => path === directory)
      if (medium !== '' && mounter && !mounted) await mounter.mount({ target: directory, ...fileSystemOf(pod, volume, allocatable()) })
      await chmod(directory, 0o777)
      if (fsGroup) await setOwnership(directory, { fsGroup: fsGroup.id, policy: 'Always', readOnly: false })
      return { path: directory, selinuxRelabel: true }
    },
    tearDown: async (directory) => mounter?.unmount(directory),
  }
}

/** A volume without a source is an emptyDir by default (API convention of v1.Volume). */
function isSourceless(volume: Volume): boolean {
  return Object.keys(volume).every((key) => key === 'name')
}

function fileSystemOf(pod: Pod, { emptyDir }: Volume, allocatable: Readonly<Record<string, string>>): Omit<MountRequest, 'target'> {
  const medium = emptyDir?.medium ?? ''
  if (medium === 'Memory') {
    const bytes = memoryLimit(pod, emptyDir?.sizeLimit, allocatable)
    return { source: 'tmpfs', type: 'tmpfs', options: bytes > 0 ? [`size=${bytes}`] : [] }
  }
  const size = medium.startsWith('HugePages-') ? medium.slice('HugePages-'.length) : hugePageSize(pod)
  return { source: 'nodev', type: 'hugetlbfs', options: [`pagesize=${size.replace(/i$/, '')}`] }
}

export function memoryLimit(pod: Pod, sizeLimit: string | undefined, allocatable: Readonly<Record<string, string>>): number {
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ]
  const limits = containers.map(({ resources }) => quantityValue(resources?.limits?.memory))
  const podLimit = limits.every((limit) => limit > 0) ? limits.reduce((sum, limit) => sum + limit, 0) : 0
  const bounds = [quantityValue(allocatable.memory), podLimit, quantityValue(sizeLimit)].filter((bound) => bound > 0)
  return bounds.length > 0 ? Math.min(...bounds) : 0
}

function hugePageSize({ spec }: Pod): string {
  const prefix = 'hugepages-'
  const sizes = new Set(
    [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {}).filter((name) => name.startsWith(prefix)),
    ),
  )
  const [only] = sizes
  if (only === undefined || sizes.size > 1) throw new Error('medium HugePages needs requests for huge pages of exactly one size')
  return only.slice(prefix.length)
}
