/** metadata.managedFields of a write: which fields the caller has set, by the object as it was sent (before admission). */
import { kindCodec } from '../../api/scheme.js'
import { apiVersionOf, type UnknownObject } from '../../api/object.js'
import { typeSchema } from '../../api/schema/schema.js'
import { compareObjects, type Comparison } from '../../api/structured-merge/compare.js'
import type { FieldTree } from '../../api/structured-merge/field-tree.js'
import { afterUpdate } from '../../api/structured-merge/managed-fields.js'
import { customMergeType, deduced, type MergeType, mergeTypeOf } from '../../api/structured-merge/merge-type.js'
import type { ManagedFieldsEntry } from '../../api/types/meta-v1.js'
import { timestamp } from '../../base/clock.js'
import type { ServedResource } from './resource.js'

export interface FieldWriter {
  readonly manager: string
  readonly subresource: string
  readonly nowMs: number
}

interface Tracking {
  readonly type: MergeType
  /** What an object of the kind has when nothing is set: in Go its structs are there from the start. */
  readonly blank: UnknownObject
}

const known = new WeakMap<ServedResource, Tracking>()

function trackingOf(served: ServedResource): Tracking {
  let tracking = known.get(served)
  if (!tracking) known.set(served, (tracking = makeTracking(served)))
  return tracking
}

function makeTracking({ info, schema }: ServedResource): Tracking {
  const codec = kindCodec(info)
  if (codec) return { type: mergeTypeOf(codec.schema), blank: codec.decode({ metadata: {} }) }
  const metadata = mergeTypeOf(typeSchema('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'))
  return { type: schema ? customMergeType(schema, metadata) : deduced, blank: { metadata: {} } }
}

/** Sets the managedFields of `object`, which is the caller's in the served version; `old` is what it replaces, in that version too. */
export function trackFields(served: ServedResource, object: UnknownObject, old: UnknownObject | undefined, writer: FieldWriter): void {
  const { type, blank } = trackingOf(served)
  const before = entriesBefore(object, old, writer.subresource)
  if (before === undefined) {
    delete object.metadata.managedFields
    return
  }
  const comparison = owned(compareObjects(type, old ?? blank, object), served, writer.subresource)
  const entries = afterUpdate(before, comparison, {
    manager: writer.manager,
    apiVersion: apiVersionOf(served.info),
    subresource: writer.subresource,
    // Upstream keeps a scale's entry without a time.
    time: writer.subresource === 'scale' ? undefined : timestamp(writer.nowMs),
  })
  if (entries.length > 0) object.metadata.managedFields = entries
  else delete object.metadata.managedFields
}

/** undefined: the object has never been tracked, and is not from now on either. */
function entriesBefore(
  object: UnknownObject,
  old: UnknownObject | undefined,
  subresource: string,
): readonly ManagedFieldsEntry[] | undefined {
  if (!old) return []
  const stored = old.metadata.managedFields
  if (!stored?.length) return undefined
  const sent = object.metadata.managedFields
  if (subresource !== '' || !sent?.length) return stored
  // One empty entry is how a client drops them all.
  if (sent.length === 1 && Object.keys(sent[0] as object).length === 0) return []
  return sent.every(isEntry) ? sent : stored
}

function isEntry({ operation, fieldsType, fieldsV1 }: ManagedFieldsEntry): boolean {
  return (operation === 'Update' || operation === 'Apply') && fieldsType === 'FieldsV1' && typeof fieldsV1 === 'object' && fieldsV1 !== null
}

/** Members of metadata that are the server's. */
const systemMembers = new Set(
  ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion'].map(
    (name) => `f:${name}`,
  ),
).add('.')

function owned({ changed, removed }: Comparison, served: ServedResource, subresource: string): Comparison {
  return { changed: changed && ownedTree(changed, served, subresource), removed: removed && ownedTree(removed, served, subresource) }
}

function ownedTree(tree: FieldTree, { info }: ServedResource, subresource: string): FieldTree | undefined {
  const result: FieldTree = {}
  let isEmpty = true
  for (const element in tree) {
    if (!isOwnedHere(element, subresource, info)) continue
    const inner = element === 'f:metadata' ? withoutSystemMembers(tree[element] as FieldTree) : (tree[element] as FieldTree)
    if (!inner) continue
    result[element] = inner
    isEmpty = false
  }
  return isEmpty ? undefined : result
}

/** What this place does not write it does not own: upstream's reset fields. */
function isOwnedHere(element: string, subresource: string, info: ServedResource['info']): boolean {
  if (subresource === 'status') return element === 'f:status' || (element === 'f:metadata' && info.typeId !== 'custom')
  return subresource !== '' || element !== 'f:status' || !info.subresources.has('status')
}

function withoutSystemMembers(tree: FieldTree): FieldTree | undefined {
  const result: FieldTree = {}
  let isEmpty = true
  for (const element in tree) {
    if (systemMembers.has(element)) continue
    result[element] = tree[element] as FieldTree
    isEmpty = false
  }
  return isEmpty ? undefined : result
}
