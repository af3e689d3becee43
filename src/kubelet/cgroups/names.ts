import type { PodStatus } from '../../api/types/core-v1.js'

/**
 * Where the groups of pods are, as tools expect them: /kubepods/burstable/podUID for the cgroupfs driver,
 * kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice for systemd's. Pure.
 */
export type CgroupDriver = 'cgroupfs' | 'systemd'
export type QosClass = NonNullable<PodStatus['qosClass']>

export interface CgroupName {
  /** Below the mount of a hierarchy. */
  readonly path: string
  /** As the CRI is told of a sandbox's parent. */
  readonly parent: string
}

export function cgroupName(driver: CgroupDriver, root: string, parts: readonly string[]): CgroupName {
  const base = root.replace(/^\/+|\/+$/g, '')
  if (driver === 'cgroupfs') {
    const path = `/${[base, ...parts].filter((part) => part !== '').join('/')}`
    return { path, parent: path }
  }
  // A slice says by its name which slices it is in; a dash within a part would be read as one more.
  const escaped = [...(base === '' ? [] : base.split('/')), ...parts].map((part) => part.replace(/\.slice$/, '').replaceAll('-', '_'))
  const slices = escaped.map((_, index) => `${escaped.slice(0, index + 1).join('-')}.slice`)
  return { path: `/${slices.join('/')}`, parent: slices.at(-1) ?? '' }
}

export function qosParts(qos: QosClass): string[] {
  return qos === 'Guaranteed' ? ['kubepods'] : ['kubepods', qos.toLowerCase()]
}

export function podParts(uid: string, qos: QosClass): string[] {
  return [...qosParts(qos), `pod${uid}`]
}
