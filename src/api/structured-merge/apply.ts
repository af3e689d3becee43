/**
 * Server-side apply (KEP-555): the live object with a configuration put over it, less what the same manager applied before, gives
 * up now and nobody else owns. Pure. The objects given are not changed; the result shares with them.
 */
import { sameJson } from '../same-json.js'
import type { ManagedFieldsEntry } from '../types/meta-v1.js'
import { compareObjects, type Comparison, type Unowned } from './compare.js'
import type { Members } from './elements.js'
import { difference, type FieldTree, intersection, isSubset, leaf, pathTexts, union, withNamedFields } from './field-tree.js'
import { fieldsOfConfiguration, fieldsOfObject } from './field-set.js'
import { entryOf, fieldsOf, managerId, remaining, sorted, type Writer } from './managed-fields.js'
import { mergeObjects } from './merge.js'
import type { MergeType } from './merge-type.js'
import { removeFields } from './remove.js'

/** The versions that a kind is served in. */
export interface Versions {
  /** undefined: nobody serves it (any more). */
  typeOf(apiVersion: string): MergeType | undefined
  convert(object: Members, from: string, to: string): Members
}

/** Which fields count at the place that is written: the others are nobody's. */
export interface Ownership {
  readonly unowned: Unowned
  /** What of a set can be owned here; undefined: nothing. */
  owned(fields: FieldTree | undefined): FieldTree | undefined
}

export interface Application {
  readonly live: Members
  readonly configuration: Members
  readonly entries: readonly ManagedFieldsEntry[]
  readonly writer: Writer
  readonly force: boolean
  readonly ownership: Ownership
  readonly versions: Versions
}

export interface Applied {
  /** The live one itself when nothing changes. */
  readonly object: Members
  readonly entries: readonly ManagedFieldsEntry[]
}

export interface Conflict {
  readonly entry: ManagedFieldsEntry
  readonly fields: FieldTree
}

/** Others own fields that the configuration would change. */
export class ApplyConflict extends Error {
  override readonly name = 'ApplyConflict'
  constructor(readonly conflicts: readonly Conflict[]) {
    super(`Apply failed with ${conflicts.length} conflicts`)
  }
}

/** Throws ApplyConflict, and TypedError when the configuration does not fit the schema. */
export function apply(application: Application): Applied {
  const { live, configuration, entries, writer, force, ownership, versions } = application
  const type = versions.typeOf(writer.apiVersion) as MergeType
  const fields = fieldsOfConfiguration(type, configuration)
  const mentioned = fields ?? leaf
  const wanted = fields && ownership.owned(fields)
  const own = entryOf(writer, 'Apply', wanted ?? leaf)
  const id = managerId(own)
  const last = entries.find((entry) => managerId(entry) === id)
  const others = entries.filter((entry) => entry !== last)
  const merged = mergeObjects(type, live, configuration)
  const object = last ? prune(application, merged, fieldsOf(last), last.apiVersion ?? '', mentioned, others) : merged
  const comparisons = comparisonsOf(application, object)
  const conflicts = conflictsOf(others, comparisons)
  if (conflicts.length > 0 && !force) throw new ApplyConflict(conflicts)
  const kept: ManagedFieldsEntry[] = []
  for (const entry of others) {
    const fields = remaining(entry, comparisons)
    if (fields) kept.push(fields === entry.fieldsV1 ? entry : { ...entry, fieldsV1: fields })
  }
  const isSame = object === live || sameJson(object, live)
  if (wanted) {
    const { time: _, ...untimed } = own
    const time = isSame ? last?.time : writer.time
    kept.push(entryWithTime(untimed, time))
  }
  return { object: isSame ? live : object, entries: sorted(kept) }
}

function entryWithTime(entry: ManagedFieldsEntry, time: string | undefined): ManagedFieldsEntry {
  return time === undefined ? entry : { ...entry, time }
}

