/**
 * What differs between two objects of a kind, as sets of fields (structured merge's Compare). The walk stops where both are the
 * same object, and builds only what differs.
 */
import { ownMember, sameJson } from '../same-json.js'
import { fieldElement, isEmptyMap, isFaulty, itemElement, type Members } from './elements.js'
import { type FieldTree, leaf, trimmed } from './field-tree.js'
import type { ListType, MapType, MergeType } from './merge-type.js'

export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldTree | undefined
  /** Fields that are no longer there. */
  readonly removed: FieldTree | undefined
}

interface Pair {
  changed: FieldTree | undefined
  removed: FieldTree | undefined
}

/** Members that nobody owns, or that this place does not write. */
export interface Unowned {
  readonly top: ReadonlySet<string>
  readonly metadata: ReadonlySet<string>
}

const nobodys: ReadonlySet<string> = new Set()
const everything: Unowned = { top: nobodys, metadata: nobodys }

export function compareObjects(type: MergeType, before: Members, after: Members, unowned: Unowned = everything): Comparison {
  const result: Pair = { changed: undefined, removed: undefined }
  if (!type.map) return result
  compareMembers(type.map, before, after, result, unowned)
  return result
}

/** `unowned` at the top of an object only. */
function compareMembers(type: MapType, before: Members, after: Members, into: Pair, unowned?: Unowned): void {
  for (const name in after) {
    const value = after[name]
    const old = ownMember(before, name)
    if (old === value || unowned?.top.has(name)) continue
    if (unowned && name === 'metadata') compareMetadata(type, old as Members | undefined, value as Members | undefined, into, unowned)
    else addTo(into, name, compareValues(memberType(type, name), old, value))
  }
  for (const name in before) {
    if (ownMember(after, name) !== undefined || before[name] === undefined || unowned?.top.has(name)) continue
    addTo(into, name, compareValues(memberType(type, name), before[name], undefined))
  }
}

/** What a schema does not know is looked at as it comes. */
const unknownType: MergeType = {}

function memberType(type: MapType, name: string): MergeType {
  return type.declared(name) ?? type.others() ?? unknownType
}

const nothing: Members = {}

function compareMetadata(type: MapType, before: Members = nothing, after: Members = nothing, into: Pair, unowned: Unowned): void {
  const map = type.declared('metadata')?.map
  if (!map) return addTo(into, 'metadata', compareValues(memberType(type, 'metadata'), before, after))
  const inner: Pair = { changed: undefined, removed: undefined }
  compareMembers(map, before, after, inner, { top: unowned.metadata, metadata: nobodys })
  addTo(into, 'metadata', inner)
}

function addTo(into: Pair, name: string, inner: Pair | undefined): void {
  if (inner) addElement(into, fieldElement(name), inner)
}

function addElement(into: Pair, element: string, inner: Pair): void {
  if (inner.changed) (into.changed ??= {})[element] = inner.changed
  if (inner.removed) (into.removed ??= {})[element] = inner.removed
}

const changedLeaf: Pair = Object.freeze({ changed: leaf, removed: undefined })

/** `undefined` is an absent value, null one that is there and empty. The result is undefined when nothing differs. */
function compareValues(type: MergeType, before: unknown, after: unknown): Pair | undefined {
  if (before === after) return undefined
  if (before === undefined) return { changed: wholeFields(type, after), removed: undefined }
  if (after === undefined) return { changed: undefined, removed: wholeFields(type, before) }
  const [old, next] = [kindOf(before), kindOf(after)]
  if (old === 'scalar' || next === 'scalar') return old === next ? changedLeaf : ofOtherKind(type, before, after)
  const kind = old === 'null' ? next : old
  if (next !== 'null' && next !== kind) return ofOtherKind(type, before, after)
  if (kind === 'map' && type.map && !type.map.isAtomic) return compareMaps(type.map, before as Members | null, after as Members | null)
  if (kind === 'list' && type.list && type.list.relation !== 'atomic')
    return compareLists(type.list, before as readonly unknown[] | null, after as readonly unknown[] | null)
  return sameJson(before, after) ? undefined : changedLeaf
}

function kindOf(value: unknown): 'scalar' | 'list' | 'map' | 'null' {
  if (typeof value !== 'object') return 'scalar'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : 'map'
}

