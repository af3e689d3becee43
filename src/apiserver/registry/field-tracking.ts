/** metadata.managedFields of a write: which fields the caller has set, by the object as it was sent (before admission). */
import { cloneJson } from '../../api/clone-json.js'
import { apiVersionOf, type GroupVersionKind, type UnknownObject } from '../../api/object.js'
import { memoized } from '../../api/structured-merge/apply.js'
import { compareObjects } from '../../api/structured-merge/compare.js'
import { reconciled } from '../../api/structured-merge/field-tree.js'
import { afterUpdate, areEntries, type Comparisons, fieldsOf } from '../../api/structured-merge/managed-fields.js'
import type { ManagedFieldsEntry } from '../../api/types/meta-v1.js'
import { timestamp } from '../../base/clock.js'
import { kindTracking, scaleTracking, scaleVersion, type Tracking, trackingOf } from './field-ownership.js'
import type { ServedResource } from './resource.js'

export interface FieldWriter {
  readonly manager: string
  readonly subresource: string
  readonly nowMs: number
}

interface Update {
  readonly object: UnknownObject
  readonly old: UnknownObject | undefined
  readonly writer: FieldWriter
}

/** Sets the managedFields of `object`, which is the caller's in the served version; `old` is what it replaces, in that version too. */
export function trackFields(served: ServedResource, object: UnknownObject, old: UnknownObject | undefined, writer: FieldWriter): void {
  const before = entriesBefore(object, old, writer.subresource)
  const entries = before && schemaEntries(served, before)
  const update = { object: asStored(served, object), old, writer }
  setEntries(object, entries && entriesAfter(trackingOf(served), apiVersionOf(served.info), entries, update))
}

/** What the stored version makes of it is the caller's too: the conversion of an autoscaler has defaults of its own. */
function asStored({ conversion, info }: ServedResource, object: UnknownObject): UnknownObject {
  return conversion && info.typeId !== 'custom' ? conversion.fromStored(conversion.toStored(cloneJson(object))) : object
}

/** The same of a Scale, whose entries are in `old` as they are about a Scale. */
export function trackScale(object: UnknownObject, old: UnknownObject, writer: FieldWriter): void {
  const entries = entriesBefore(object, old, writer.subresource)
  setEntries(object, entries && entriesAfter(scaleTracking(), scaleVersion, entries, { object, old, writer }))
}

/** The managedFields of an object that is created and not stored under its own name (reviews, tokens). */
export function trackCreated(kind: GroupVersionKind, object: UnknownObject, writer: FieldWriter): void {
  const tracking = kindTracking(kind)
  if (tracking) setEntries(object, entriesAfter(tracking, apiVersionOf(kind), [], { object, old: undefined, writer }))
}

function entriesAfter(
  tracking: Tracking,
  apiVersion: string,
  entries: readonly ManagedFieldsEntry[],
  update: Update,
): readonly ManagedFieldsEntry[] {
  const { manager, subresource, nowMs } = update.writer
  return afterUpdate(entries, comparisonsOf(tracking, apiVersion, update), { manager, apiVersion, subresource, time: secondOf(nowMs) })
}

let second = { at: Number.NaN, text: '' }

/** Many writes happen in one second: its text is made once. */
export function secondOf(nowMs: number): string {
  const at = Math.floor(nowMs / 1000)
  if (at !== second.at) second = { at, text: timestamp(nowMs) }
  return second.text
}

export function setEntries({ metadata }: UnknownObject, entries: readonly ManagedFieldsEntry[] | undefined): void {
  if (entries && entries.length > 0) metadata.managedFields = entries as ManagedFieldsEntry[]
  else delete metadata.managedFields
}

function comparisonsOf({ type, blank, versions, ownership }: Tracking, own: string, { object, old, writer }: Update): Comparisons {
  const { unowned, owned } = ownership(writer.subresource)
  return memoized((apiVersion) => {
    const ofVersion = apiVersion === own ? type : versions.typeOf(apiVersion)
    if (!ofVersion) return undefined
    const [before, after] = [old ?? blank, object].map((each) => (apiVersion === own ? each : versions.convert(each, own, apiVersion)))
    const { changed, removed } = compareObjects(ofVersion, before as UnknownObject, after as UnknownObject, unowned)
    return { changed: owned(changed), removed: owned(removed) }
  })
}

/** undefined: the object has never been tracked, or the client wants it no more; it is not from now on either. */
function entriesBefore(
  object: UnknownObject,
  old: UnknownObject | undefined,
  subresource: string,
): readonly ManagedFieldsEntry[] | undefined {
  const sent = object.metadata.managedFields
  if (subresource === '' && sent && isReset(sent)) return old ? undefined : []
  if (subresource === '' && sent?.length && areEntries(sent)) return sent
  const stored = old?.metadata.managedFields ?? []
  return old && stored.length === 0 ? undefined : stored
}

/** An empty list, or one empty entry, is how a client drops them all. */
function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] as object).length === 0)
}

/** The entries as the schema has their fields now: that of a custom resource may have changed since they were written. */
export function schemaEntries({ info, stored }: ServedResource, entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  if (info.typeId !== 'custom') return entries
  return entries.map((entry) => {
    const version = stored.versions.get(entry.apiVersion ?? '')
    const fields = fieldsOf(entry)
    const now = version ? reconciled(fields, trackingOf(version).type) : fields
    return now === fields ? entry : { ...entry, fieldsV1: now }
  })
}
