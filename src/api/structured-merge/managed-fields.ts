/**
 * Who has set which field (metadata.managedFields) after a write that is not an apply: the writer owns what it changed, everybody
 * loses what was changed by another or is gone (KEP-555).
 */
import type { ManagedFieldsEntry } from '../types/meta-v1.js'
import type { Comparison } from './compare.js'
import { difference, type FieldTree, union } from './field-tree.js'

export interface Writer {
  readonly manager: string
  readonly apiVersion: string
  /** '' for the main resource. */
  readonly subresource: string
  /** undefined: the entry has no time (a scale's). */
  readonly time: string | undefined
}

/** More writers than this are not told apart: the oldest become one (upstream's cap). */
const updateManagersMax = 10
const ancient = 'ancient-changes'

/** The entries after a write that changed what `comparison` says. */
export function afterUpdate(entries: readonly ManagedFieldsEntry[], comparison: Comparison, writer: Writer): ManagedFieldsEntry[] {
  const { changed, removed } = comparison
  const lost = changed && removed ? union(changed, removed) : (changed ?? removed)
  if (!lost) return [...entries]
  const isWriter = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Update' &&
    entry.manager === writer.manager &&
    entry.apiVersion === writer.apiVersion &&
    (entry.subresource ?? '') === writer.subresource
  const kept: ManagedFieldsEntry[] = []
  let own: FieldTree | undefined
  for (const entry of entries) {
    const fields = difference((entry.fieldsV1 ?? {}) as FieldTree, lost)
    if (isWriter(entry) && changed) own = fields
    else if (fields) kept.push(fields === entry.fieldsV1 ? entry : { ...entry, fieldsV1: fields })
  }
  if (changed) kept.push(entryOf(writer, own ? union(own, changed) : changed))
  return sorted(capped(kept))
}

function entryOf({ manager, apiVersion, subresource, time }: Writer, fieldsV1: FieldTree): ManagedFieldsEntry {
  return {
    manager,
    operation: 'Update',
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === '' ? {} : { subresource }),
  }
}

function capped(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const updates = entries.filter(({ operation }) => operation === 'Update').sort(byTime)
  if (updates.length <= updateManagersMax) return entries
  const surplus = updates.slice(0, updates.length - updateManagersMax + 1)
  // One bucket a version: fields are named as that version has them.
  const buckets = new Map<string, ManagedFieldsEntry>()
  for (const entry of surplus) {
    const version = entry.apiVersion ?? ''
    const bucket = buckets.get(version)
    const fields = (entry.fieldsV1 ?? {}) as FieldTree
    const fieldsV1 = bucket ? union((bucket.fieldsV1 ?? {}) as FieldTree, fields) : fields
    buckets.set(version, { ...entryOf({ manager: ancient, apiVersion: version, subresource: '', time: entry.time }, fieldsV1) })
  }
  return [...entries.filter((entry) => !surplus.includes(entry)), ...buckets.values()]
}

function byTime(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (a.time ?? '') < (b.time ?? '') ? -1 : (a.time ?? '') > (b.time ?? '') ? 1 : 0
}

/** Apply before Update, then by time, then by name: the same fields always give the same list. */
function sorted(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const text = ({ operation, manager, apiVersion, subresource }: ManagedFieldsEntry) =>
    [operation, manager, apiVersion, subresource ?? ''].join('\0')
  return [...entries].sort(
    (a, b) => (a.operation === b.operation ? byTime(a, b) : 0) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0),
  )
}
