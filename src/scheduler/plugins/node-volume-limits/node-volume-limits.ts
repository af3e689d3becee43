/** Keeps pods off nodes that can attach no more volumes of a CSI driver (CSINode's allocatable count). */
import type { PodInfo } from '../../cache/pod-info.js'
import { always, hints, type Plugin, skip } from '../../framework/plugin.js'
import { unschedulable } from '../../framework/status.js'
import { claimNames, className, type StorageListers } from '../volume-binding/claims.js'

const name = 'NodeVolumeLimits'
const full = unschedulable(name, 'node(s) exceed max volume count')

interface Attachment {
  readonly driver: string
  /** One volume used by two pods of a node is attached once. */
  readonly handle: string
}

export function nodeVolumeLimits(storage: StorageListers): Plugin {
  const attachments = (pod: PodInfo): Attachment[] =>
    claimNames(pod).flatMap((claim) => attachmentOf(`${pod.namespace}/${claim}`, storage) ?? [])
  return {
    name,
    events: hints({
      ...{ NodeAdd: always, StorageObject: always },
      AssignedPodDelete: (_, event) => event.kind === 'AssignedPodDelete' && claimNames(event.pod).length > 0,
    }),
    preFilter(pod, { nodes }) {
      const wanted = attachments(pod)
      if (wanted.length === 0) return skip
      const exceeds = (slot: number): boolean => {
        const limits = storage.csiNodes.get(nodes.names[slot] as string)?.spec?.drivers ?? []
        for (const { name: driver, allocatable } of limits) {
          if (allocatable?.count === undefined) continue
          const added = wanted.filter((each) => each.driver === driver)
          if (added.length === 0) continue
          const attached = new Set<string>()
          for (const other of nodes.pods[slot] ?? [])
            for (const each of attachments(other)) if (each.driver === driver) attached.add(each.handle)
          const fresh = new Set(added.map(({ handle }) => handle).filter((handle) => !attached.has(handle)))
          if (fresh.size > 0 && attached.size + fresh.size > allocatable.count) return true
        }
        return false
      }
      return { filter: (set) => set.keep((slot) => (exceeds(slot) ? full : undefined)) }
    },
  }
}

/** Of a claim without a volume: the driver that will make it. */
function attachmentOf(key: string, { claims, volumes, classes }: StorageListers): Attachment | undefined {
  const claim = claims.lister.get(key)
  if (!claim) return undefined
  if (!claim.spec?.volumeName) {
    const driver = classes.get(className(claim))?.provisioner
    return driver ? { driver, handle: `claim ${key}` } : undefined
  }
  const csi = volumes.lister.get(claim.spec.volumeName)?.spec?.csi
  return csi && { driver: csi.driver, handle: csi.volumeHandle }
}
