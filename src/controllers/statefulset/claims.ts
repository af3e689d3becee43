/**
 * Who owns the claims of a StatefulSet's pods, by persistentVolumeClaimRetentionPolicy (KEP-1847): the set when they go with it,
 * the pod when they go with a pod that is scaled away, nobody when they stay. Pure.
 */
import type { GroupVersionKind, KubeObject } from '../../api/object.js'
import { apiVersionOf } from '../../api/object.js'
import type { StatefulSet } from '../../api/types/apps-v1.js'
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { controllerReference } from '../common/owner.js'
import { isInRange, ordinalOf, statefulSetKind } from './identity.js'

const podKind: GroupVersionKind = { group: '', version: 'v1', kind: 'Pod' }

/** The owner references that the claim should have, or undefined when it has them (or another controller has it). */
export function claimOwners(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): OwnerReference[] | undefined {
  const refs = claim.metadata.ownerReferences ?? []
  const ours = refs.filter((ref) => isTo(ref, set, statefulSetKind) || isTo(ref, pod, podKind))
  const others = refs.filter((ref) => !ours.includes(ref))
  const wanted = others.some((ref) => ref.controller) ? [] : wantedOwner(set, pod)
  const same =
    ours.length === wanted.length &&
    wanted.every((want) => ours.some((ref) => ref.uid === want.uid && ref.controller && ref.kind === want.kind))
  return same ? undefined : [...others, ...wanted]
}

function wantedOwner(set: StatefulSet, pod: Pod): OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {}
  const ordinal = ordinalOf(set, pod)
  const isCondemned = ordinal !== undefined && !isInRange(set, ordinal)
  if (whenScaled === 'Delete' && isCondemned) return [controllerReference(pod, podKind)]
  return whenDeleted === 'Delete' ? [controllerReference(set, statefulSetKind)] : []
}

/** A claim that goes with an earlier pod of the same name must be gone before the next pod may use its name. */
export function isStaleClaim(set: StatefulSet, podName: string, podUid: string | undefined, claim: PersistentVolumeClaim): boolean {
  if (set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false
  return (claim.metadata.ownerReferences ?? []).some((ref) => ref.kind === 'Pod' && ref.name === podName && ref.uid !== podUid)
}

function isTo(ref: OwnerReference, object: KubeObject, kind: GroupVersionKind): boolean {
  return ref.kind === kind.kind && ref.apiVersion === apiVersionOf(kind) && ref.name === object.metadata.name
}
