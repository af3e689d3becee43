/**
 * Has volumes attached to the nodes whose pods use them, and detached when none does any more: for CSI drivers whose volumes need it. The
 * attaching itself is the driver's attacher's, asked by a VolumeAttachment; the node is told in its status. Guarantees: a volume that
 * a living node says is in use stays attached; a volume of one writer is attached to one node at a time.
 */
import { keyOf } from '../../api/object.js'
import { sameJson } from '../../api/same-json.js'
import { hasReason } from '../../api/status.js'
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { CSIDriver, VolumeAttachment } from '../../api/types/storage-v1.js'
import { resources } from '../../client/resources.js'
import { claimNamesOf, indexPodsByClaim, podsOfClaim } from '../common/claims-of-pods.js'
import type { Controller, Outcome, View } from '../controller.js'
import { attachmentName, uniqueVolumeName } from './names.js'

const byNode = 'node'
const byVolume = 'volume'
/** A node that is gone for so long no longer counts as using a volume (upstream's maxWaitForUnmountDuration). */
const unmountMsMax = 360_000
const recheckMs = 10_000

export function attachDetachController(): Controller {
  /** Attachment → since when nobody needs it. */
  const unneeded = new Map<string, number>()
  return {
    name: 'persistentvolume-attach-detach-controller',
    eventSource: 'attachdetach-controller',
    watches: [
      { resource: resources.pods, toKeys: (object) => nodeOf(object as Pod), changed: (now, old) => differs(now as Pod, old as Pod) },
      {
        resource: resources.nodes,
        toKeys: (object) => [object.metadata.name ?? ''],
        changed: (now, old) =>
          !sameJson((now as Node).status?.volumesInUse, (old as Node).status?.volumesInUse) ||
          !sameJson((now as Node).status?.volumesAttached, (old as Node).status?.volumesAttached),
      },
      {
        resource: resources.persistentVolumeClaims,
        toKeys: (object, view) => podsOfClaim(view, keyOf(object)).flatMap(nodeOf),
        changed: (now, old) => (now as PersistentVolumeClaim).spec?.volumeName !== (old as PersistentVolumeClaim).spec?.volumeName,
      },
      { resource: resources.persistentVolumes, toKeys: () => [] },
      { resource: resources.csiDrivers, toKeys: () => [] },
      { resource: resources.volumeAttachments, toKeys: (object) => [(object as VolumeAttachment).spec?.nodeName ?? ''] },
    ],
    start(view) {
      indexPodsByClaim(view)
      view.informer<Pod>(resources.pods).addIndex(byNode, nodeOf)
      const attachments = view.informer<VolumeAttachment>(resources.volumeAttachments)
      attachments.addIndex(byNode, ({ spec }) => [spec?.nodeName ?? ''])
      attachments.addIndex(byVolume, ({ spec }) => [spec?.source.persistentVolumeName ?? ''])
    },
    reconcile: (nodeName, view) => reconcile(nodeName, view, unneeded),
  }
}

function nodeOf({ spec }: Pod): string[] {
  return spec?.nodeName ? [spec.nodeName] : []
}

function differs(now: Pod, old: Pod): boolean {
  return now.spec?.nodeName !== old.spec?.nodeName || isOver(now) !== isOver(old)
}

/** Its containers have ended for good. */
function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

async function reconcile(nodeName: string, view: View, unneeded: Map<string, number>): Promise<Outcome | void> {
  const node = view.lister<Node>(resources.nodes).get(nodeName)
  const wanted = await wantedVolumes(nodeName, view)
  const present = view.lister<VolumeAttachment>(resources.volumeAttachments).by(byNode, nodeName)
  const mine = present.filter(({ spec }) =>
    view.lister<PersistentVolume>(resources.persistentVolumes).get(spec?.source.persistentVolumeName ?? ''),
  )
  let waits = false
  if (node) for (const [name, { volume, pods }] of wanted) if (!(await attach(name, { volume, pods, node }, view))) waits = true

  const keep: VolumeAttachment[] = []
  const drop: VolumeAttachment[] = []
  for (const attachment of mine) {
    const name = attachment.metadata.name ?? ''
    if (wanted.has(name)) unneeded.delete(name)
    else if (!unneeded.has(name)) unneeded.set(name, view.clock.now())
    const isKept = wanted.has(name) || isInUse(attachment, node, view, unneeded.get(name) ?? 0)
    ;(isKept ? keep : drop).push(attachment)
    if (isKept && !wanted.has(name)) waits = true
  }
  // The node first: what it is told of must be there.
  if (node) await tellNode(node, keep, view)
  for (const { metadata } of drop) {
    if (metadata.deletionTimestamp) continue
    await ignoringGone(view.client.resource(resources.volumeAttachments).delete('', metadata.name ?? ''))
    unneeded.delete(metadata.name ?? '')
  }
  if (waits) return { requeueAfterMs: recheckMs }
}

