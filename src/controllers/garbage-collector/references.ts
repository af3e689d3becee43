import type { KubeObject } from '../../api/object.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'
import { foregroundFinalizer, hasFinalizer } from './node.js'

/** How an object's owners stand. */
export interface Classified {
  /** Owners that are there and stay. */
  readonly solid: readonly OwnerReference[]
  /** References to what is not there. */
  readonly dangling: readonly OwnerReference[]
  /** Owners that are being deleted in the foreground, so that this object has to go first. */
  readonly waiting: readonly OwnerReference[]
}

/** `ownerOf` gives undefined for an owner that is absent. */
export async function classify(
  references: readonly OwnerReference[],
  ownerOf: (reference: OwnerReference) => KubeObject | undefined | Promise<KubeObject | undefined>,
): Promise<Classified> {
  const solid: OwnerReference[] = []
  const dangling: OwnerReference[] = []
  const waiting: OwnerReference[] = []
  for (const reference of references) {
    const owner = await ownerOf(reference)
    if (!owner) dangling.push(reference)
    else if (owner.metadata.deletionTimestamp && hasFinalizer(owner, foregroundFinalizer)) waiting.push(reference)
    else solid.push(reference)
  }
  return { solid, dangling, waiting }
}

export type Verdict =
  | { readonly do: 'nothing' }
  /** Keeps only these references. */
  | { readonly do: 'disown'; readonly keep: readonly OwnerReference[] }
  | { readonly do: 'delete'; readonly policy: 'Orphan' | 'Foreground' | 'Background'; readonly unblock: boolean }

/**
 * What becomes of an object, by how its owners stand: one solid owner keeps it (and it loses the other references); without
 * one it goes. When an owner waits for it, it goes in the foreground as well if it has dependents of its own; `unblock` then
 * frees the owners of a circle, in which everybody would wait for everybody.
 */
export function verdictOn(
  object: KubeObject,
  { solid, dangling, waiting }: Classified,
  dependents: { readonly count: number; readonly isDeletingDependents: boolean },
): Verdict {
  if (solid.length > 0) return dangling.length + waiting.length === 0 ? { do: 'nothing' } : { do: 'disown', keep: solid }
  if (waiting.length > 0 && dependents.count > 0) return { do: 'delete', policy: 'Foreground', unblock: dependents.isDeletingDependents }
  const policy = hasFinalizer(object, 'orphan') ? 'Orphan' : hasFinalizer(object, foregroundFinalizer) ? 'Foreground' : 'Background'
  return { do: 'delete', policy, unblock: false }
}
