import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Client } from '../../client/client.js'
import { controllerOf, controllerReference } from './owner.js'

export interface Claim<T extends KubeObject> {
  readonly owner: KubeObject
  readonly ownerKind: GroupVersionKind
  /** The resource of the candidates. */
  readonly resource: GroupVersionResource
  /** What the owner has and what nobody has: see ownerIndex. */
  readonly candidates: readonly T[]
  matches(object: T): boolean
  /** Finalizers that come with being owned: set by adoption, removed by release. */
  readonly finalizers?: readonly string[]
  /** False when the owner, read live, is gone or being deleted: then nothing is adopted. */
  mayAdopt(): Promise<boolean>
}

/**
 * The objects that belong to an owner, after adopting matching orphans and releasing those that no longer match
 * (client-go: ControllerRefManager). An owner that is being deleted neither adopts nor releases.
 */
export async function claimObjects<T extends KubeObject>(client: Client, claim: Claim<T>): Promise<T[]> {
  const mine: T[] = []
  let adoptable: boolean | undefined
  for (const object of claim.candidates) {
    const controller = controllerOf(object)
    if (controller) {
      if (controller.uid !== claim.owner.metadata.uid) continue
      if (claim.matches(object)) mine.push(object)
      else if (!claim.owner.metadata.deletionTimestamp) await release(client, claim, object)
      continue
    }
    if (claim.owner.metadata.deletionTimestamp || object.metadata.deletionTimestamp || !claim.matches(object)) continue
    adoptable ??= await claim.mayAdopt()
    if (adoptable && (await adopt(client, claim, object))) mine.push(object)
  }
  return mine
}

async function adopt<T extends KubeObject>(client: Client, claim: Claim<T>, object: T): Promise<boolean> {
  const { namespace = '', name = '', uid } = object.metadata
  const finalizers = claim.finalizers ? { finalizers: claim.finalizers } : {}
  const body = { metadata: { uid, ownerReferences: [controllerReference(claim.owner, claim.ownerKind)], ...finalizers } }
  try {
    await client.resource(claim.resource).patch(namespace, name, { type: 'strategic', body })
    return true
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false
    throw error
  }
}

async function release<T extends KubeObject>(client: Client, claim: Claim<T>, object: T): Promise<void> {
  const { namespace = '', name = '', uid } = object.metadata
  const finalizers = claim.finalizers ? { '$deleteFromPrimitiveList/finalizers': claim.finalizers } : {}
  const body = { metadata: { uid, ownerReferences: [{ $patch: 'delete', uid: claim.owner.metadata.uid }], ...finalizers } }
  try {
    await client.resource(claim.resource).patch(namespace, name, { type: 'strategic', body })
  } catch (error) {
    // Gone, or it lost the reference meanwhile: released either way.
    if (!hasReason(error, 'NotFound') && !hasReason(error, 'Invalid')) throw error
  }
}

/** `mayAdopt` of the usual kind: the owner is read live, must have the same uid and not be going. */
export function liveOwner(client: Client, resource: GroupVersionResource, owner: KubeObject): () => Promise<boolean> {
  return async () => {
    const { namespace = '', name = '', uid } = owner.metadata
    try {
      const fresh = await client.resource(resource).get(namespace, name)
      return fresh.metadata.uid === uid && !fresh.metadata.deletionTimestamp
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false
      throw error
    }
  }
}
