/**
 * Lets a pod only where its volumes are or can be: bound volumes reach the node, and claims that wait for their first consumer
 * find a volume there or one can be made. Then, before the pod is bound, writes the choice (the volume's claimRef, or the claim's
 * selected node) and waits until the volume controller has bound every claim.
 */
import { quantityValue } from '../../../api/quantity.js'
import { labelSelectorOf } from '../../../api/selectors/label.js'
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core-v1.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { always, hints, type Plugin, skip } from '../../framework/plugin.js'
import { isStatus, type NodeStatus, unresolvable } from '../../framework/status.js'
import { VolumeBinder } from './binder.js'
import { claimKey, claimNames, className, isDelayed, isFullyBound, selectedNode, type StorageListers } from './claims.js'
import { findVolume, provisionsOn, reaches } from './matching.js'
import type { PluginDeps } from '../../config/plugin-deps.js'

const name = 'VolumeBinding'
const cannotReach = unresolvable(name, "node(s) didn't match PersistentVolume's node affinity")
const volumeLost = unresolvable(name, 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)')
const nothingToBind = unresolvable(name, "node(s) didn't find available persistent volumes to bind")
const noSpace = unresolvable(name, 'node(s) did not have enough free storage')
const immediate = unresolvable(name, 'pod has unbound immediate PersistentVolumeClaims')

const byClass = 'storageClass'

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds?: number
}

interface Claims {
  readonly bound: readonly PersistentVolumeClaim[]
  /** Smallest first. */
  readonly waiting: readonly PersistentVolumeClaim[]
}

/** What a node means for the waiting claims. */
interface Choice {
  readonly volumes: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[]
  readonly provision: readonly PersistentVolumeClaim[]
}

export function volumeBinding({ bindTimeoutSeconds = 600 }: VolumeBindingArgs, storage: StorageListers, deps: PluginDeps): Plugin {
  storage.volumes.addIndex(byClass, (volume) => [className(volume)])
  const binder = new VolumeBinder(storage, deps, bindTimeoutSeconds * 1_000)

  const claimsOf = (pod: PodInfo): Claims | NodeStatus => {
    const bound: PersistentVolumeClaim[] = []
    const waiting: PersistentVolumeClaim[] = []
    for (const each of claimNames(pod)) {
      const claim = binder.claim(`${pod.namespace}/${each}`)
      const fault = claim ? (faultOf(claim) ?? ownerFault(claim, pod, each)) : `persistentvolumeclaim "${each}" not found`
      if (!claim || fault) return unresolvable(name, fault ?? '')
      if (isFullyBound(claim)) bound.push(claim)
      else if (isDelayed(claim, storage.classes) && !claim.spec?.volumeName) waiting.push(claim)
      else return immediate
    }
    return { bound, waiting: waiting.sort((a, b) => sizeOf(a) - sizeOf(b)) }
  }

  const choose = (waiting: readonly PersistentVolumeClaim[], node: Node): Choice | NodeStatus => {
    const volumes: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = []
    const provision: PersistentVolumeClaim[] = []
    const chosen = new Set<string>()
    for (const claim of waiting) {
      const selected = claim.metadata.annotations?.[selectedNode]
      // A provisioner is at work for another node.
      if (selected !== undefined && selected !== node.metadata.name) return nothingToBind
      const isTaken = (volume: string) => chosen.has(volume) || binder.isTaken(volume, claimKey(claim))
      const volume =
        selected === undefined
          ? findVolume({ claim, node, volumes: storage.volumes.lister.by(byClass, className(claim)), isTaken })
          : undefined
      if (volume) {
        chosen.add(volume.metadata.name ?? '')
        volumes.push({ claim, volume })
        continue
      }
      const fault = provisionFault(claim, node, storage)
      if (fault) return fault
      provision.push(claim)
    }
    return { volumes, provision }
  }

  return {
    name,
    events: hints({
      StorageObject: always,
      NodeAdd: always,
      NodeUpdate: (_, event) => event.kind === 'NodeUpdate' && event.changes.has('labels'),
    }),
    preFilter(pod, { nodes }) {
      if (claimNames(pod).length === 0) return skip
      const claims = claimsOf(pod)
      if (isStatus(claims)) return claims
      const { bound, waiting } = claims
      const volumes = bound.map(({ spec }) => storage.volumes.lister.get(spec?.volumeName ?? ''))
      return {
        filter: (set) =>
          set.keep((slot) => {
            const node = nodes.nodes[slot] as Node
            for (const volume of volumes) {
              if (!volume) return volumeLost
              if (!reaches(volume, node)) return cannotReach
            }
            const choice = waiting.length > 0 ? choose(waiting, node) : undefined
            return isStatus(choice) ? choice : undefined
          }),
      }
    },
    reserve(pod, slot, { nodes }) {
      if (claimNames(pod).length === 0) return undefined
      const claims = claimsOf(pod)
      if (isStatus(claims)) return claims
      if (claims.waiting.length === 0) return undefined
      const choice = choose(claims.waiting, nodes.nodes[slot] as Node)
      if (isStatus(choice)) return choice
      binder.assume(pod.key, choice.volumes, choice.provision, nodes.names[slot] as string)
      return undefined
    },
    unreserve: (pod) => binder.forget(pod.key),
    preBind: (pod, node, signal) => binder.bind(pod.key, node, signal),
  }
}

function faultOf({ metadata, spec, status }: PersistentVolumeClaim): string | undefined {
  if (status?.phase === 'Lost')
    return `persistentvolumeclaim "${metadata.name}" bound to non-existent persistentvolume "${spec?.volumeName}"`
  return metadata.deletionTimestamp ? `persistentvolumeclaim "${metadata.name}" is being deleted` : undefined
}

/** The claim of a generic ephemeral volume must be the pod's own, not one that happens to have its name (KEP-1698). */
function ownerFault({ metadata }: PersistentVolumeClaim, { pod, uid, key, name: podName }: PodInfo, claim: string): string | undefined {
  const isEphemeral = pod.spec?.volumes?.some((volume) => volume.ephemeral && `${podName}-${volume.name}` === claim)
  if (!isEphemeral || metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid)) return undefined
  return `PVC ${metadata.namespace}/${claim} was not created for pod ${key} (pod is not owner)`
}

function sizeOf({ spec }: PersistentVolumeClaim): number {
  return quantityValue(spec?.resources?.requests?.['storage'])
}

function provisionFault(claim: PersistentVolumeClaim, node: Node, storage: StorageListers): NodeStatus | undefined {
  const storageClass = storage.classes.get(className(claim))
  if (!provisionsOn(storageClass, node)) return nothingToBind
  const driver = storage.csiDrivers.get(storageClass?.provisioner ?? '')
  if (!driver?.spec?.storageCapacity) return undefined
  // KEP-1472: a driver that reports capacity must report enough for a segment with this node.
  const wanted = sizeOf(claim)
  const enough = storage.capacities.list().some(({ storageClassName, capacity, maximumVolumeSize, nodeTopology }) => {
    if (storageClassName !== storageClass?.metadata.name || quantityValue(maximumVolumeSize ?? capacity) < wanted) return false
    return nodeTopology !== undefined && labelSelectorOf(nodeTopology).matches(node.metadata.labels)
  })
  return enough ? undefined : noSpace
}