/** A value that has become one of another kind is another value, and the fields of the one go as those of the other come. */
function ofOtherKind(type: MergeType, before: unknown, after: unknown): Pair {
  const fallsApart = (value: unknown) => kindOf(value) === 'map' && type.map && !type.map.isAtomic && !isEmptyMap(value as Members)
  const gone = fallsApart(before) ? { ...wholeFields(type, before) } : undefined
  if (gone) delete gone['.']
  return { changed: fallsApart(after) ? wholeFields(type, after) : leaf, removed: gone }
}

function compareMaps(type: MapType, before: Members | null, after: Members | null): Pair | undefined {
  const [old, next] = [before ?? nothing, after ?? nothing]
  // The difference between null and empty is the field's own.
  if (isEmptyMap(old) && isEmptyMap(next)) return before === null || after === null ? changedLeaf : undefined
  const result: Pair = { changed: undefined, removed: undefined }
  compareMembers(type, old, next, result)
  return result.changed || result.removed ? result : undefined
}

const noItems: readonly unknown[] = []

function compareLists(type: ListType, before: readonly unknown[] | null, after: readonly unknown[] | null): Pair | undefined {
  const [old, next] = [before ?? noItems, after ?? noItems]
  if (old.length === 0 && next.length === 0) return before === null || after === null ? changedLeaf : undefined
  if (old.length === next.length && old.every((item, index) => sameJson(item, next[index]))) return undefined
  const result: Pair = { changed: undefined, removed: undefined }
  const [known, wanted] = [itemsByElement(type, old), itemsByElement(type, next)]
  for (const [element, items] of wanted) compareItems(type, element, known.get(element) ?? noItems, items, result)
  for (const [element, items] of known) if (!wanted.has(element)) compareItems(type, element, items, noItems, result)
  return result.changed || result.removed ? result : undefined
}

function itemsByElement(type: ListType, items: readonly unknown[]): Map<string, unknown[]> {
  const byElement = new Map<string, unknown[]>()
  for (const item of items) {
    const element = itemElement(type, item)
    if (isFaulty(element)) continue
    const same = byElement.get(element)
    if (same) same.push(item)
    else byElement.set(element, [item])
  }
  return byElement
}

/** Items that are there more than once are compared as one; only the item itself is a field then. */
function compareItems(type: ListType, element: string, before: readonly unknown[], after: readonly unknown[], into: Pair): void {
  const [wasTwice, isTwice] = [before.length > 1, after.length > 1]
  if (wasTwice && isTwice) {
    if (!sameJson(before, after)) addElement(into, element, changedLeaf)
    return
  }
  const single = compareValues(type.item(), wasTwice ? undefined : before[0], isTwice ? undefined : after[0])
  if (single && !(isTwice && before.length === 0) && !(wasTwice && after.length === 0)) addElement(into, element, single)
  if (wasTwice) addElement(into, element, { changed: undefined, removed: leaf })
  if (isTwice) addElement(into, element, changedLeaf)
}

/** A value with all that it holds: a container that comes or goes is a field besides what it holds. */
function wholeFields(type: MergeType, value: unknown): FieldTree {
  if (typeof value !== 'object' || value === null) return leaf
  return (Array.isArray(value) ? wholeList(type.list, value) : wholeMap(type.map, value as Members)) ?? leaf
}

function wholeMap(type: MapType | undefined, members: Members): FieldTree | undefined {
  if (!type || type.isAtomic) return undefined
  const result: FieldTree = { '.': leaf }
  for (const name in members) {
    const value = members[name]
    if (value !== undefined)
      result[fieldElement(name)] = typeof value === 'object' && value !== null ? wholeFields(memberType(type, name), value) : leaf
  }
  return trimmed(result)
}

function wholeList(type: ListType | undefined, items: readonly unknown[]): FieldTree | undefined {
  if (!type || type.relation === 'atomic') return undefined
  const result: FieldTree = { '.': leaf }
  const itemType = type.item()
  for (const item of items) {
    const element = itemElement(type, item)
    if (!isFaulty(element)) result[element] = element in result ? leaf : wholeFields(itemType, item)
  }
  return trimmed(result)
}
