/** Who has set which field (metadata.managedFields): the entries, and what becomes of them after a write that is no apply (KEP-555). */
import type { ManagedFieldsEntry } from '../types/meta-v1.js'
import type { Comparison } from './compare.js'
import { difference, type FieldTree, isFieldTree, isLeaf, leaf, union } from './field-tree.js'

export interface Writer {
  readonly manager: string
  readonly apiVersion: string
  /** '' for the main resource. */
  readonly subresource: string
  /** undefined: the entry has no time (a scale's). */
  readonly time: string | undefined
}

/** What a write changed, as each version has it; undefined for a version that nobody serves any more. */
export type Comparisons = (apiVersion: string) => Comparison | undefined

/** More writers than this are not told apart: the oldest become one (upstream's cap). */
const updateManagersMax = 10
const ancient = 'ancient-changes'

export function fieldsOf({ fieldsV1 }: ManagedFieldsEntry): FieldTree {
  return (fieldsV1 ?? leaf) as FieldTree
}

/** Entries that a client wrote are taken only when every one of them is sound. */
export function areEntries(entries: readonly ManagedFieldsEntry[]): boolean {
  return entries.every(
    ({ operation, apiVersion, fieldsType, fieldsV1 }) =>
      (operation === 'Update' || operation === 'Apply') &&
      apiVersion !== undefined &&
      apiVersion !== '' &&
      fieldsType === 'FieldsV1' &&
      (fieldsV1 === undefined || isFieldTree(fieldsV1)),
  )
}

/** What makes an entry one manager's: an applier is the same one in whichever version it applies. */
export function managerId({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify({
    manager: manager || undefined,
    operation,
    apiVersion: operation === 'Apply' ? undefined : apiVersion,
    subresource: subresource || undefined,
  })
}

/** The entries after a write. The same array when they stay as they are. */
export function afterUpdate(
  entries: readonly ManagedFieldsEntry[],
  comparisons: Comparisons,
  writer: Writer,
): readonly ManagedFieldsEntry[] {
  const changed = comparisons(writer.apiVersion)?.changed
  const kept: ManagedFieldsEntry[] = []
  let own: FieldTree | undefined
  let isSame = changed === undefined
  for (const entry of entries) {
    const fields = remaining(entry, comparisons)
    if (changed && isWriter(entry, writer)) own = fields
    else if (fields) kept.push(fields === entry.fieldsV1 ? entry : { ...entry, fieldsV1: fields })
    if (fields !== entry.fieldsV1) isSame = false
  }
  if (isSame) return entries
  if (changed) kept.push(entryOf(writer, 'Update', own ? union(own, changed) : changed))
  return sorted(capped(kept))
}

function isWriter(entry: ManagedFieldsEntry, { manager, apiVersion, subresource }: Writer): boolean {
  return (
    entry.operation === 'Update' &&
    entry.manager === manager &&
    entry.apiVersion === apiVersion &&
    (entry.subresource ?? '') === subresource
  )
}

/** What an entry still owns when another has written; undefined: nothing. */
export function remaining(entry: ManagedFieldsEntry, comparisons: Comparisons): FieldTree | undefined {
  const comparison = comparisons(entry.apiVersion ?? '')
  const fields = fieldsOf(entry)
  if (!comparison || isLeaf(fields)) return undefined
  return without(without(fields, comparison.changed), comparison.removed)
}

export function without(fields: FieldTree | undefined, lost: FieldTree | undefined): FieldTree | undefined {
  return fields && lost ? difference(fields, lost) : fields
}

export function entryOf(
  { manager, apiVersion, subresource, time }: Writer,
  operation: 'Apply' | 'Update',
  fieldsV1: FieldTree,
): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === '' ? {} : { subresource }),
  }
}

/** The oldest updaters of a version are put into one entry, two at first, until no more than the cap are left. */
function capped(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const updates = entries.filter(({ operation }) => operation === 'Update')
  let surplus = updates.length - updateManagersMax
  if (surplus <= 0) return entries
  const byId = new Map(entries.map((entry) => [managerId(entry), entry]))
  const firsts = new Map<string, ManagedFieldsEntry>()
  for (const entry of updates.sort((a, b) => byTime(a, b) || (managerId(a) < managerId(b) ? -1 : 1))) {
    if (surplus <= 0) break
    const version = entry.apiVersion ?? ''
    const first = firsts.get(version)
    if (!first) {
      firsts.set(version, entry)
      continue
    }
    const bucketOf = (fields: FieldTree) =>
      entryOf({ manager: ancient, apiVersion: version, subresource: '', time: entry.time }, 'Update', fields)
    const id = managerId(bucketOf(leaf))
    const before = byId.get(id) ?? first
    byId.delete(managerId(first))
    byId.delete(managerId(entry))
    byId.set(id, bucketOf(union(fieldsOf(before), fieldsOf(entry))))
    surplus--
  }
  return [...byId.values()]
}

function byTime(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (a.time ?? '') < (b.time ?? '') ? -1 : (a.time ?? '') > (b.time ?? '') ? 1 : 0
}

/** Apply before Update, then by time, then by name: the same fields always give the same list. */
export function sorted(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  if (entries.length < 2) return [...entries]
  const text = ({ operation, manager, apiVersion, subresource }: ManagedFieldsEntry) =>
    [operation, manager, apiVersion, subresource ?? ''].join('\0')
  return [...entries].sort(
    (a, b) => (a.operation === b.operation ? byTime(a, b) : 0) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0),
  )
}
