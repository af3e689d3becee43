/**
 * The past templates of a StatefulSet or DaemonSet, kept as ControllerRevisions so that a pod can be told by which one it was
 * made, and kubectl rollout undo can go back. A revision's data is the patch that restores its template.
 */
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../api/object.js'
import type { Selector } from '../../api/selectors/label.js'
import { hasReason } from '../../api/status.js'
import type { ControllerRevision } from '../../api/types/apps-v1.js'
import type { PodTemplateSpec } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { claimObjects, liveOwner } from '../common/claim.js'
import { controllerReference, orphansOf, ownerIndex } from '../common/owner.js'
import { hashOf } from '../common/pod-template.js'
import { sameJson } from '../../api/same-json.js'
import type { View } from '../controller.js'

/** On a pod: the revision that made it (a StatefulSet writes the revision's name, a DaemonSet its hash). */
export const revisionLabel = 'controller-revision-hash'

export interface HistoryOwner {
  readonly object: KubeObject
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  readonly selector: Selector
}

/** The owner's revisions, oldest first, after adopting matching orphans. */
export async function ownRevisions(view: View, owner: HistoryOwner): Promise<ControllerRevision[]> {
  const { object, kind, resource, selector } = owner
  const lister = view.lister<ControllerRevision>(resources.controllerRevisions)
  const mine = await claimObjects(view.client, {
    owner: object,
    ownerKind: kind,
    resource: resources.controllerRevisions,
    candidates: [...lister.by(ownerIndex, object.metadata.uid ?? ''), ...lister.by(ownerIndex, orphansOf(object.metadata.namespace ?? ''))],
    matches: (revision) => selector.matches(revision.metadata.labels ?? {}),
    mayAdopt: liveOwner(view.client, resource, object),
  })
  return mine.sort(byRevision)
}

/** By number; equal numbers by age, then by name. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision
  const key = (each: ControllerRevision) => `${each.metadata.creationTimestamp ?? ''} ${each.metadata.name ?? ''}`
  return key(a) < key(b) ? -1 : 1
}

export function nextRevision(sorted: readonly ControllerRevision[]): number {
  return (sorted.at(-1)?.revision ?? 0) + 1
}

/** A revision's data: a strategic merge patch that puts the template back, members that came later taken away. */
export function templatePatch(template: PodTemplateSpec): unknown {
  return { spec: { template: { ...template, $patch: 'replace' } } }
}

/** The template that a revision's data restores. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined
  const { $patch: _directive, ...template } = data?.spec?.template ?? {}
  return template
}

export function isOfTemplate(revision: ControllerRevision, template: PodTemplateSpec): boolean {
  return sameJson(templateOf(revision), template)
}

export interface NewRevision {
  readonly owner: KubeObject & { metadata: KubeObject['metadata'] }
  readonly kind: GroupVersionKind
  readonly template: PodTemplateSpec
  readonly revision: number
  /** Where the hash is written on the revision. */
  readonly hashLabel: string
  readonly collisionCount: number
}

export function makeRevision({ owner, kind, template, revision, hashLabel, collisionCount }: NewRevision): ControllerRevision {
  const hash = hashOf(template, collisionCount)
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      // The name must leave room for the hash in the 253 characters of a name.
      name: `${(owner.metadata.name ?? '').slice(0, 223)}-${hash}`,
      namespace: owner.metadata.namespace,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(owner.metadata.annotations ? { annotations: { ...owner.metadata.annotations } } : {}),
      ownerReferences: [controllerReference(owner, kind)],
    },
    data: templatePatch(template),
    revision,
  }
}

/** Creates the revision. `collision`: another template's revision has the name; hash anew with a raised collision count. */
export async function createRevision(
  view: View,
  wanted: ControllerRevision,
): Promise<{ readonly revision: ControllerRevision } | { readonly collision: true }> {
  const revisions = view.client.resource<ControllerRevision>(resources.controllerRevisions)
  try {
    return { revision: await revisions.create(wanted) }
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    // Our own that the cache has not shown yet, or another's.
    const existing = await revisions.get(wanted.metadata.namespace ?? '', wanted.metadata.name ?? '')
    return sameJson(templateOf(existing), templateOf(wanted)) ? { revision: existing } : { collision: true }
  }
}

/** Moves a revision to the front of the history: a rollback to it. */
export async function renumber(view: View, old: ControllerRevision, revision: number): Promise<ControllerRevision> {
  if (old.revision === revision) return old
  return view.client.resource<ControllerRevision>(resources.controllerRevisions).update({ ...old, revision })
}

/** The oldest revisions beyond the limit, of those that nothing uses. */
export function revisionsToForget(
  sorted: readonly ControllerRevision[],
  isLive: (name: string) => boolean,
  limit = 10,
): ControllerRevision[] {
  const unused = sorted.filter((each) => !isLive(each.metadata.name ?? ''))
  return unused.slice(0, Math.max(0, unused.length - Math.max(0, limit)))
}

export async function forgetRevisions(view: View, revisions: readonly ControllerRevision[]): Promise<void> {
  for (const { metadata } of revisions) {
    try {
      await view.client
        .resource(resources.controllerRevisions)
        .delete(metadata.namespace ?? '', metadata.name ?? '', { preconditions: { uid: metadata.uid } })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
}
