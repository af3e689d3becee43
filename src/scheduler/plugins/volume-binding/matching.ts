/** Which volume a claim could have on a node (the binder's rule for claims that wait for their first consumer). */
import { quantityValue } from '../../../api/quantity.js'
import { labelSelectorOf } from '../../../api/selectors/label.js'
import { type NodeMatcher, nodeSelectorMatcher } from '../../../api/selectors/node.js'
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core-v1.js'
import type { StorageClass } from '../../../api/types/storage-v1.js'
import { className, isReserved, noProvisioner } from './claims.js'

const matchers = new WeakMap<PersistentVolume, NodeMatcher>()

/** Whether the volume can be reached from the node. */
export function reaches(volume: PersistentVolume, node: Node): boolean {
  let matcher = matchers.get(volume)
  if (!matcher) {
    const required = volume.spec?.nodeAffinity?.required
    matchers.set(volume, (matcher = required ? nodeSelectorMatcher(required) : () => true))
  }
  return matcher(node)
}

export interface Search {
  readonly claim: PersistentVolumeClaim
  readonly node: Node
  /** Volumes of the claim's class. */
  readonly volumes: readonly PersistentVolume[]
  /** Names of volumes given away already: to claims of this pod, or by cycles that are not yet written. */
  isTaken(name: string): boolean
}

/** The smallest that fits, unless one is reserved for the claim. */
export function findVolume({ claim, node, volumes, isTaken }: Search): PersistentVolume | undefined {
  const wanted = quantityValue(claim.spec?.resources?.requests?.['storage'])
  const selector = claim.spec?.selector && labelSelectorOf(claim.spec.selector)
  let best: PersistentVolume | undefined
  let bestSize = Number.POSITIVE_INFINITY
  for (const volume of volumes) {
    const { metadata, spec, status } = volume
    const size = quantityValue(spec?.capacity?.['storage'])
    if (isTaken(metadata.name ?? '') || metadata.deletionTimestamp || size < wanted) continue
    if ((spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) continue
    if ((spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? '')) continue
    if (spec?.claimRef) {
      if (!isReserved(volume, claim)) continue
      return reaches(volume, node) ? volume : undefined
    }
    if (status?.phase !== 'Available' || className(volume) !== className(claim)) continue
    if (selector && !selector.matches(metadata.labels)) continue
    if (!reaches(volume, node) || !offersModes(volume, claim) || size >= bestSize) continue
    best = volume
    bestSize = size
  }
  return best
}

function offersModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const offered = spec?.accessModes ?? []
  return (claim.spec?.accessModes ?? []).every((mode) => offered.includes(mode))
}

/** Whether the class makes volumes at all, and for this node. */
export function provisionsOn(storageClass: StorageClass | undefined, { metadata }: Node): boolean {
  if (!storageClass?.provisioner || storageClass.provisioner === noProvisioner) return false
  const topologies = storageClass.allowedTopologies ?? []
  if (topologies.length === 0) return true
  return topologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = metadata.labels?.[key]
      return value !== undefined && values.includes(value)
    }),
  )
}