interface Wanted {
  readonly volume: PersistentVolume
  readonly pods: readonly Pod[]
}

/** Name of its attachment → a volume that pods of the node need attached. */
async function wantedVolumes(nodeName: string, view: View): Promise<Map<string, Wanted>> {
  const found = new Map<string, Wanted>()
  for (const pod of view.lister<Pod>(resources.pods).by(byNode, nodeName)) {
    if (isOver(pod)) continue
    for (const claimName of claimNamesOf(pod)) {
      const claim = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(`${pod.metadata.namespace}/${claimName}`)
      const volume = view.lister<PersistentVolume>(resources.persistentVolumes).get(claim?.spec?.volumeName ?? '')
      const csi = volume?.spec?.csi
      if (!volume || !csi || volume.spec?.claimRef?.uid !== claim?.metadata.uid) continue
      if (view.lister<CSIDriver>(resources.csiDrivers).get(csi.driver)?.spec?.attachRequired === false) continue
      const name = await attachmentName(csi.volumeHandle, csi.driver, nodeName)
      found.set(name, { volume, pods: [...(found.get(name)?.pods ?? []), pod] })
    }
  }
  return found
}

/** True when it is attached, as far as is known. */
async function attach(name: string, { volume, pods, node }: Wanted & { readonly node: Node }, view: View): Promise<boolean> {
  const attachments = view.lister<VolumeAttachment>(resources.volumeAttachments)
  const present = attachments.get(name)
  const volumeName = volume.metadata.name ?? ''
  const nodeName = node.metadata.name ?? ''
  if (present) {
    if (present.status?.attachError) tell(`AttachVolume.Attach failed for volume "${volumeName}" : ${present.status.attachError.message}`)
    return present.status?.attached === true
  }
  const modes = volume.spec?.accessModes ?? []
  const isShared = modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany')
  const elsewhere = attachments.by(byVolume, volumeName).some(({ spec }) => spec?.nodeName !== nodeName)
  if (elsewhere && !isShared) {
    tell(
      `Multi-Attach error for volume "${volumeName}" Volume is already exclusively attached to one node and can't be attached to another`,
    )
    return false
  }
  const attachment: VolumeAttachment = {
    metadata: { name },
    spec: { attacher: volume.spec?.csi?.driver ?? '', nodeName, source: { persistentVolumeName: volumeName } },
  }
  try {
    await view.client.resource<VolumeAttachment>(resources.volumeAttachments).create(attachment)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
  }
  return false

  function tell(message: string): void {
    for (const pod of pods) view.events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', 'FailedAttachVolume', message)
  }
}

/** Whether the node may still have it mounted: it says so, and lives or has not been away for long. */
function isInUse({ spec }: VolumeAttachment, node: Node | undefined, view: View, sinceMs: number): boolean {
  if (!node) return false
  const name = nameOf(spec?.source.persistentVolumeName ?? '', view)
  if (!node.status?.volumesInUse?.includes(name)) return false
  const ready = node.status.conditions?.find(({ type }) => type === 'Ready')?.status
  // Out of service means that somebody has seen to it that nothing runs there (KEP-2268).
  if (node.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service')) return false
  return ready === 'True' || view.clock.now() - sinceMs < unmountMsMax
}

function nameOf(volumeName: string, view: View): string {
  const csi = view.lister<PersistentVolume>(resources.persistentVolumes).get(volumeName)?.spec?.csi
  return uniqueVolumeName(csi?.driver ?? '', csi?.volumeHandle ?? '')
}

async function tellNode(node: Node, keep: readonly VolumeAttachment[], view: View): Promise<void> {
  const volumesAttached = keep
    .filter(({ status }) => status?.attached)
    .map(({ spec }) => ({ name: nameOf(spec?.source.persistentVolumeName ?? '', view), devicePath: '' }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  if (sameJson(node.status?.volumesAttached ?? [], volumesAttached)) return
  const body = { status: { volumesAttached } }
  await ignoringGone(
    view.client.resource<Node>(resources.nodes).patch('', node.metadata.name ?? '', { type: 'merge', body }, { subresource: 'status' }),
  )
}

async function ignoringGone(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
