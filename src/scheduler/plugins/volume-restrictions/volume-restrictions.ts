/** Keeps pods apart that may not share a volume: in-tree disks with one writer, and claims for one pod (ReadWriteOncePod). */
import type { Volume } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { always, type Filter, hints, type Plugin, skip, type Snapshot } from '../../framework/plugin.js'
import { unschedulable } from '../../framework/status.js'
import { claimNames, type StorageListers } from '../volume-binding/claims.js'

const name = 'VolumeRestrictions'
const diskInUse = unschedulable(name, 'node(s) had no available disk')
const claimInUse = unschedulable(name, 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode')

interface Disk {
  readonly id: string
  /** Readers may share it. */
  readonly isRead: boolean
}

export function volumeRestrictions(storage: StorageListers): Plugin {
  return {
    name,
    events: hints({
      AssignedPodDelete: (pod, event) => event.kind === 'AssignedPodDelete' && shares(pod, event.pod),
      NodeAdd: always,
      StorageObject: always,
    }),
    preFilter(pod, snapshot) {
      const disks = disksOf(pod)
      const exclusive = new Set(claimNames(pod).filter((claim) => isExclusive(`${pod.namespace}/${claim}`, storage)))
      if (disks.length === 0 && exclusive.size === 0) return skip
      return restrictions(pod, disks, exclusive, snapshot)
    },
  }
}

function restrictions(pod: PodInfo, disks: readonly Disk[], exclusive: ReadonlySet<string>, { nodes }: Snapshot): Filter {
  const uses = (other: PodInfo) =>
    other.namespace === pod.namespace && exclusive.size > 0 && claimNames(other).some((claim) => exclusive.has(claim))
  let users = 0
  if (exclusive.size > 0) for (const pods of nodes.pods) for (const other of pods) if (uses(other)) users++
  return {
    filter(set) {
      if (users > 0) return set.keep(() => claimInUse)
      if (disks.length > 0) set.keep((slot) => (nodes.pods[slot]?.some((other) => clash(disks, disksOf(other))) ? diskInUse : undefined))
    },
    addPod: (other) => void (users += uses(other) ? 1 : 0),
    removePod: (other) => void (users -= uses(other) ? 1 : 0),
  }
}

function isExclusive(key: string, storage: StorageListers): boolean {
  return storage.claims.lister.get(key)?.spec?.accessModes?.includes('ReadWriteOncePod') ?? false
}

function shares(pod: PodInfo, other: PodInfo): boolean {
  if (pod.namespace === other.namespace && claimNames(pod).some((claim) => claimNames(other).includes(claim))) return true
  return clash(disksOf(pod), disksOf(other))
}

function clash(a: readonly Disk[], b: readonly Disk[]): boolean {
  return a.some((disk) => b.some(({ id, isRead }) => id === disk.id && !(isRead && disk.isRead)))
}

function disksOf({ pod }: PodInfo): readonly Disk[] {
  return (pod.spec?.volumes ?? []).flatMap(disksOfVolume)
}

function disksOfVolume({ gcePersistentDisk: gce, awsElasticBlockStore: ebs, iscsi, rbd }: Volume): Disk[] {
  if (gce) return [{ id: `gce/${gce.pdName}`, isRead: gce.readOnly ?? false }]
  if (ebs) return [{ id: `ebs/${ebs.volumeID}`, isRead: false }]
  if (iscsi) return [{ id: `iscsi/${iscsi.iqn}`, isRead: iscsi.readOnly ?? false }]
  if (rbd) return rbd.monitors.map((monitor) => ({ id: `rbd/${monitor}/${rbd.pool}/${rbd.image}`, isRead: rbd.readOnly ?? false }))
  return []
}
