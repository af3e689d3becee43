import type { Pod } from '../../../api/types/core-v1.js'
import { qosClassOf } from '../../pods/qos.js'

/** Where a pod's cgroup lies: below kubepods, by its quality of service class; names as the driver wants them. Pure. */
export type CgroupDriver = 'cgroupfs' | 'systemd'

export function cgroupParentOf(pod: Pod, driver: CgroupDriver, root = ''): string {
  const qos = pod.status?.qosClass ?? qosClassOf(pod)
  const names = [
    ...root.split('/').filter(Boolean),
    'kubepods',
    ...(qos === 'Guaranteed' ? [] : [qos.toLowerCase()]),
    `pod${pod.metadata.uid}`,
  ]
  return driver === 'cgroupfs' ? `/${names.join('/')}` : sliceOf(names)
}

/** systemd's slices have their whole ancestry in the name; a dash of one's own is an underscore. */
function sliceOf(names: readonly string[]): string {
  const escaped = names.map((name) => name.replaceAll('-', '_'))
  return `/${escaped.map((_, at) => `${escaped.slice(0, at + 1).join('-')}.slice`).join('/')}`
}