function comparisonsOf(
  { live, writer, ownership, versions }: Application,
  object: Members,
): (apiVersion: string) => Comparison | undefined {
  return memoized((apiVersion) => {
    const type = versions.typeOf(apiVersion)
    if (!type) return undefined
    const [before, after] = [live, object].map((each) => inVersion(versions, each, writer.apiVersion, apiVersion)) as [Members, Members]
    const { changed, removed } = compareObjects(type, before, after, ownership.unowned)
    return { changed: ownership.owned(changed), removed: ownership.owned(removed) }
  })
}

export function memoized<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>()
  return (key) => {
    if (!known.has(key)) known.set(key, make(key))
    return known.get(key) as T
  }
}

function inVersion(versions: Versions, object: Members, from: string, to: string): Members {
  return from === to ? object : versions.convert(object, from, to)
}

function conflictsOf(others: readonly ManagedFieldsEntry[], comparisons: (apiVersion: string) => Comparison | undefined): Conflict[] {
  return others.flatMap((entry) => {
    const changed = comparisons(entry.apiVersion ?? '')?.changed
    const fields = changed && intersection(fieldsOf(entry), changed)
    return fields ? [{ entry, fields }] : []
  })
}

/**
 * Removes what the manager applied last time, not now, and nobody else owns. What it had never owned stays, though it lies in
 * something that goes: an item whose key is owned by nobody else goes with all that only defaults and plugins put into it.
 */
function prune(
  { writer, versions }: Application,
  merged: Members,
  last: FieldTree,
  lastVersion: string,
  wanted: FieldTree,
  others: readonly ManagedFieldsEntry[],
): Members {
  const isSameVersion = lastVersion === writer.apiVersion
  if (isSameVersion && isSubset(last, wanted)) return merged
  const lastType = versions.typeOf(lastVersion)
  if (!lastType) return merged
  const managed = new Map<string, FieldTree>()
  const add = (version: string, fields: FieldTree) => managed.set(version, union(managed.get(version) ?? fields, fields))
  for (const entry of others) add(entry.apiVersion ?? '', fieldsOf(entry))
  add(writer.apiVersion, wanted)
  const start = inVersion(versions, merged, writer.apiVersion, lastVersion)
  const named = withNamedFields(last, lastType)
  const pruned = withOwned(versions, start, removeFields(lastType, start, named), lastVersion, managed)
  const [before, after] = [start, pruned].map((each) => withNamedFields(fieldsOfObject(lastType, each) ?? leaf, lastType))
  const lost = difference(before as FieldTree, after as FieldTree)
  const gone = lost && intersection(lost, named)
  const result = gone ? removeFields(lastType, start, gone) : start
  if (isSameVersion) return result
  return result === start ? merged : inVersion(versions, result, lastVersion, writer.apiVersion)
}

/** What was pruned comes back where a manager owns it, the versions one after the other, that of the pruned fields first. */
function withOwned(
  versions: Versions,
  merged: Members,
  pruned: Members,
  lastVersion: string,
  managed: ReadonlyMap<string, FieldTree>,
): Members {
  let [full, result, at] = [merged, pruned, lastVersion]
  const order = [...managed.keys()].sort((a, b) => Number(b === lastVersion) - Number(a === lastVersion))
  for (const version of order) {
    const type = versions.typeOf(version)
    if (!type) continue
    full = inVersion(versions, full, at, version)
    result = inVersion(versions, result, at, version)
    at = version
    const named = (fields: FieldTree | undefined) => withNamedFields(fields ?? leaf, type)
    const kept = union(named(fieldsOfObject(type, result)), named(managed.get(version)))
    const gone = difference(named(fieldsOfObject(type, full)), kept)
    result = gone ? removeFields(type, full, gone) : full
  }
  return inVersion(versions, result, at, lastVersion)
}

/** What a conflict is about, as messages say it. */
export function conflictPaths({ fields }: Conflict): readonly string[] {
  return pathTexts(fields)
}
